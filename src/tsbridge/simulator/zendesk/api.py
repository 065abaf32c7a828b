"""Zendesk's REST routes over the world: each group of them in a module of its own. With and without `.json`."""

from __future__ import annotations

from typing import Any

from tsbridge.simulator.zendesk.answers import Rejected, no_endpoint, page
from tsbridge.simulator.zendesk.bulk import Bulk
from tsbridge.simulator.zendesk.directory import Directory
from tsbridge.simulator.zendesk.exports import Exports
from tsbridge.simulator.zendesk.extras import Extras
from tsbridge.simulator.zendesk.lookups import Lookups
from tsbridge.simulator.zendesk.people import People
from tsbridge.simulator.zendesk.redactions import Redactions
from tsbridge.simulator.zendesk.routes import ROUTES, Asked, Found, route
from tsbridge.simulator.zendesk.rule_routes import RuleRoutes
from tsbridge.simulator.zendesk.schedules import Schedules
from tsbridge.simulator.zendesk.statuses import Statuses
from tsbridge.simulator.zendesk.tickets import Tickets
from tsbridge.simulator.zendesk.webhook_routes import WebhookRoutes
from tsbridge.simulator.zendesk.world import World


class Api(Bulk, Tickets, Exports, Lookups, People, RuleRoutes, WebhookRoutes, Extras, Directory, Redactions, Schedules, Statuses):
    """The account's public API. A method answers its content, or `Found` for another status than 200."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.s = world.store

    def answer(self, method: str, path: str, asked: Asked) -> Found:
        allowed = False
        for wanted, expression, name in ROUTES:
            hit = expression.match(path)
            if hit is None:
                continue
            if wanted != method:
                allowed = True
                continue
            parts = [int(p) if p and p.isdecimal() else p for p in hit.groups()]
            found = getattr(self, name)(asked, *parts)
            return found if isinstance(found, Found) else Found(200, found)
        raise no_endpoint() if not allowed else Rejected(405, {"error": "MethodNotAllowed", "description": "Method not allowed"})

    @route("GET", "/api/v2/slas/policies")
    def slas(self, asked: Asked) -> Any:
        return page([], "sla_policies", asked.query, asked.url)

    @route("GET", "/api/v2/account/settings")
    def settings(self, asked: Asked) -> Any:
        return {"settings": {"tickets": {"tagging": True}, "active_features": {"business_hours": True}}}

    @route("GET", "/api/v2/oauth/tokens/current")
    def current_token(self, asked: Asked) -> Any:
        return {"token": {"id": 1, "user_id": asked.user["id"], "scopes": ["read", "write"]}}

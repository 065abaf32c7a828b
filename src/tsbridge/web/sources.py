"""What to paste into the vendors' own consoles so that they tell us what we read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from tsbridge.vendors.talkdesk.schema import TRIGGERS, schema
from tsbridge.vendors.zendesk.trigger import trigger_body
from tsbridge.web.auth import Viewer
from tsbridge.web.inputs import Id
from tsbridge.web.problems import not_found
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/sources", tags=["sources"])


@routes.get("/zendesk/trigger-body")
async def zendesk_trigger_body(by: Viewer) -> dict[str, Any]:
    """The JSON body for a Zendesk trigger's webhook action, with Zendesk's placeholders in it."""
    return trigger_body()


@routes.get("/talkdesk/schema/{trigger}")
async def talkdesk_schema(by: Viewer, trigger: Id) -> dict[str, Any]:
    """The flat body for a Talkdesk automation of this trigger, with its fields described."""
    if trigger not in TRIGGERS:
        raise not_found("trigger")
    return schema(trigger)

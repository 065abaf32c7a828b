"""The console: every page and every form in one place, each with the lowest role that may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from tsbridge.console import (
    audit,
    cases,
    draft,
    events,
    health,
    now,
    patterns,
    replay,
    reports,
    roster,
    rulebook,
    search,
    shadow,
    who_next,
    why,
    writeback,
)
from tsbridge.console.forms import FORMS, Table, as_csv, as_json, as_xlsx
from tsbridge.console.frame import FORM_CAP, HEADERS, Frame, Handler, Visit
from tsbridge.console.live import Live
from tsbridge.console.made import Console
from tsbridge.console.provider import ByProvider
from tsbridge.console.render import Pages
from tsbridge.console.signing import HOME, SigningIn

PAGES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("/now", "viewer", now.page),
    ("/cases", "viewer", cases.listed),
    ("/cases/{id}", "viewer", cases.show),
    ("/search", "viewer", search.page),
    ("/audit", "viewer", audit.page),
    ("/audit/changes", "supervisor", audit.changes),
    ("/audit/{id}", "viewer", why.decision),
    ("/reports", "viewer", reports.index),
    ("/reports/pack", "viewer", reports.weekly),
    *((f"/reports/{{name}}.{form}", "viewer", partial(reports.formed, form=form)) for form in FORMS),
    ("/reports/{name}/chart", "viewer", reports.drawn),
    ("/reports/{name}/cases", "viewer", reports.behind),
    ("/reports/{name}", "viewer", reports.page),
    ("/roster", "viewer", roster.page),
    ("/roster/next", "viewer", who_next.page),
    ("/roster/swap", "supervisor", roster.swap),
    ("/rulebook", "viewer", rulebook.page),
    ("/rulebook/rules/{key}", "viewer", rulebook.rule),
    ("/rulebook/versions", "viewer", rulebook.versions),
    ("/rulebook/difference", "viewer", rulebook.difference),
    ("/rulebook/tests", "ops", rulebook.tests),
    ("/rulebook/try", "ops", rulebook.trying),
    ("/rulebook/replay", "ops", replay.page),
    ("/rulebook/replay/{id}", "ops", replay.show),
    ("/rulebook/shadow", "ops", shadow.page),
    ("/rulebook/draft", "ops", draft.page),
    ("/rulebook/draft/new", "ops", draft.new_rule),
    ("/rulebook/draft/rules/{key}", "ops", draft.show_rule),
    ("/patterns", "supervisor", patterns.page),
    ("/writeback", "supervisor", writeback.page),
    ("/writeback/{id}", "supervisor", writeback.show),
    ("/events", "ops", events.page),
    ("/events/{id}", "ops", events.show),
    ("/keys", "viewer", health.page),
)
FORMS_SENT: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("/cases/{id}/words", "viewer", cases.with_words),
    ("/cases/{id}/acknowledge", "supervisor", cases.acknowledge),
    ("/cases/{id}/resolve", "supervisor", cases.resolve),
    ("/cases/{id}/note", "supervisor", cases.note),
    ("/cases/{id}/assign", "supervisor", cases.assign),
    ("/cases/{id}/merge", "supervisor", cases.merge),
    ("/cases/{id}/split", "supervisor", cases.split),
    ("/roster/overrides", "supervisor", roster.override),
    ("/roster/overrides/{id}/remove", "supervisor", roster.remove),
    ("/rulebook/draft/begin", "ops", draft.begin_again),
    ("/rulebook/replay", "ops", replay.start),
    ("/rulebook/replay/{id}/cancel", "ops", replay.cancel),
    ("/rulebook/shadow", "ops", shadow.start),
    ("/rulebook/shadow/stop", "ops", shadow.stop),
    ("/rulebook/draft/new", "ops", draft.save),
    ("/rulebook/draft/new/check", "ops", draft.check),
    ("/rulebook/draft/rules/{key}", "ops", draft.save),
    ("/rulebook/draft/rules/{key}/check", "ops", draft.check),
    ("/rulebook/draft/rules/{key}/remove", "ops", draft.remove),
    ("/rulebook/publish", "ops", draft.publish),
    ("/rulebook/versions/{number}/restore", "ops", draft.restore),
    ("/patterns/refresh", "supervisor", patterns.refresh),
    ("/writeback/mode", "supervisor", writeback.switch),
    ("/writeback/rules", "ops", writeback.pause),
    ("/writeback/{id}/retry", "supervisor", writeback.retry),
    ("/events/{id}/retry", "ops", events.retry),
    ("/events/{id}/words", "ops", events.with_words),
    ("/keys", "admin", health.create),
    ("/keys/{id}/revoke", "admin", health.revoke),
)
TABLES: Final[tuple[tuple[str, str, Callable[[Visit], Awaitable[Table]]], ...]] = (
    ("/cases", "viewer", cases.table),
    ("/audit", "viewer", audit.table),
    ("/audit/changes", "supervisor", audit.change_table),
    ("/roster", "viewer", roster.table),
    ("/roster/next", "viewer", who_next.table),
    ("/rulebook", "viewer", rulebook.table),
    ("/moves", "ops", replay.moves),
    ("/rulebook/shadow", "ops", shadow.moves),
    ("/patterns", "supervisor", patterns.table),
    ("/writeback", "supervisor", writeback.table),
    ("/drift", "supervisor", writeback.drift_table),
    ("/events", "ops", events.table),
    ("/keys", "admin", health.key_table),
)
"""What is there as `.json`, `.csv` and `.xlsx` as well."""
RULES: Final = "/rulebook/"
RULE_CAP: Final = 512 << 10
"""Of a form: a rule takes the most."""
LASTING: Final = "public, max-age=31536000, immutable"


def create(console: Console, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> ASGIApp:
    """Everything below `/console`."""
    pages = Pages(console.zone, console.zendesk_url, console.version)
    frame = Frame(console, pages)
    signing, live = SigningIn(console, pages, frame), Live(console, sleep)
    by_provider = None if console.provider is None else ByProvider(console, console.provider, pages, frame)

    async def home(request: Request) -> Response:
        return RedirectResponse(HOME, 303, HEADERS)

    async def asset(request: Request) -> Response:
        found = pages.assets.get(str(request.path_params["name"]))
        if found is None:
            return frame.failed(404, "There is no such file.")
        return Response(found.body, headers={"Cache-Control": LASTING}, media_type=found.kind)

    async def nothing(request: Request) -> Response:
        return frame.failed(404, "There is no such page.")

    routes = [
        Route("/", home, methods=["GET"]),
        Route("/static/{name}", asset, methods=["GET"]),
        Route("/sign-in", signing.__call__, methods=["GET", "POST"]),
        *(
            ()
            if by_provider is None
            else (
                Route("/sign-in/provider", by_provider.there, methods=["GET"]),
                Route("/sign-in/callback", by_provider.back, methods=["GET"]),
                Route("/sign-in/leave", by_provider.leave, methods=["GET"]),
            )
        ),
        Route("/sign-out", frame.endpoint(signing.out, "viewer"), methods=["POST"]),
        Route("/live", frame.endpoint(live.stream, "viewer"), methods=["GET"]),
        *(
            Route(f"{path}.{form}", frame.endpoint(_formed(table, form), role), methods=["GET"])
            for path, role, table in TABLES
            for form in FORMS
        ),
        *(Route(path, frame.endpoint(handler, role), methods=["GET"]) for path, role, handler in PAGES),
        *(
            Route(path, frame.endpoint(handler, role, RULE_CAP if path.startswith(RULES) else FORM_CAP), methods=["POST"])
            for path, role, handler in FORMS_SENT
        ),
        Route("/{rest:path}", nothing),
    ]
    return Router(routes=routes)


def _formed(table: Callable[[Visit], Awaitable[Table]], form: str) -> Handler:
    async def answer(visit: Visit) -> Response:
        found = await table(visit)
        if form == "json":
            body = as_json(found, visit.now)
        elif form == "csv":
            body = as_csv(found)
        else:
            body = await asyncio.to_thread(as_xlsx, found, visit.console.zone, visit.now)
        name = {} if form == "json" else {"Content-Disposition": f'attachment; filename="{found.name}.{form}"'}
        return Response(body, headers={**HEADERS, **name}, media_type=FORMS[form])

    return answer

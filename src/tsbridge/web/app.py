"""The application: every route in one place, each with a role or on the list of open ones, every failure a problem."""

from __future__ import annotations

import asyncio
import importlib.resources
from collections.abc import Iterable
from functools import cache, partial
from typing import Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsbridge.core import feedlink
from tsbridge.core.ports import Ids
from tsbridge.web import (
    acknowledge,
    audit,
    calendars,
    cases,
    docs,
    draft,
    drift,
    duty,
    escalations,
    events,
    feeds,
    health,
    importing,
    keys,
    moments,
    notifications,
    overrides,
    patterns,
    problems,
    queues,
    rejudges,
    replays,
    reports,
    roster,
    rulebook,
    shadow,
    sources,
    vocabulary,
    writebacks,
)
from tsbridge.web.counters import Counters
from tsbridge.web.desk import Desk
from tsbridge.web.openapi import describe
from tsbridge.web.route import DeskRoute

SECRET: Final = {acknowledge.FOLDER: acknowledge.PATH, feedlink.FOLDER: calendars.PATH}
"""Below these addresses stands somebody's token, which is their proof."""
OPEN: Final = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/docs/init.js", "/openapi.json", "/docs-assets", *SECRET.values()})
"""Routes without a role. `/metrics` and `/docs` ask for one when the desk says so."""
DOOR: Final = "/webhooks/"
CONSOLE: Final = "/console"
"""Behind it every page has its role; people sign in there."""

_ROUTERS: Final = (
    health,
    vocabulary,
    rulebook,
    draft,
    importing,
    replays,
    shadow,
    rejudges,
    cases,
    moments,
    audit,
    escalations,
    queues,
    notifications,
    writebacks,
    drift,
    events,
    sources,
    roster,
    overrides,
    duty,
    calendars,
    feeds,
    reports,
    patterns,
    keys,
    docs,
    acknowledge,
)


def create_app(desk: Desk) -> FastAPI:
    """The API around `desk`. Raises `RuntimeError` when a route has neither a role nor a place among the open ones."""
    app = _bare(desk)
    app.router.routes.extend(desk.webhooks)
    for module in _ROUTERS:
        app.router.routes.extend(module.routes.routes)
    assets = importlib.resources.files("fastapi_offline") / "static"
    app.mount("/docs-assets", StaticFiles(directory=str(assets)), name="docs-assets")
    app.router.routes.extend(desk.console)
    check_roles(app.routes)
    app.state.described = cache(partial(describe, app))  # when somebody asks: most processes end without having been asked
    return app


def create_health(desk: Desk) -> FastAPI:
    """Health and figures alone, of a process that works and does not serve; whatever else is asked for is not there."""
    app = _bare(desk)
    app.router.routes.extend(health.routes.routes)
    return app


def _bare(desk: Desk) -> FastAPI:
    """An application without routes: what fails is a problem, what is answered has an id, strict headers and is counted."""
    app = FastAPI(
        title="tsbridge",
        version=desk.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=desk.lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False},
        redirect_slashes=False,
    )
    app.state.desk = desk
    problems.install(app)
    app.add_middleware(Outside, ids=desk.ids, counters=desk.counters)
    return app


def check_roles(routes: Iterable[BaseRoute]) -> None:
    """Nothing is open by accident."""
    for route in routes:
        path = getattr(route, "path", "")
        if path in OPEN or path == CONSOLE or path.startswith(DOOR):
            continue
        if not isinstance(route, DeskRoute) or route.role is None:
            raise RuntimeError(f"the route {path!r} has no role and is not on the list of open ones")


class Outside:
    """Around everything: an id for the request, headers that keep browsers strict, and the count of answers."""

    def __init__(self, app: ASGIApp, ids: Ids, counters: Counters) -> None:
        self._app = app
        self._ids = ids
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = self._ids.new("req")
        scope.setdefault("state", {})["trace_id"] = trace_id
        loop = asyncio.get_running_loop()
        started = loop.time()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = harden(list(message.get("headers", ())), trace_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            template = _template(scope)
            if scope["method"] != "POST" or not template.startswith(DOOR):  # the door counts for itself
                self._counters.answered(scope["method"], template, status, loop.time() - started)


_HARD: Final = tuple((name.lower().encode(), value.encode()) for name, value in problems.HARD_HEADERS.items())


def harden(headers: list[tuple[bytes, bytes]], trace_id: str) -> list[tuple[bytes, bytes]]:
    """An answer's headers with those that keep browsers strict, unless it says otherwise itself, and the request's id."""
    there = {name.lower() for name, _ in headers}
    return [*headers, *(header for header in _HARD if header[0] not in there), (b"x-request-id", trace_id.encode())]


def _template(scope: Scope) -> str:
    route = scope.get("route")
    if isinstance(route, APIRoute | Mount):
        return route.path
    path = getattr(route, "path", None) or scope["path"]
    if path[:3] in SECRET:
        return SECRET[path[:3]]
    return path if path in ("/webhooks/zendesk", "/webhooks/talkdesk") else "other"

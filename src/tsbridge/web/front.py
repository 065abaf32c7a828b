"""What a process answers from its start on: deliveries, how it is, its figures. The API is made when it is first asked for.

Making it takes half a second and much of what a start takes; after a restart deliveries wait at the door meanwhile, people do not. The
framework that the API is made with takes a sixth of a second more and 10 MiB, so nothing here needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsbridge.core.ports import Ids
from tsbridge.web import problems
from tsbridge.web.auth import NO_KEY, Gate, unauthenticated
from tsbridge.web.counters import Counters
from tsbridge.web.queries import check_query
from tsbridge.web.readiness import figures, readiness, status_of
from tsbridge.web.services import Services
from tsbridge.web.streams import CutOff

AT_ONCE: Final = frozenset({"/livez", "/readyz", "/metrics"})
DOOR: Final = "/webhooks/"
KEYED: Final = "/v1/"
"""Nothing below it is open (`app.check_roles`)."""
CONSOLE: Final = "/console"
"""Behind it every page has its role; people sign in there."""


class Front:
    """Deliveries, health, figures and the console's address; whatever else is asked for goes to the application that `make` makes, in a
    thread, when the first one comes with a key. The console makes itself."""

    def __init__(self, services: Services, make: Callable[[], ASGIApp]) -> None:
        self._first = create_health(services)
        self._first.router.routes.extend((*services.webhooks, *services.console))
        self._stranger = Outside(partial(_no_key, services.gate), services.ids, services.counters, {})
        self._make = make
        self._making = asyncio.Lock()
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _at_front(scope["path"]):
            app: ASGIApp = self._first
        elif scope["path"].startswith(KEYED) and not any(name == b"authorization" for name, _ in scope["headers"]):
            app = self._stranger
        else:
            app = await self._whole()
        await app(scope, receive, send)

    async def _whole(self) -> ASGIApp:
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
            return self._made


async def _no_key(gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
    """What the API would say to somebody without a key, at a small part of what it would cost."""
    gate.security.saw("key_missing")
    await problems.answer(Request(scope), unauthenticated(NO_KEY))(scope, receive, send)


def _at_front(path: str) -> bool:
    return path in AT_ONCE or path.startswith((DOOR, f"{CONSOLE}/")) or path == CONSOLE


def create_health(services: Services) -> Starlette:
    """Health and figures alone, of a process that works and does not serve; whatever else is asked for is not there."""
    app = Starlette(routes=[_health(path, services) for path in sorted(AT_ONCE)], lifespan=services.lifespan)
    app.router.redirect_slashes = False
    surround(app, services)
    return app


def _health(path: str, services: Services) -> Route:
    async def answer(request: Request) -> Response:
        check_query(request, frozenset())
        match path:
            case "/livez":
                return JSONResponse({"status": "ok"})
            case "/readyz":
                ready = await readiness(services)
                return JSONResponse(asdict(ready), status_of(ready))
        return await figures(services, request)

    route = Route(path, answer, methods=["GET"])
    route.methods = {"GET"}  # and no HEAD, as everywhere in the API
    return route


def surround(app: Starlette, services: Services, secret: Mapping[str, str] | None = None) -> None:
    """What fails in `app` is a problem, what is answered has an id, strict headers and is counted.

    `secret`: beginnings of addresses behind which somebody's token stands, and what they are called in its place.
    """
    app.state.services = services
    problems.install(app)
    app.add_middleware(Outside, ids=services.ids, counters=services.counters, secret=secret or {})


class Outside:
    """Around everything: an id for the request, headers that keep browsers strict, and the count of answers."""

    def __init__(self, app: ASGIApp, ids: Ids, counters: Counters, secret: Mapping[str, str]) -> None:
        self._app = app
        self._ids = ids
        self._counters = counters
        self._secret = secret

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
        except (ClientDisconnect, CutOff):
            pass  # nobody is there to be told anything; of an answer that was cut off the end is missing
        finally:
            template = _template(scope, self._secret)
            if scope["method"] != "POST" or not template.startswith(DOOR):  # the door counts for itself
                self._counters.answered(scope["method"], template, status, loop.time() - started)


_HARD: Final = tuple((name.lower().encode(), value.encode()) for name, value in problems.HARD_HEADERS.items())


def harden(headers: list[tuple[bytes, bytes]], trace_id: str) -> list[tuple[bytes, bytes]]:
    """An answer's headers with those that keep browsers strict, unless it says otherwise itself, and the request's id."""
    there = {name.lower() for name, _ in headers}
    return [*headers, *(header for header in _HARD if header[0] not in there), (b"x-request-id", trace_id.encode())]


def _template(scope: Scope, secret: Mapping[str, str]) -> str:
    route = scope.get("route")
    if isinstance(route, Route | Mount):
        return route.path
    path = getattr(route, "path", None) or scope["path"]
    if path[:3] in secret:
        return secret[path[:3]]
    return path if path in ("/webhooks/zendesk", "/webhooks/talkdesk") else "other"

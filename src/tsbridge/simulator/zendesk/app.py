"""The simulated Zendesk over HTTP: its public API, and `/_sim/...` to drive and disturb it.

Control: `POST /_sim/act` {"at"?, "act", "args"}; `POST /_sim/clock` {"now"}; `GET|PUT /_sim/faults`, `/_sim/limits`, `/_sim/display`;
`POST /_sim/pump`; `GET /_sim/deliveries`, `/_sim/writes`, `/_sim/stats`; `POST /_sim/as/<user id>/<path>` calls the API as
that user. With `pumping`, webhooks are sent at once by a task of the application.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tsbridge.simulator.zendesk.account import Cut, Zendesk, as_json
from tsbridge.simulator.zendesk.answers import ODD_SHAPES, Rejected, unauthenticated
from tsbridge.simulator.zendesk.display import Display
from tsbridge.simulator.zendesk.gate import Limits

TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105  # printed in Zendesk's documentation
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def make_app(zendesk: Zendesk, *, pumping: bool) -> Starlette:
    """The application; with `pumping` it sends webhooks by itself."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(zendesk.pump_forever()) if pumping else None
        yield
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def api(request: Request) -> Response:
        content, broken = await _content(request)
        if broken:
            return JSONResponse({"error": "UnparseableJson", "description": "The request body is not valid JSON"}, 400)
        headers = {k.lower(): v for k, v in request.headers.items()}
        query = _query(request)
        path = re.sub("/{2,}", "/", request.url.path)  # as a client may join addresses
        if path.removesuffix(".json") == "/api/v2/webhooks/test" and request.method == "POST":
            return await _test(zendesk, query.get("webhook_id"), content, headers)
        if path.startswith("/api/v2/webhooks/") and path.removesuffix(".json").endswith("/test") and request.method == "POST":
            return await _test(zendesk, path.split("/")[4], content, headers)
        if path.startswith("/api/v2/webhooks/") and "/invocations" in path:
            return _invocations(zendesk, path)
        try:
            return await zendesk.call(request.method, path, query, content, headers)
        except Cut:
            return _Cut()

    async def act(request: Request) -> Response:
        said, _ = await _content(request)
        try:
            return JSONResponse(zendesk.act(said["act"], said.get("args") or {}, _time(said.get("at"))))
        except Rejected as refused:
            return as_json({"error": refused.body}, refused.status, {})
        except ODD_SHAPES:
            return JSONResponse(
                {"error": 'expected {"act": text, "args": object, "at": time}; docs/simulators.md has the args of each act'}, 400
            )

    async def as_user(request: Request) -> Response:
        content, _ = await _content(request)
        user = zendesk.world.store.users.get(int(request.path_params["user"]))
        if user is None:
            return JSONResponse({"error": "no such user"}, 404)
        query = _query(request)
        return await zendesk.call(request.method, "/" + request.path_params["path"], query, content, {}, user)

    async def clock(request: Request) -> Response:
        said, _ = await _content(request)
        try:
            zendesk.clock.put(_time(said["now"] if said != {} else None))
        except ODD_SHAPES:
            return JSONResponse({"error": 'expected {"now": time}'}, 400)
        return JSONResponse({"now": zendesk.clock().isoformat()})

    def knobs(target: Any) -> Callable[[Request], Awaitable[Response]]:
        async def turn(request: Request) -> Response:
            if request.method == "PUT":
                said, _ = await _content(request)
                wrong = misturned(target, said)
                if wrong is not None:
                    return JSONResponse({"error": wrong}, 400)
                for name, value in said.items():
                    setattr(target, name, value)
            return JSONResponse(asdict(target))

        return turn

    async def pump(_: Request) -> Response:
        return JSONResponse({"sent": await zendesk.webhooks.pump()})

    async def deliveries(_: Request) -> Response:
        shown = [
            {"webhook": d.webhook, "kind": d.kind, "body": d.body.decode(), "attempts": d.attempts, "done": d.done}
            for d in zendesk.webhooks.log
        ]
        return JSONResponse({"deliveries": shown})

    async def writes(_: Request) -> Response:
        return JSONResponse({"writes": zendesk.writes})

    async def stats(_: Request) -> Response:
        return JSONResponse(zendesk.stats())

    return Starlette(
        routes=[
            Route("/_sim/act", act, methods=["POST"]),
            Route("/_sim/as/{user:int}/{path:path}", as_user, methods=METHODS),
            Route("/_sim/clock", clock, methods=["POST"]),
            Route("/_sim/faults", knobs(zendesk.faults), methods=["GET", "PUT"]),
            Route("/_sim/display", knobs(zendesk.world.display), methods=["GET", "PUT"]),
            Route("/_sim/limits", knobs(zendesk.gate.limits), methods=["GET", "PUT"]),
            Route("/_sim/pump", pump, methods=["POST"]),
            Route("/_sim/deliveries", deliveries),
            Route("/_sim/writes", writes),
            Route("/_sim/stats", stats),
            Route("/{path:path}", api, methods=METHODS),
        ],
        lifespan=lifespan,
    )


def _time(text: Any) -> datetime | None:
    """A time as the control endpoints take it; one without a zone is UTC."""
    at = datetime.fromisoformat(text) if text else None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def misturned(target: Any, said: Any) -> str | None:
    """What is wrong with new values for the knobs of `target`; None when nothing is."""
    knobs = {f.name: f for f in fields(target)}
    if not isinstance(said, Mapping):
        return "expected an object of knobs"
    for name, value in said.items():
        if name not in knobs:
            return f"no such knob: {name[:80]}"
        known, choices = knobs[name].default, knobs[name].metadata.get("choices")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = (
            number if isinstance(known, float) else type(value) is type(known) or (isinstance(known, str) and value is None and not choices)
        )
        if not fits or (choices and value not in choices):
            return f"{name}: expected {' or '.join(choices) if choices else type(known).__name__}"
    return None


class _Cut(Response):
    """Begins an answer and breaks it off: the client sees a connection that ended, not what became of its request."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"1000"), (b"content-type", b"application/json")],
            }
        )
        raise ConnectionAbortedError


def _query(request: Request) -> dict[str, str]:
    """The parameters; one that comes several times, like `role[]`, is joined with commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(request.url.query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name.endswith("[]") and name in found else value
    return found


async def _content(request: Request) -> tuple[Any, bool]:
    raw = await request.body()
    if not raw:
        return None, False
    if request.url.path.startswith("/api/v2/uploads"):
        return raw, False
    try:
        if "form-urlencoded" in request.headers.get("content-type", ""):
            return dict(parse_qsl(raw.decode())), False
        return json.loads(raw), False
    except (ValueError, RecursionError):
        return None, True


async def _test(zendesk: Zendesk, webhook: str | None, content: Any, headers: Mapping[str, str]) -> Response:
    """A test request, to a saved webhook or to one only described; the latter is signed with the secret that everybody knows."""
    try:
        if zendesk.gate.who(headers) is None:
            raise unauthenticated()
    except Rejected as refused:
        return as_json(refused.body, refused.status, {})
    request = content.get("request") if isinstance(content, Mapping) else None
    request = request if isinstance(request, Mapping) else {}
    found = zendesk.world.store.webhooks.get(webhook) if webhook else {"id": "", "secret": TEST_SECRET, "http_method": "POST"}
    if found is None or not (found.get("endpoint") or request.get("endpoint")):
        return JSONResponse({"errors": [{"code": "WebhookNotFound", "title": "Webhook not found"}]}, 404)
    target = {**found, **{k: request[k] for k in ("endpoint", "http_method", "custom_headers", "authentication") if request.get(k)}}
    payload = request.get("payload") or json.dumps({"type": "zen:event-type:ticket.created", "id": "test"})
    status = await zendesk.webhooks.test(target, str(payload).encode())
    return JSONResponse({"response": {"status": status, "headers": [], "payload": ""}})


def _invocations(zendesk: Zendesk, path: str) -> Response:
    parts = path.removesuffix(".json").split("/")
    mine = [d for d in zendesk.webhooks.log if d.webhook == parts[4]]
    if len(parts) > 6:
        found = next((d for d in mine if d.invocation == parts[6]), None)
        attempts = [
            {"id": str(n), "status": "success" if 200 <= s < 300 else "failed", "response": {"status": s}}
            for n, s in enumerate(found.attempts if found else [])
        ]
        return JSONResponse({"attempts": attempts})
    shown = [
        {
            "id": d.invocation,
            "status": "success" if d.attempts and 200 <= d.attempts[-1] < 300 else "failed",
            "status_code": str(d.attempts[-1] if d.attempts else ""),
        }
        for d in mine
    ]
    return JSONResponse({"invocations": shown, "meta": {"has_more": False}})


def run(
    host: str = "127.0.0.1",
    port: int = 9010,
    webhook_url: str | None = None,
    secret: str | None = None,
    seed: int = 1,
    *,
    limits: Limits | None = None,
    strict: bool = False,
    client_id: str = "tsbridge",
    client_secret: str = "secret",  # noqa: S107  # a simulator's default
    display: Display | None = None,
) -> None:
    """Serve a simulated Zendesk until it is interrupted; with `webhook_url` and `secret` it sends all ticket events there."""

    async def serve() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            zendesk = Zendesk(
                client,
                lambda: datetime.now(UTC),
                seed=seed,
                url=f"http://{host}:{port}",
                limits=limits,
                strict=strict,
                client_id=client_id,
                client_secret=client_secret,
                display=display,
            )
            if webhook_url and secret:
                zendesk.connect(webhook_url, secret)
            app = make_app(zendesk, pumping=True)
            await uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False)).serve()

    asyncio.run(serve())

"""The simulated Zendesk over HTTP: its public API, and `/_sim/...` to drive and disturb it.

Control: `POST /_sim/act` {"at"?, "act", "args"}; `POST /_sim/clock` {"now"}; `GET|PUT /_sim/faults`; `GET|PUT /_sim/limits`;
`POST /_sim/pump`; `GET /_sim/deliveries`, `/_sim/writes`, `/_sim/stats`; `POST /_sim/as/<user id>/<path>` calls the API as
that user. With `pumping`, webhooks are sent at once by a task of the application.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tsbridge.simulator.zendesk.acts import perform
from tsbridge.simulator.zendesk.answers import Rejected, collision, too_many, unauthenticated
from tsbridge.simulator.zendesk.api import Api
from tsbridge.simulator.zendesk.deliveries import Faults, Webhooks
from tsbridge.simulator.zendesk.gate import Gate, Limits
from tsbridge.simulator.zendesk.routes import Asked
from tsbridge.simulator.zendesk.world import World

TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105  # printed in Zendesk's documentation
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Clock:
    """The account's time: real until it is put somewhere, then it goes on from there only when put again."""

    def __init__(self, real: Callable[[], datetime]) -> None:
        self._real = real
        self._put: datetime | None = None

    def __call__(self) -> datetime:
        return self._real() if self._put is None else self._put

    def put(self, at: datetime | None) -> None:
        self._put = at


class Cut(Exception):
    """The connection ends without an answer."""


class Zendesk:
    """A whole account: world, API, gate, webhooks, with one clock and one source of randomness."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        real: Callable[[], datetime],
        *,
        seed: int = 1,
        url: str = "http://127.0.0.1:9010",
        limits: Limits | None = None,
        strict: bool = False,
        client_id: str = "tsbridge",
        client_secret: str = "secret",  # noqa: S107  # a simulator's default
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311  # a simulator's world, reproducible by its seed
        self.real = real
        self.clock = Clock(real)
        self.faults = Faults()
        self.world = World(self.clock, rng, url)
        self.api = Api(self.world)
        self.gate = Gate(self.world, real, rng, limits or Limits(), strict=strict, client_id=client_id, client_secret=client_secret)
        self.webhooks = Webhooks(self.world, client, real, rng, self.faults)
        self.writes: list[dict[str, Any]] = []
        self.requests: Counter[str] = Counter()
        self.fired = asyncio.Event()
        self._sleep = sleep

    def connect(self, endpoint: str, secret: str, kinds: list[str] | None = None) -> dict[str, Any]:
        """A webhook for all ticket events (or `kinds`) to `endpoint`, signed with `secret`."""
        from tsbridge.simulator.zendesk.acts import ALL_KINDS

        asked = Asked(
            {},
            {
                "webhook": {
                    "name": "tsbridge",
                    "endpoint": endpoint,
                    "http_method": "POST",
                    "request_format": "json",
                    "status": "active",
                    "subscriptions": kinds or list(ALL_KINDS),
                    "signing_secret": {"secret": secret},
                }
            },
            self.world.admin,
            "",
        )
        made: dict[str, Any] = self.api.answer("POST", "/api/v2/webhooks", asked).content["webhook"]
        return made

    def act(self, act: str, args: Mapping[str, Any], at: datetime | None = None) -> dict[str, Any]:
        """Somebody does something (see `acts`), with the account's clock at `at`."""
        if at is not None:
            self.clock.put(at)
        done = perform(self.world, act, args)
        self.fired.set()
        return done

    async def call(
        self, method: str, path: str, query: Mapping[str, str], content: Any, headers: Mapping[str, str], user: dict[str, Any] | None = None
    ) -> Response:
        """One request to the API, faults included. Raises `Cut` where the real one would drop the connection."""
        self.requests[f"{method} {path.split('/')[3] if path.count('/') > 2 else path}"] += 1
        if self.faults.slow_s:
            await self._sleep(self.faults.slow_s)
        try:
            return self._answer(method, path, query, content, headers, user)
        except Rejected as refused:
            if isinstance(refused.body, str):
                return PlainTextResponse(refused.body, refused.status, refused.headers)
            return JSONResponse(refused.body, refused.status, refused.headers)
        finally:
            self.fired.set()

    def _answer(
        self, method: str, path: str, query: Mapping[str, str], content: Any, headers: Mapping[str, str], user: dict[str, Any] | None
    ) -> Response:
        if self.faults.down:
            raise Rejected(503, {"error": "ServiceUnavailable", "description": "Down for maintenance"})
        if path.rstrip("/").removesuffix(".json") in ("/oauth/tokens", "/api/v2/oauth/tokens") and method == "POST":
            if self.faults.refuse_tokens:
                raise Rejected(401, {"error": "invalid_client"})
            return JSONResponse(self.gate.mint(content if isinstance(content, Mapping) else {}))
        acting = user or self.gate.who(headers)
        if acting is None:
            if path.startswith("/api/v2/users/me"):
                return JSONResponse({"user": {"id": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user"}})
            raise unauthenticated()
        rates = {} if user is not None else self.gate.count(method, path, acting["id"])
        writing = method in ("PUT", "POST", "DELETE") and "/tickets" in path
        if user is None and method == "PUT" and "/tickets/" in path:
            self._fault_before(path)
        asked = Asked(query, content, acting, self.world.url + path, headers)
        found = self.api.answer(method, path, asked)
        if writing:
            self.writes.append(
                {
                    "at": self.real().isoformat(),
                    "method": method,
                    "path": path,
                    "user": acting["id"],
                    "content": content if not isinstance(content, bytes) else None,
                    "status": found.status,
                }
            )
        if user is None and method == "PUT" and "/tickets/" in path and self.faults.cut > 0:
            self.faults.cut -= 1
            raise Cut
        more = {**rates, **found.headers, "x-zendesk-request-id": f"sim-{sum(self.requests.values())}"}
        if found.status == 204:
            return Response(status_code=204, headers=more)
        return Response(json.dumps(found.content), found.status, more, "application/json; charset=utf-8")

    def _fault_before(self, path: str) -> None:
        if self.faults.too_many > 0:
            self.faults.too_many -= 1
            self.gate.refused += 1
            raise too_many(self.faults.retry_after)
        if self.faults.conflicts > 0:
            self.faults.conflicts -= 1
            raise collision()
        if self.faults.server_errors > 0:
            self.faults.server_errors -= 1
            raise Rejected(500, {"error": "InternalError", "description": "Something went wrong"})
        del path

    def stats(self) -> dict[str, Any]:
        """How much was asked: ticket updates in all and in the last minute, the busiest minute, 429s, requests by kind."""
        now = self.real()
        recent = [at for at in self.gate.updates if at > now - timedelta(minutes=1)]
        busiest, start = 0, 0
        for end, at in enumerate(self.gate.updates):
            while at - self.gate.updates[start] >= timedelta(minutes=1):
                start += 1
            busiest = max(busiest, end - start + 1)
        return {
            "updates": len(self.gate.updates),
            "updates_last_minute": len(recent),
            "busiest_minute": busiest,
            "refused": self.gate.refused,
            "tickets": len(self.world.store.tickets),
            "requests": dict(sorted(self.requests.items())),
            "webhooks": {
                "sent": sum(len(d.attempts) for d in self.webhooks.log),
                "waiting": self.webhooks.waiting,
                "dropped": self.webhooks.dropped,
            },
        }

    async def pump_forever(self) -> None:
        while True:
            await self.webhooks.pump()
            due = self.webhooks.next_due()
            pause = 30.0 if due is None else max(0.05, min((due - self.real()).total_seconds(), 30.0))
            self.fired.clear()
            if self.webhooks.waiting and due is None:
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self.fired.wait(), pause)


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
        path = request.url.path
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
        at = datetime.fromisoformat(said["at"]) if said.get("at") else None
        try:
            return JSONResponse(zendesk.act(said["act"], said.get("args") or {}, at))
        except Rejected as refused:
            return JSONResponse({"error": refused.body}, refused.status)

    async def as_user(request: Request) -> Response:
        content, _ = await _content(request)
        user = zendesk.world.user(int(request.path_params["user"]))
        query = _query(request)
        return await zendesk.call(request.method, "/" + request.path_params["path"], query, content, {}, user)

    async def clock(request: Request) -> Response:
        said, _ = await _content(request)
        zendesk.clock.put(datetime.fromisoformat(said["now"]) if said.get("now") else None)
        return JSONResponse({"now": zendesk.clock().isoformat()})

    def knobs(target: Any) -> Callable[[Request], Awaitable[Response]]:
        async def turn(request: Request) -> Response:
            if request.method == "PUT":
                said, _ = await _content(request)
                unknown = sorted(set(said) - {f.name for f in fields(target)})
                if unknown:
                    return JSONResponse({"error": f"no such knob: {unknown[0]}"}, 400)
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
            Route("/_sim/limits", knobs(zendesk.gate.limits), methods=["GET", "PUT"]),
            Route("/_sim/pump", pump, methods=["POST"]),
            Route("/_sim/deliveries", deliveries),
            Route("/_sim/writes", writes),
            Route("/_sim/stats", stats),
            Route("/{path:path}", api, methods=METHODS),
        ],
        lifespan=lifespan,
    )


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
    if "form-urlencoded" in request.headers.get("content-type", ""):
        return dict(parse_qsl(raw.decode())), False
    try:
        return json.loads(raw), False
    except ValueError:
        return None, True


async def _test(zendesk: Zendesk, webhook: str | None, content: Any, headers: Mapping[str, str]) -> Response:
    """A test request, to a saved webhook or to one only described; the latter is signed with the secret that everybody knows."""
    try:
        if zendesk.gate.who(headers) is None:
            raise unauthenticated()
    except Rejected as refused:
        return JSONResponse(refused.body, refused.status)
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
            )
            if webhook_url and secret:
                zendesk.connect(webhook_url, secret)
            app = make_app(zendesk, pumping=True)
            await uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False)).serve()

    asyncio.run(serve())

"""The whole simulated account behind one door: world, API, limits, faults and webhooks, with one clock and one source of randomness."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tsbridge.simulator.zendesk.acts import ALL_KINDS, perform
from tsbridge.simulator.zendesk.answers import ODD_SHAPES, Rejected, bad_request, collision, too_many, unauthenticated
from tsbridge.simulator.zendesk.api import Api
from tsbridge.simulator.zendesk.deliveries import Faults, Webhooks
from tsbridge.simulator.zendesk.display import Display
from tsbridge.simulator.zendesk.gate import Gate, Limits
from tsbridge.simulator.zendesk.routes import Asked, Found
from tsbridge.simulator.zendesk.world import World


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
        display: Display | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311  # a simulator's world, reproducible by its seed
        self.real = real
        self.clock = Clock(real)
        self.faults = Faults()
        self.world = World(self.clock, rng, url)
        self.world.display = display or self.world.display
        self.api = Api(self.world)
        self.gate = Gate(self.world, real, rng, limits or Limits(), strict=strict, client_id=client_id, client_secret=client_secret)
        self.webhooks = Webhooks(self.world, client, real, rng, self.faults)
        self.writes: list[dict[str, Any]] = []
        self.requests: Counter[str] = Counter()
        self.fired = asyncio.Event()
        self._sleep = sleep

    def connect(self, endpoint: str, secret: str, kinds: list[str] | None = None) -> dict[str, Any]:
        """A webhook for all ticket events (or `kinds`) to `endpoint`, signed with `secret`."""
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
        number = {"x-zendesk-request-id": f"sim-{sum(self.requests.values())}"}
        if self.faults.slow_s:
            await self._sleep(self.faults.slow_s)
        try:
            answer = self._answer(method, path, query, content, headers, user)
        except Rejected as refused:
            if isinstance(refused.body, str):
                answer = PlainTextResponse(refused.body, refused.status, refused.headers)
            else:
                answer = as_json(refused.body, refused.status, refused.headers)
        finally:
            self.fired.set()
        answer.headers.update(number)
        return answer

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
        asked = Asked(query, content, acting, self.world.url + path, headers)
        try:
            if user is None and method == "PUT" and "/tickets/" in path:
                self._fault_before()
            found = self._looked_up(method, path, asked)
        except Rejected as refused:
            refused.headers = {**rates, **refused.headers}
            raise
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
        more = {**rates, **found.headers}
        if found.status == 204:
            return Response(status_code=204, headers=more)
        return as_json(found.content, found.status, more)

    def _looked_up(self, method: str, path: str, asked: Asked) -> Found:
        """What the API says; a request of a shape that no route reckons with is the caller's fault, never a 500."""
        try:
            return self.api.answer(method, path, asked)
        except ODD_SHAPES:
            raise bad_request("InvalidRequest", "The request has a shape this endpoint does not take") from None

    def _fault_before(self) -> None:
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


def as_json(content: Any, status: int, headers: Mapping[str, str]) -> Response:
    """An answer in ASCII, which also holds texts that are no proper Unicode."""
    return Response(json.dumps(content), status, headers, "application/json; charset=utf-8")

"""A simulated Zendesk account without a network: its API over ASGI, a receiver with memory, time that moves only when told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tsbridge.simulator.zendesk import Limits, Zendesk, make_app
from tsbridge.vendors.zendesk.verify import Proof, claimed, verify

SECRET = "an-agreed-secret"
START = datetime(2026, 6, 1, 9, 14, 3, 250_000, tzinfo=UTC)
ENDPOINT = "https://bridge.test/webhooks/zendesk"


class Account:
    """`answers` decides what the receiver says; by default 200. All ticket events are subscribed unless `subscribed` is False."""

    def __init__(self, limits: Limits | None = None, *, subscribed: bool = True, **options: Any) -> None:
        self.now = START
        self.requests: list[httpx.Request] = []
        self.answers: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(200)
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._receive))
        self.slept: list[float] = []
        self.zendesk = Zendesk(client, lambda: self.now, limits=limits or Limits.off(), sleep=self._sleep, **options)
        self.webhook = self.zendesk.connect(ENDPOINT, SECRET) if subscribed else None
        transport = httpx.ASGITransport(make_app(self.zendesk, pumping=False), raise_app_exceptions=True)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://zendesk.test", headers={"Authorization": "Bearer any"})

    def _receive(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers(request)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def later(self, **amount: float) -> None:
        self.now += timedelta(**amount)

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """A request by the integration; `path` below /api/v2/."""
        return await self.http.request(method, f"/api/v2/{path}", json=body, **options)

    async def get(self, path: str, **query: Any) -> Any:
        found = await self.call("GET", path, params=query or None)
        assert found.status_code == 200, found.text
        return found.json()

    async def ticket(self, **props: Any) -> dict[str, Any]:
        """A ticket the integration makes."""
        made = await self.call("POST", "tickets", {"ticket": {"subject": "Calls drop", "comment": {"body": "Since this morning"}, **props}})
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()["ticket"]
        return found

    async def trigger(self, every: list[dict[str, Any]], actions: list[dict[str, Any]], **more: Any) -> int:
        rule = {"title": "A rule", "conditions": {"all": every, "any": more.pop("some", [])}, "actions": actions, **more}
        made = await self.call("POST", "triggers", {"trigger": rule})
        assert made.status_code == 201, made.text
        return int(made.json()["trigger"]["id"])

    async def heard(self) -> list[dict[str, Any]]:
        """Send what is due; the bodies that came since the last time."""
        self.requests.clear()
        await self.zendesk.webhooks.pump()
        return [json.loads(request.content) for request in self.requests]

    async def kinds(self) -> list[str]:
        return [body["type"].removeprefix("zen:event-type:ticket.") for body in await self.heard()]

    def proof(self, request: httpx.Request, secret: str = SECRET) -> Proof:
        return verify(request.content, claimed(dict(request.headers)), [secret], self.now, timedelta(minutes=5))


def when(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def do(field: str, value: Any) -> dict[str, Any]:
    return {"field": field, "value": value}

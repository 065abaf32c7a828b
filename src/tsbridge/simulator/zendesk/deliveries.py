"""Webhooks on their way: signed, sent, tried again as Zendesk does, and its circuit breaker (reference/zendesk.md sections 2, 3).

Nothing runs by itself: `pump` sends what is due and returns; a server calls it in a loop. Signatures carry the real time,
whatever the account's clock says.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from tsbridge.simulator.zendesk.world import ACCOUNT, Happened, World

TIMEOUT_S: Final = 12.0
AT_ONCE: Final = 16
BREAKER_WINDOW: Final = timedelta(minutes=5)
BREAKER_SHARE: Final = 0.7
BREAKER_ERRORS: Final = 1_000
BREAKER_MINIMUM: Final = 20


@dataclass(slots=True)
class Faults:
    """Shares in percent of webhooks; the rest is about the API: `down` 503, `slow_s`, `cut` the next n updates after they
    were applied, `too_many` answers of 429 with `retry_after` (any text, None: no header), `conflicts` answers of 409."""

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    down: bool = False
    slow_s: float = 0.0
    cut: int = 0
    too_many: int = 0
    retry_after: str | None = "1"
    conflicts: int = 0
    server_errors: int = 0
    refuse_tokens: bool = False


@dataclass(slots=True)
class Delivery:
    """One invocation of a webhook and its attempts."""

    webhook: str
    kind: str
    body: bytes
    invocation: str
    due: datetime
    attempts: list[int] = field(default_factory=list)
    done: bool = False


class Webhooks:
    """The account's deliveries. `log` remembers all of them with the statuses of their attempts."""

    def __init__(self, world: World, client: httpx.AsyncClient, real: Callable[[], datetime], rng: random.Random, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.log: list[Delivery] = []
        self.dropped = self.duplicated = 0
        self._client = client
        self._real = real
        self._random = rng
        self._waiting: list[Delivery] = []
        self._outcomes: dict[str, deque[tuple[datetime, bool]]] = {}
        self._open_until: dict[str, datetime] = {}

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self.world.happened) + len(self.world.asked)

    def next_due(self) -> datetime | None:
        return min((d.due for d in self._waiting), default=None)

    async def pump(self) -> int:
        """Send everything that is due; returns how many requests were made."""
        self._collect()
        now = self._real()
        due = [d for d in self._waiting if d.due <= now]
        self._waiting = [d for d in self._waiting if d.due > now]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(delivery: Delivery) -> None:
            async with gate:
                await self._send(delivery)

        await asyncio.gather(*(one(d) for d in due))
        return len(due)

    async def test(self, webhook: Mapping[str, Any], body: bytes) -> int:
        """A test request, sent at once; answers its status."""
        delivery = Delivery(str(webhook["id"]), "test", body, self._invocation(), self._real())
        await self._request(delivery, webhook)
        return delivery.attempts[-1]

    def _collect(self) -> None:
        """Make deliveries of what has happened since the last time."""
        happened, self.world.happened = self.world.happened, []
        asked, self.world.asked = self.world.asked, []
        fresh: list[Delivery] = []
        for one in happened:
            kind = f"zen:event-type:{one.about}.{one.kind}"
            fresh += [
                Delivery(webhook["id"], kind, event_body(one, self._random), self._invocation(), self._real())
                for webhook in self.world.store.webhooks.values()
                if webhook["status"] == "active" and kind in webhook["subscriptions"]
            ]
        for webhook_id, body in asked:
            found = self.world.store.webhooks.get(webhook_id)
            if found is not None and found["status"] == "active":
                fresh.append(
                    Delivery(webhook_id, "conditional_ticket_events", body.encode(errors="replace"), self._invocation(), self._real())
                )
        self._disturb(fresh)

    def _disturb(self, fresh: list[Delivery]) -> None:
        kept: list[Delivery] = []
        for delivery in fresh:
            if self._chance(self.faults.drop):
                self.dropped += 1
                continue
            kept.append(delivery)
            if self._chance(self.faults.duplicate):
                self.duplicated += 1
                kept.append(Delivery(delivery.webhook, delivery.kind, delivery.body, delivery.invocation, delivery.due))
        for i in range(len(kept)):
            if self._chance(self.faults.reorder):
                j = self._random.randrange(len(kept))
                kept[i], kept[j] = kept[j], kept[i]
        self._waiting += kept
        self.log += kept

    def _chance(self, percent: float) -> bool:
        return percent > 0 and self._random.random() * 100 < percent

    async def _send(self, delivery: Delivery) -> None:
        webhook = self.world.store.webhooks.get(delivery.webhook)
        if webhook is None:
            delivery.done = True
            return
        now = self._real()
        if now < self._open_until.get(delivery.webhook, now):
            delivery.due = self._open_until[delivery.webhook]
            self._waiting.append(delivery)
            return
        status, wait = await self._request(delivery, webhook)
        self._remember(delivery.webhook, 200 <= status < 300)
        self._again(delivery, status, wait)

    async def _request(self, delivery: Delivery, webhook: Mapping[str, Any]) -> tuple[int, str | None]:
        """One attempt: its status (0 timeout, -1 no connection) and the Retry-After of the answer."""
        now = self._real()
        stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        signature = base64.b64encode(hmac.new(webhook["secret"].encode(), stamp.encode() + delivery.body, hashlib.sha256).digest()).decode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(ACCOUNT),
            "X-Zendesk-Webhook-Id": delivery.webhook,
            "X-Zendesk-Webhook-Invocation-Id": delivery.invocation,
            "X-Zendesk-Webhook-Signature": signature,
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            **{str(k): str(v) for k, v in (webhook.get("custom_headers") or {}).items()},
            **_authentication(webhook),
        }
        try:
            answer = await self._client.request(
                webhook["http_method"], webhook["endpoint"], content=delivery.body, headers=headers, timeout=TIMEOUT_S
            )
            status, wait = answer.status_code, answer.headers.get("retry-after")
        except httpx.TimeoutException:
            status, wait = 0, None
        except (httpx.HTTPError, httpx.InvalidURL, TypeError, ValueError, AttributeError):  # also what is no address, method or header
            status, wait = -1, None
        delivery.attempts.append(status)
        return status, wait

    def _again(self, delivery: Delivery, status: int, wait: str | None) -> None:
        """Zendesk's retries: timeouts five times, 409 three times, 429 and 503 only with Retry-After below a minute."""
        tried = delivery.attempts.count(status)
        now = self._real()
        if (status == 0 and tried <= 5) or (status == 409 and tried <= 3):
            delivery.due = now + timedelta(seconds=1)
        elif status in (429, 503) and wait is not None and wait.isdigit() and int(wait) < 60 and tried <= 5:
            delivery.due = now + timedelta(seconds=int(wait))
        else:
            delivery.done = True
            return
        self._waiting.append(delivery)

    def _remember(self, webhook: str, good: bool) -> None:
        """The breaker opens on 70 % failures, or a thousand, within five minutes; it stays open for a minute."""
        now = self._real()
        seen = self._outcomes.setdefault(webhook, deque())
        seen.append((now, good))
        while seen and seen[0][0] < now - BREAKER_WINDOW:
            seen.popleft()
        errors = sum(not g for _, g in seen)
        if errors > BREAKER_ERRORS or (len(seen) >= BREAKER_MINIMUM and errors / len(seen) >= BREAKER_SHARE):
            self._open_until[webhook] = now + timedelta(minutes=1)
            seen.clear()

    def _invocation(self) -> str:
        return "".join(self._random.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(26))


USER: Final = ("created_at", "email", "external_id", "default_group_id", "organization_id", "role", "updated_at")


def event_body(one: Happened, rng: random.Random) -> bytes:
    """The body of an event subscription, with the traps of the real one: text ids, upper case, null tags, nanoseconds."""
    if one.about == "user":
        return _framed(one, rng, {key: one.ticket[key] for key in USER} | {"id": str(one.ticket["id"])})
    ticket = one.ticket

    def id_(value: Any) -> str | None:
        return None if value is None else str(value)

    def upper(value: Any) -> str | None:
        return None if value is None else str(value).upper()

    detail = {
        "actor_id": str(one.actor_id),
        "assignee_id": id_(ticket["assignee_id"]),
        "brand_id": id_(ticket["brand_id"]),
        "created_at": ticket["created_at"],
        "custom_status": id_(ticket["custom_status_id"]),
        "description": ticket["description"],
        "external_id": ticket["external_id"],
        "form_id": id_(ticket["ticket_form_id"]),
        "group_id": id_(ticket["group_id"]),
        "id": str(ticket["id"]),
        "is_public": ticket["is_public"],
        "organization_id": id_(ticket["organization_id"]),
        "priority": upper(ticket["priority"]),
        "requester_id": id_(ticket["requester_id"]),
        "status": upper(ticket["status"]),
        "subject": ticket["subject"],
        "submitter_id": id_(ticket["submitter_id"]),
        "tags": ticket["tags"] or (None if rng.random() < 0.5 else []),
        "type": upper(ticket["type"]),
        "updated_at": ticket["updated_at"],
        "via": {"channel": "web_service" if ticket["via"]["channel"] == "api" else ticket["via"]["channel"]},
    }
    return _framed(one, rng, detail)


def _framed(one: Happened, rng: random.Random, detail: Mapping[str, Any]) -> bytes:
    time = one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{rng.randrange(1_000):03d}Z"
    body = {
        "account_id": ACCOUNT,
        "detail": detail,
        "event": {**one.event, "meta": {"sequence": {"id": one.sequence, "position": one.position}}},
        "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "subject": f"zen:{one.about}:{one.ticket['id']}",
        "time": time,
        "type": f"zen:event-type:{one.about}.{one.kind}",
        "zendesk_event_version": "2022-11-06",
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def _authentication(webhook: Mapping[str, Any]) -> dict[str, str]:
    given = webhook.get("authentication")
    if not isinstance(given, Mapping):
        return {}
    data = given.get("data")
    if not isinstance(data, Mapping):
        return {}
    if given.get("type") == "basic_auth":
        return {"Authorization": "Basic " + base64.b64encode(f"{data.get('username')}:{data.get('password')}".encode()).decode()}
    if given.get("type") == "bearer_token":
        return {"Authorization": f"Bearer {data.get('token')}"}
    return {str(data.get("name")): str(data.get("value"))} if given.get("type") == "api_key" else {}

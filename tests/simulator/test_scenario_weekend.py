"""A small weekend played in both simulators, in this process: they send the webhooks, signed now, about the weekend."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tsbridge.simulator.scenario import Scenario, weekend
from tsbridge.simulator.scenario_play import Played, Player
from tsbridge.simulator.scenario_talkdesk import TalkdeskAccount
from tsbridge.simulator.scenario_zendesk import ZendeskAccount
from tsbridge.simulator.talkdesk import Talkdesk
from tsbridge.simulator.talkdesk import make_app as make_talkdesk
from tsbridge.simulator.zendesk import Limits, Zendesk
from tsbridge.simulator.zendesk import make_app as make_zendesk
from tsbridge.simulator.zendesk.routes import Asked

START = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
KEY = "a-shared-secret"
BODY = json.dumps({"type": "ticket.%s", "ticket_id": "{{ticket.id}}", "at": "{{ticket.updated_at_with_timestamp}}"})


def on_two_triggers(zendesk: Zendesk) -> str:
    """A webhook that two triggers call, one for new and one for changed tickets; its signing secret."""
    webhook: dict[str, Any] = {
        "name": "w",
        "endpoint": "https://bridge.test/webhooks/zendesk",
        "http_method": "POST",
        "request_format": "json",
    }
    webhook |= {"status": "active", "subscriptions": ["conditional_ticket_events"]}
    made = asked(zendesk, "webhooks", {"webhook": webhook})["webhook"]
    for happens, event in (("Create", "created"), ("Change", "updated")):
        conditions = {"all": [{"field": "update_type", "operator": "is", "value": happens}], "any": []}
        actions = [{"field": "notification_webhook", "value": [made["id"], BODY % event]}]
        asked(zendesk, "triggers", {"trigger": {"title": event, "conditions": conditions, "actions": actions}})
    return str(zendesk.world.store.webhooks[made["id"]]["secret"])


def asked(zendesk: Zendesk, path: str, content: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = zendesk.api.answer("POST", f"/api/v2/{path}", Asked({}, content, zendesk.world.admin, "")).content
    return answer


class Weekend:
    """What came of it: the requests that arrived, the tickets in the account."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.now = 0.0
        self.scenario: Scenario = weekend(5, START, tickets=34, calls=16)
        self.played: Played = asyncio.run(self._play())

    async def _play(self) -> Played:
        def receive(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return httpx.Response(202, json={"status": "accepted"})

        async def sleep(seconds: float) -> None:
            self.now += seconds

        client = httpx.AsyncClient(transport=httpx.MockTransport(receive))
        self.zendesk = Zendesk(client, lambda: NOW, limits=Limits.off())
        self.secret = on_two_triggers(self.zendesk)
        self.talkdesk = Talkdesk(client, lambda: NOW, webhook_url="https://bridge.test/webhooks/talkdesk", key=KEY)
        people = ZendeskAccount(
            httpx.AsyncClient(transport=httpx.ASGITransport(make_zendesk(self.zendesk, pumping=False)), base_url="http://z.test")
        )
        callers = TalkdeskAccount(
            httpx.AsyncClient(transport=httpx.ASGITransport(make_talkdesk(self.talkdesk, pumping=False)), base_url="http://t.test")
        )

        async def pump() -> None:
            await self.zendesk.webhooks.pump()
            await self.talkdesk.automations.pump()

        return await Player(
            self.scenario,
            {"zendesk": people, "talkdesk": callers},
            people.look,
            monotonic=lambda: self.now,
            sleep=sleep,
            patience_s=1.0,
            between=pump,
        ).play()


@pytest.fixture(scope="module")
def played() -> Weekend:
    return Weekend()


def to(weekend: Weekend, path: str) -> list[httpx.Request]:
    return [request for request in weekend.requests if request.url.path == path]


def test_everything_on_the_sheet_happens(played: Weekend) -> None:
    assert played.played.done == played.played.total == len(played.scenario.acts)
    assert len(played.zendesk.world.store.tickets) == played.scenario.tickets
    assert len(played.talkdesk.world.calls) == played.scenario.calls
    assert all(expected.ref in played.played.ids for expected in played.scenario.expected)


def test_every_ticket_and_every_call_is_heard_of(played: Weekend) -> None:
    tickets = {json.loads(r.content)["ticket_id"] for r in to(played, "/webhooks/zendesk")}
    assert tickets == set(played.played.ids.values())
    calls = {body["call_id"] for r in to(played, "/webhooks/talkdesk") if "call_id" in (body := json.loads(r.content))}
    assert calls == set(played.talkdesk.world.calls)


def test_webhooks_are_signed_now_and_tell_of_the_weekend(played: Weekend) -> None:
    for request in to(played, "/webhooks/zendesk"):
        stamp = request.headers["x-zendesk-webhook-signature-timestamp"]
        assert datetime.fromisoformat(stamp) == NOW
        signature = hmac.new(played.secret.encode(), stamp.encode() + request.content, hashlib.sha256).digest()
        assert request.headers["x-zendesk-webhook-signature"] == base64.b64encode(signature).decode()
        at = datetime.fromisoformat(json.loads(request.content)["at"])
        assert START <= at <= START + timedelta(hours=62)


def test_the_desk_acts_as_people_do(played: Weekend) -> None:
    kinds = Counter(json.loads(r.content)["type"].rpartition(".")[2] for r in to(played, "/webhooks/zendesk"))
    assert kinds["created"] == played.scenario.tickets
    assert kinds["updated"] > 0
    told = {event["type"] for audits in played.zendesk.world.store.audits.values() for audit in audits for event in audit["events"]}
    assert {"Comment", "Change"} <= told


def test_nobody_tagged_anything_so_those_who_wait_for_a_tag_give_up(played: Weekend) -> None:
    waiting = {act.story for act in played.scenario.acts if act.after is not None}
    assert waiting
    assert set(played.played.gave_up) == waiting

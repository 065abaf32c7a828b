"""The simulated Talkdesk: bodies as the stock templates have them, an API with Talkdesk's habits, faults on demand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tsbridge.simulator.talkdesk import Talkdesk, make_app

KEY = "a-shared-secret"
START = datetime(2026, 6, 1, 9, 14, 3, tzinfo=UTC)

STOCK = {
    "call.answered": {
        "event", "account_id", "account_name", "call_id", "interaction_id", "interaction_context_id", "contact_id", "contact_name",
        "contact_email", "contact_phone_number", "talkdesk_phone_number", "agent_id", "agent_name", "agent_email", "agent_tags", "tags",
        "waiting_time", "is_transfer", "interaction_type", "phone_vip", "phone_ivr",
    },
    "call.ended": {
        "event", "account_id", "call_id", "interaction_id", "contact_id", "contact_name", "contact_email", "contact_phone_number",
        "talkdesk_phone_number", "agent_id", "agent_name", "agent_email", "tags", "start_time", "timestamp", "total_duration", "duration",
        "waiting_time", "hold_time", "in_business_hours", "hangup", "recording_url", "proactive_outbound",
    },
    "call.missed": {
        "event", "account_id", "call_id", "interaction_id", "contact_id", "contact_phone_number", "talkdesk_phone_number", "tags",
        "waiting_time", "hangup", "timestamp", "in_business_hours",
    },
    "voicemail.left": {
        "event", "account_id", "call_id", "interaction_id", "contact_id", "contact_name", "contact_email", "contact_phone_number",
        "talkdesk_phone_number", "tags", "timestamp", "duration", "recording_url", "voicemail_transcription",
    },
    "disposition.set": {
        "event", "account_id", "call_id", "interaction_id", "call_type", "call_disposition", "agent_email", "contact_phone_number",
        "talkdesk_phone_number",
    },
    "note.created": {"event", "account_id", "contact_id", "contact_phone", "title", "content"},
}  # fmt: skip


class Desk:
    """The receiving end, with memory; and the account's own API over ASGI. Time moves only when told."""

    def __init__(self, **options: Any) -> None:
        self.now = START
        self.requests: list[httpx.Request] = []
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._receive))
        self.talkdesk = Talkdesk(client, lambda: self.now, webhook_url="https://bridge.test/webhooks/talkdesk", key=KEY, **options)
        app = make_app(self.talkdesk, pumping=False)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://talkdesk.test")

    def _receive(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(202, json={"status": "accepted"})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    def act(self, act: str, *, after_s: float = 0, **args: Any) -> str:
        self.now += timedelta(seconds=after_s)
        return str(self.talkdesk.act(act, args)["id"])

    async def token(self) -> dict[str, str]:
        answer = await self.http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("tsbridge", KEY))
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def whole_call(self) -> str:
        self.act("contact", name="Ines Duarte", phone="+351910000123", email="ines@example.org")
        self.act("agent", name="Owen Pike", email="owen.pike@example.com", ring_groups=["billing", "vip"])
        call = self.act("started", phone="+351910000123", line="+12025550142", ring_groups=["billing", "vip"])
        self.act("answered", after_s=17, call_id=call, agent="owen.pike@example.com")
        self.act("held", call_id=call, seconds=36)
        self.act("ended", after_s=431, call_id=call)
        self.act("disposition", after_s=900, call_id=call, disposition="Refund requested")
        self.act("note", call_id=call, title="Call note", content='Customer said "second time"')
        return call


def run(scene: Callable[[Desk], Awaitable[None]], **options: Any) -> None:
    async def act() -> None:
        desk = Desk(**options)
        await scene(desk)
        await desk.http.aclose()

    asyncio.run(act())


def test_bodies_are_flat_and_all_text_with_exactly_the_stock_names_and_the_literals() -> None:
    async def scene(desk: Desk) -> None:
        desk.whole_call()
        missed = desk.act("started", phone="+447700900321", line="+12025550142")
        desk.act("missed", after_s=64, call_id=missed)
        left = desk.act("started", phone="+14155550177", line="+12025550142")
        desk.act("voicemail", after_s=20, call_id=left, transcription="Please ring me back.", seconds=38)
        await desk.talkdesk.automations.pump()
        by_event = {body["tsbridge_event"]: body for body in desk.bodies}
        for event, names in STOCK.items():
            body = by_event[event]
            assert set(body) == names | {"tsbridge_schema", "tsbridge_event", "direction"}, event
            assert all(isinstance(value, str) for value in body.values()), event
        assert by_event["call.ended"]["duration"] == "431"
        assert by_event["call.ended"]["timestamp"] == "2026-06-01T09:21:31Z"
        assert by_event["call.answered"]["agent_tags"] == '["billing", "vip"]'
        assert by_event["call.answered"]["waiting_time"].startswith("17.")
        assert by_event["call.missed"]["contact_id"] == ""
        assert by_event["voicemail.left"]["duration"] == "38"

    run(scene)


def test_without_our_literals_only_the_internal_word_tells_what_happened() -> None:
    async def scene(desk: Desk) -> None:
        desk.whole_call()
        await desk.talkdesk.automations.pump()
        assert [body["event"] for body in desk.bodies] == ["call_initiated", "call_answered", "call_finished", "", ""]
        assert not any("tsbridge_event" in body for body in desk.bodies)

    run(scene, style="stock")


def test_the_classic_bridge_wraps_the_same_data_and_names_contact_and_ticket() -> None:
    async def scene(desk: Desk) -> None:
        desk.act("contact", name="Ines", phone="+351910000123", zendesk_user_id="41")
        desk.act("started", phone="+351910000123", line="+12025550142", ticket_id="4711")
        await desk.talkdesk.automations.pump()
        (body,) = desk.bodies
        assert set(body) == {"auth", "data", "meta"}
        assert body["data"]["external_id"] == "4711"
        assert body["data"]["tsbridge_event"] == "call.started"
        assert body["meta"] == {"contact_external_id": "41"}

    run(scene, style="classic")


@pytest.mark.parametrize(
    ("present", "header", "value"),
    [
        ("header", "x-tsbridge-key", KEY),
        ("bearer", "authorization", f"Bearer {KEY}"),
        ("basic", "authorization", "Basic " + base64.b64encode(f"talkdesk:{KEY}".encode()).decode()),
    ],
)
def test_the_secret_is_presented_in_any_of_the_three_ways(present: str, header: str, value: str) -> None:
    async def scene(desk: Desk) -> None:
        desk.act("started", phone="+14155550177", line="+12025550142")
        await desk.talkdesk.automations.pump()
        assert desk.requests[0].headers[header] == value

    run(scene, present=present)


def test_a_flow_that_knows_the_ticket_names_it() -> None:
    async def scene(desk: Desk) -> None:
        desk.act("started", phone="+14155550177", line="+12025550142", ticket_id="4711")
        await desk.talkdesk.automations.pump()
        assert desk.bodies[0]["zendesk_ticket_id"] == "4711"

    run(scene)


def test_a_number_that_two_contacts_share_recognises_neither() -> None:
    async def scene(desk: Desk) -> None:
        desk.act("contact", name="One", phone="+14155550177")
        desk.act("contact", name="Two", phone="+14155550177")
        desk.act("started", phone="+14155550177", line="+12025550142")
        await desk.talkdesk.automations.pump()
        assert desk.bodies[0]["contact_id"] == ""

    run(scene)


def test_a_transfer_keeps_the_ids_and_names_the_agent_before() -> None:
    async def scene(desk: Desk) -> None:
        first = desk.act("agent", name="Owen Pike", email="owen@example.com")
        second = desk.act("agent", name="Mara Lund", email="mara@example.com")
        call = desk.act("started", phone="+14155550177", line="+12025550142")
        desk.act("answered", after_s=5, call_id=call, agent="owen@example.com")
        desk.act("transferred", after_s=60, call_id=call, agent="mara@example.com", ring_groups=["tier2"])
        await desk.talkdesk.automations.pump()
        body = desk.bodies[-1]
        assert (body["tsbridge_event"], body["call_id"], body["is_transfer"]) == ("call.transferred", call, "true")
        assert (body["previous_agent_id"], body["agent_id"], body["tags"]) == (first, second, "tier2")

    run(scene)


def test_an_impossible_act_changes_nothing_and_fires_nothing() -> None:
    async def scene(desk: Desk) -> None:
        call = desk.act("started", phone="+14155550177", line="+12025550142")
        for act, args in [("ended", {"call_id": call}), ("answered", {"call_id": "nope"}), ("explode", {}), ("missed", {"wrong": 1})]:
            answer = await desk.http.post("/_sim/act", json={"act": act, "args": args})
            assert answer.status_code == 422
        assert await desk.talkdesk.automations.pump() == 1
        assert desk.talkdesk.world.calls[call].state == "ringing"

    run(scene)


def test_dropped_deliveries_never_arrive_and_duplicates_arrive_twice() -> None:
    async def scene(desk: Desk) -> None:
        desk.talkdesk.faults.drop = 100
        desk.act("started", phone="+14155550177", line="+12025550142")
        await desk.talkdesk.automations.pump()
        assert desk.requests == []
        desk.talkdesk.faults.drop, desk.talkdesk.faults.duplicate = 0, 100
        desk.act("started", phone="+14155550178", line="+12025550142")
        await desk.talkdesk.automations.pump()
        assert len(desk.requests) == 2
        assert desk.requests[0].content == desk.requests[1].content

    run(scene)


def test_reordering_loses_nothing() -> None:
    async def scene(desk: Desk) -> None:
        desk.talkdesk.faults.reorder = 100
        calls = [desk.act("started", phone=f"+1415555{n:04d}", line="+12025550142") for n in range(40)]
        await desk.talkdesk.automations.pump()
        heard = [body["call_id"] for body in desk.bodies]
        assert heard != calls
        assert sorted(heard) == sorted(calls)

    run(scene)


def test_an_answer_that_never_comes_is_remembered_and_not_tried_again() -> None:
    async def scene(desk: Desk) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused", request=request)

        talkdesk = Talkdesk(
            httpx.AsyncClient(transport=httpx.MockTransport(refuse)), lambda: desk.now, webhook_url="https://bridge.test/", key=KEY
        )
        talkdesk.act("started", {"phone": "+14155550177", "line": "+12025550142"})
        assert await talkdesk.automations.pump() == 1
        assert await talkdesk.automations.pump() == 0
        assert [d.status for d in talkdesk.automations.deliveries] == [0]

    run(scene)


def test_tokens_are_for_the_right_client_and_end_when_they_said_they_would() -> None:
    async def scene(desk: Desk) -> None:
        wrong = await desk.http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("tsbridge", "wrong"))
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
        in_form = {"grant_type": "client_credentials", "client_id": "tsbridge", "client_secret": KEY}
        right = (await desk.http.post("/oauth/token", data=in_form)).json()
        bearer = {"Authorization": f"Bearer {right['access_token']}"}
        assert (await desk.http.get("/contacts", headers=bearer)).status_code == 200
        desk.now += timedelta(seconds=right["expires_in"])
        late = await desk.http.get("/contacts", headers=bearer)
        assert (late.status_code, late.json()["code"]) == (401, "unauthorized")

    run(scene)


def test_contact_pages_are_linked_until_the_last_and_searchable_by_phone() -> None:
    async def scene(desk: Desk) -> None:
        for n in range(120):
            desk.act("contact", name=f"C{n}", phone=f"+1415555{n:04d}")
        bearer, url, seen = await desk.token(), "/contacts", []
        while url:
            page = (await desk.http.get(url, headers=bearer)).json()
            seen += [c["id"] for c in page["_embedded"]["contacts"]]
            url = page["_links"].get("next", {}).get("href", "")
        assert len(seen) == len(set(seen)) == 120
        found = (await desk.http.get("/contacts", params={"phones": "+14155550007"}, headers=bearer)).json()
        assert [c["name"] for c in found["_embedded"]["contacts"]] == ["C7"]

    run(scene)


def test_a_recording_is_not_there_at_hang_up_but_later() -> None:
    async def scene(desk: Desk) -> None:
        desk.act("agent", name="Owen Pike", email="owen@example.com")
        call = desk.act("started", phone="+14155550177", line="+12025550142")
        desk.act("answered", after_s=5, call_id=call)
        desk.act("ended", after_s=100, call_id=call)
        bearer = await desk.token()
        path = f"/calls/{call}/recordings"
        assert (await desk.http.get(path, headers=bearer)).json()["_embedded"]["recordings"] == []
        desk.now += timedelta(minutes=2)
        (recording,) = (await desk.http.get(path, headers=bearer)).json()["_embedded"]["recordings"]
        assert (recording["type"], recording["duration"]) == ("conversation", 100)
        assert (await desk.http.get(recording["_links"]["media"]["href"], headers=bearer)).status_code == 302

    run(scene)


def test_a_calls_report_is_a_job_that_leads_to_a_file_of_calls_by_end_time() -> None:
    async def scene(desk: Desk) -> None:
        call = desk.whole_call()
        bearer = await desk.token()
        span = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"}
        asked = await desk.http.post("/data/reports/calls/jobs", json={"format": "json", "timespan": span}, headers=bearer)
        assert asked.status_code == 202
        job = asked.headers["location"]
        assert (await desk.http.get(job, headers=bearer)).json()["status"] == "processing"
        done = await desk.http.get(job, headers=bearer)
        assert done.status_code == 303
        report = (await desk.http.get(done.headers["location"], headers=bearer)).json()
        assert report["total"] == 1
        (row,) = report["entries"]
        assert (row["call_id"], row["type"], row["talk_time"], row["ring_groups"]) == (call, "inbound", 431, "billing+vip")
        too_long = {"from": "2026-01-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"}
        refused = await desk.http.post("/data/reports/calls/jobs", json={"timespan": too_long}, headers=bearer)
        assert (refused.status_code, refused.json()["fields"][0]["name"]) == (400, "timespan")

    run(scene)


def test_faults_make_the_api_answer_503_and_429_and_a_hasty_client_is_limited() -> None:
    async def scene(desk: Desk) -> None:
        bearer = await desk.token()
        await desk.http.put("/_sim/faults", json={"down": True})
        assert (await desk.http.get("/contacts", headers=bearer)).status_code == 503
        await desk.http.put("/_sim/faults", json={"down": False, "too_many": 1})
        limited = await desk.http.get("/contacts", headers=bearer)
        assert (limited.status_code, limited.json()["code"], limited.headers["retry-after"]) == (429, "too_many_requests", "1")
        answers = [(await desk.http.get("/contacts", headers=bearer)).status_code for _ in range(25)]
        assert answers == [200] * 20 + [429] * 5
        desk.now += timedelta(seconds=1)
        assert (await desk.http.get("/contacts", headers=bearer)).status_code == 200
        assert (await desk.http.put("/_sim/faults", json={"explode": 1})).status_code == 422

    run(scene)


def test_the_clock_put_by_a_scenario_is_the_time_in_the_bodies_and_never_goes_back() -> None:
    async def scene(desk: Desk) -> None:
        await desk.http.post("/_sim/clock", json={"now": "2026-11-20T22:00:00+00:00"})
        await desk.http.post("/_sim/clock", json={"now": "2026-11-20T21:00:00+00:00"})
        call = desk.act("started", phone="+14155550177", line="+12025550142")
        desk.act("missed", call_id=call)
        await desk.talkdesk.automations.pump()
        assert desk.bodies[-1]["timestamp"] == "2026-11-20T22:00:00Z"

    run(scene)

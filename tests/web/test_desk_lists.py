"""Cases, escalations, events and wishes as people see them, and what people do to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from tests.web import rows
from tsbridge.acts import cases as case_acts
from tsbridge.acts import escalations, events, notifications, timeline, writebacks
from tsbridge.acts.shape import as_json
from tsbridge.core.moments import Interaction
from tsbridge.store import writing_tables
from tsbridge.store.steps import Filter
from tsbridge.store.views import CaseFilter

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cases(room: Any, clock: Any) -> None:
    """Case 1: a ticket and a call of Ana. Case 2: another ticket, resolved."""
    at = clock.now()

    def write(conn: Any) -> None:
        rows.case(conn, "case_1", at, "4711", queue="safety", severity=1, tags=["ts_injury"], due_at=at + timedelta(minutes=15))
        rows.interaction(conn, "case_1", "talkdesk", "call-9", at, link_rank="guessed", link_because="same person (phone) within 3 minutes")
        rows.case(conn, "case_2", at + timedelta(minutes=1), "4712", queue="intake", status="resolved")
        rows.handle(conn, "email", "ana@example.com", "zendesk", "4711", "person")
        rows.handle(conn, "zendesk_user", "41", "zendesk", "4711", "person")
        rows.handle(conn, "phone", "+14155550123", "talkdesk", "call-9", "person")
        rows.handle(conn, "call", "the-call-id", "talkdesk", "call-9", "name")
        rows.handle(conn, "ticket", "4799", "talkdesk", "call-9", "name")

    await room.desk.database.write(write)


FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["case_2", "case_1"]),
    ({"ticket": "4711"}, ["case_1"]),
    ({"ticket": "4799"}, ["case_1"]),
    ({"call": "call-9"}, ["case_1"]),
    ({"call": "the-call-id"}, ["case_1"]),
    ({"person": "ANA@example.com"}, ["case_1"]),
    ({"person": "+1 415 555 0123"}, ["case_1"]),
    ({"person": "41"}, ["case_1"]),
    ({"person": "nobody@example.com"}, []),
    ({"queue": "intake"}, ["case_2"]),
    ({"status": "open"}, ["case_1"]),
    ({"severity": "1"}, ["case_1"]),
    ({"ticket": "4711", "status": "resolved"}, []),
]


async def test_cases_are_found_by_ticket_call_person_queue_and_status(room: Any, cases: None) -> None:
    for params, expected in FILTERS:
        answer = await room.client.get("/v1/cases", params=params)
        assert answer.status_code == 200, answer.text
        assert [item["id"] for item in answer.json()["items"]] == expected, params


async def test_a_case_has_the_shape_of_the_contract(room: Any, cases: None) -> None:
    case = (await room.client.get("/v1/cases/case_1")).json()
    for name in (
        "id",
        "status",
        "severity",
        "category",
        "queue",
        "assignee",
        "acknowledged",
        "acknowledged_at",
        "acknowledged_by",
        "acknowledged_way",
        "opened_at",
        "interactions",
        "tags",
        "next_due",
    ):
        assert name in case
    call = next(one for one in case["interactions"] if one["source"] == "talkdesk")
    assert (call["id"], call["channel"]) == ("call-9", "voice")
    assert call["linked"] == {"rank": "guessed", "because": "same person (phone) within 3 minutes"}
    assert case["tags"] == ["ts_injury"]
    assert case["next_due"].endswith("Z")


async def test_the_id_of_a_case_that_went_into_another_leads_there(room: Any, cases: None) -> None:
    assert (await room.client.get("/v1/cases/case_of_talkdesk_call-9")).json()["id"] == "case_1"
    assert (await room.client.get("/v1/cases/case_none")).status_code == 404


async def test_people_act_on_cases_under_their_own_name(room: Any, cases: None) -> None:
    headers = await room.key("supervisor")

    async def act(name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = {} if body is None else {"json": body}
        answer = await room.client.post(f"/v1/cases/case_1/{name}", headers=headers, **sent)
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == "case_1"
        return dict(answer.json())

    told: list[tuple[str, dict[str, Any] | None, str, dict[str, Any]]] = [
        ("acknowledge", None, "case.acknowledged", {}),
        ("acknowledge", {"note": "on it"}, "case.acknowledged", {"desk.note": "on it"}),
        ("note", {"note": "called her back"}, "case.noted", {"desk.note": "called her back"}),
        ("assign", {"agent": "7"}, "case.assigned", {"case.assignee": "7"}),
        ("resolve", {}, "case.resolved", {}),
    ]
    for name, body, event, facts in told:
        await act(name, body)
        moment = room.judged.told[-1]
        assert (moment.interaction, moment.event, dict(moment.facts)) == ("talkdesk:call-9", event, facts)
        assert (moment.actor.kind, moment.actor.id) == ("agent", "supervisor")
    ticket, call, other = Interaction("zendesk", "4711"), Interaction("talkdesk", "call-9"), Interaction("zendesk", "4712")
    await act("merge", {"case_id": "case_2"})
    split = await act("split", {"interaction": {"source": "talkdesk", "id": "call-9"}})
    assert split["split_off"] == "case_1", "where it stands by whoever links it anew"
    assert room.judged.linked == [{ticket, call, other}, {ticket, call}]
    changes = (await room.client.get("/v1/audit/changes", params={"subject": "case_1"})).json()["items"]
    assert {item["actor"] for item in changes} == {"supervisor"}
    assert [item["action"] for item in reversed(changes)] == [*(event for _, _, event, _ in told), "case.merge", "case.split"]


async def test_an_act_on_no_case_is_404_and_one_that_makes_no_sense_409(room: Any, cases: None) -> None:
    assert (await room.client.post("/v1/cases/case_none/acknowledge")).status_code == 404
    assert (await room.client.post("/v1/cases/case_1/merge", json={"case_id": "case_1"})).status_code == 409
    assert (await room.client.post("/v1/cases/case_1/note", json={"note": ""})).status_code == 422


async def test_escalations_are_due_once_their_time_has_come_and_can_be_acknowledged(room: Any, cases: None, clock: Any) -> None:
    at = clock.now()
    await room.desk.database.write(
        lambda conn: [rows.escalation(conn, 1, at, case_id="case_1"), rows.escalation(conn, 2, at, status="fired", step=2)]
    )

    async def listed(**params: str) -> list[tuple[str, str]]:
        items = (await room.client.get("/v1/escalations", params=params)).json()["items"]
        return [(item["id"], item["status"]) for item in items]

    assert await listed(status="armed") == [("esc_000001", "armed")]
    clock.advance(timedelta(minutes=15))
    assert await listed(status="armed") == []
    assert await listed(status="due") == [("esc_000001", "due")]
    assert await listed(status="fired") == [("esc_000002", "fired")]
    assert await listed(case="case_1") == [("esc_000001", "due")]
    answer = await room.client.post("/v1/escalations/esc_000001/acknowledge", json={"note": "seen"})
    assert answer.status_code == 200
    (moment,) = room.judged.told
    assert (moment.event, moment.actor.id, dict(moment.facts)) == ("case.acknowledged", "admin", {"desk.note": "seen"})
    assert (await room.client.post("/v1/escalations/esc_none/acknowledge")).status_code == 404


async def test_the_inbox_shows_what_became_of_each_delivery(room: Any, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        rows.event(conn, 1, at)
        rows.event(conn, 2, at, status="quarantined", reason="duplicate_key", source="talkdesk", body=b"\xff{")
        rows.decision(conn, 1, at)

    await room.desk.database.write(write)
    quarantined = (await room.client.get("/v1/events", params={"status": "quarantined"})).json()["items"]
    assert [(item["id"], item["reason"]) for item in quarantined] == [("evt_000002", "duplicate_key")]
    assert [item["id"] for item in (await room.client.get("/v1/events", params={"source": "zendesk"})).json()["items"]] == ["evt_000001"]
    shown = (await room.client.get("/v1/events/evt_000001")).json()
    assert shown["body"]["text"] == '{"number": 1}'
    assert shown["decisions"] == ["dec_000001"]
    assert (await room.client.get("/v1/events/evt_000002")).json()["body"]["bytes"] == 2
    assert (await room.client.get("/v1/events/evt_none")).status_code == 404


async def test_a_covered_ring_shows_the_decisions_of_its_read_and_each_delivery_its_warnings(room: Any, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        rows.event(conn, 1, at, rang_for="4711", covered_by="evt_000002", warnings=["time_ahead"])
        rows.event(conn, 2, at, rang_for="4711", covered_by="evt_000002")
        rows.event(conn, 3, at, rang_for="4711")
        rows.decision(conn, 2, at)

    await room.desk.database.write(write)
    shown = [(await room.client.get(f"/v1/events/evt_00000{number}")).json() for number in (1, 2, 3)]
    assert [one["decisions"] for one in shown] == [["dec_000002"], ["dec_000002"], []]
    assert [one["warnings"] for one in shown] == [["time_ahead"], [], []]


async def test_a_quarantined_delivery_is_tried_again_and_the_worker_woken(room: Any, clock: Any) -> None:
    at = clock.now()
    await room.desk.database.write(lambda conn: [rows.event(conn, 1, at, status="quarantined", reason="crashed"), rows.event(conn, 2, at)])
    answer = await room.client.post("/v1/events/evt_000001/retry")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["reason"]) == ("pending", None)
    assert room.woken == ["worker"]
    assert (await room.client.post("/v1/events/evt_000002/retry")).status_code == 409
    assert (await room.client.post("/v1/events/evt_none/retry")).status_code == 404
    changes = (await room.client.get("/v1/audit/changes")).json()["items"]
    assert [item["action"] for item in changes] == ["case.words_read", "event.retry"], "the answer has the bytes as they came"


async def test_a_parked_wish_is_tried_again_and_the_writer_woken(room: Any, clock: Any) -> None:
    at = clock.now()
    await room.desk.database.write(
        lambda conn: [
            rows.wish(conn, 1, at, status="parked", reason="loop_suspected", plan={"tags": ["ts_injury"]}),
            rows.wish(conn, 2, at),
        ]
    )
    parked = (await room.client.get("/v1/writebacks", params={"status": "parked"})).json()["items"]
    assert [(item["id"], item["ticket"], item["reason"]) for item in parked] == [("wb_000001", "1", "loop_suspected")]
    shown = (await room.client.get("/v1/writebacks/wb_000001")).json()
    assert shown["plan"] == {"tags": ["ts_injury"]}
    part = {"part": "tag:ts_injury", "status": "parked", "reason": "loop_suspected", "rule": None, "decision_id": None}
    assert shown["parts"] == [part]
    answer = await room.client.post("/v1/writebacks/wb_000001/retry")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "waiting"
    assert room.woken == ["writer"]
    assert (await room.client.post("/v1/writebacks/wb_000002/retry")).status_code == 409
    assert (await room.client.post("/v1/writebacks/wb_none/retry")).status_code == 404


async def test_write_back_is_paused_and_taken_up_again_while_everything_runs(room: Any) -> None:
    live = (await room.client.get("/v1/writebacks/mode")).json()
    assert (live["mode"], live["effective"], live["backlog"]) == ("live", "live", 0)
    paused = (await room.client.put("/v1/writebacks/mode", json={"mode": "paused"})).json()
    assert (paused["mode"], paused["effective"]) == ("paused", "paused")
    assert paused["because"] == "it was switched to paused, which is more careful: TSBRIDGE_WRITEBACK says live"
    shown = await room.client.get("/v1/writebacks/mode")
    assert (shown.json(), shown.headers["ETag"]) == (paused, '"paused"')
    stale = await room.client.put("/v1/writebacks/mode", json={"mode": "live"}, headers={"If-Match": '"live"'})
    assert stale.status_code == 412
    assert (await room.client.put("/v1/writebacks/mode", json={"mode": "off"})).status_code == 422
    change = (await room.client.get("/v1/audit/changes")).json()["items"]
    assert [(item["action"], item["before"], item["after"]) for item in change] == [
        ("writeback.mode", {"mode": "live"}, {"mode": "paused"})
    ]
    assert room.woken == ["writer"]


async def test_one_rule_is_paused_and_goes_on_while_everything_runs(room: Any) -> None:
    assert (await room.client.get("/v1/writebacks/rules")).json() == {"paused": []}
    for _ in range(2):
        assert (await room.client.put("/v1/writebacks/rules/injury", json={"paused": True})).json() == {"paused": ["injury"]}
    assert (await room.client.put("/v1/writebacks/rules/no-such-rule", json={"paused": True})).status_code == 404
    assert (await room.client.put("/v1/writebacks/rules/injury", json={"paused": "maybe"})).status_code == 422
    assert (await room.client.get("/v1/writebacks/rules")).json() == {"paused": ["injury"]}
    assert (await room.client.put("/v1/writebacks/rules/injury", json={"paused": False})).json() == {"paused": []}
    changes = (await room.client.get("/v1/audit/changes")).json()["items"]
    assert [(item["action"], item["subject"], item["after"]) for item in reversed(changes)] == [
        ("writeback.rule", "injury", {"paused": ["injury"]}),
        ("writeback.rule", "injury", {"paused": []}),
    ]


@pytest.mark.parametrize(
    ("setting", "switched", "effective"),
    [
        ("live", "live", "live"),
        ("live", "paused", "paused"),
        ("live", "dry-run", "dry-run"),
        ("paused", "live", "paused"),
        ("paused", "dry-run", "dry-run"),
        ("dry-run", "live", "dry-run"),
        ("dry-run", "paused", "dry-run"),
    ],
)
async def test_of_the_setting_and_the_switch_the_more_careful_counts(room: Any, setting: str, switched: str, effective: str) -> None:
    supervisor = await room.key("supervisor")
    async with room.other(writeback=setting) as client:
        answer = await client.put("/v1/writebacks/mode", json={"mode": switched}, headers=supervisor)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["mode"], told["effective"]) == (switched, effective)
        assert (await client.get("/v1/writebacks/mode")).json() == told
        assert f"TSBRIDGE_WRITEBACK says {setting}" in told["because"]


async def test_what_a_dry_run_planned_is_counted_and_sent_only_when_asked(room: Any) -> None:
    at = room.desk.clock.now()
    for number, backlog in ((1, "send"), (2, "drop"), (3, None)):
        assert (await room.client.put("/v1/writebacks/mode", json={"mode": "dry-run"})).json()["effective"] == "dry-run"
        await room.desk.database.write(lambda conn, n=number: rows.wish(conn, n, at, status="dry_run"))
        assert (await room.client.get("/v1/writebacks/mode")).json()["backlog"] == 1
        body = {"mode": "live"} | ({"backlog": backlog} if backlog else {})
        assert (await room.client.put("/v1/writebacks/mode", json=body)).json()["backlog"] == 0
        shown = (await room.client.get(f"/v1/writebacks/wb_{number:06d}")).json()
        assert (shown["status"], shown["reason"]) == (("waiting", None) if backlog == "send" else ("dry_run", "dropped"))
        (newest, *_) = (await room.client.get("/v1/audit/changes")).json()["items"]
        assert newest["after"] == {"mode": "live", "backlog": backlog or "drop", "planned": 1}
        await room.desk.database.write(lambda conn, n=number: conn.execute(delete(writing_tables.desired)) and None)


async def test_steps_are_walked_in_either_order_and_narrowed(room: Any, cases: None, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        for number in range(1, 6):
            about = {"source": "zendesk", "interaction": str(4710 + number), "severity": 1 + number % 2, "queue": "safety"}
            rows.escalation(conn, number, at + timedelta(minutes=number), **about)
        rows.escalation(conn, 6, at, status="fired", ended_at=at, queue="claims", source="talkdesk", interaction="c1")
        rows.escalation(conn, 7, at, status="fired", ended_at=at, taken_at=at, taken_by="ana", open=False)

    await room.desk.database.write(write)

    async def listed(**params: str) -> list[str]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = (await room.client.get("/v1/escalations", params={"limit": "2", **params, **cursor})).json()
            found += [item["id"] for item in answer["items"]]
            if answer["next_cursor"] is None:
                return found
            cursor = {"cursor": answer["next_cursor"]}

    every = [f"esc_{number:06d}" for number in (6, 7, 1, 2, 3, 4, 5)]
    assert await listed(order="soonest") == every
    assert await listed() == await listed(order="latest") == every[::-1]
    assert await listed(order="soonest", severity="2") == ["esc_000001", "esc_000003", "esc_000005"]
    assert await listed(queue="claims") == await listed(state="nobody") == ["esc_000006"]
    clock.advance(timedelta(minutes=17))
    assert await listed(order="soonest", state="overdue") == ["esc_000001", "esc_000002"]
    one = (await room.client.get("/v1/escalations", params={"queue": "claims"})).json()["items"][0]
    assert (one["call"], one["ticket"], one["subject"], one["told"], one["amiss"]) == ("c1", None, None, [], [])


@pytest.mark.parametrize("params", [{"order": "newest"}, {"state": "lost"}, {"severity": "one"}, {"severity": "0"}])
async def test_an_order_or_a_state_that_there_is_not_is_422(room: Any, params: dict[str, str]) -> None:
    assert (await room.client.get("/v1/escalations", params=params)).status_code == 422


async def test_a_place_in_one_order_is_none_in_the_other(room: Any, cases: None, clock: Any) -> None:
    at = clock.now()
    await room.desk.database.write(lambda conn: [rows.escalation(conn, number, at) for number in range(3)])
    cursor = (await room.client.get("/v1/escalations", params={"limit": 1})).json()["next_cursor"]
    assert (await room.client.get("/v1/escalations", params={"cursor": cursor, "order": "soonest"})).status_code == 422


async def test_the_api_answers_with_what_acts_found(room: Any, cases: None, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        rows.event(conn, 1, at, body=b"\xff{", warnings=["time_ahead"])
        rows.decision(conn, 1, at, case_id="case_1", interaction="4711")
        rows.wish(conn, 1, at, case_id="case_1")
        rows.escalation(conn, 1, at, case_id="case_1")
        rows.telling(conn, 1, at)

    await room.desk.database.write(write)
    found: list[tuple[str, Callable[[Any], Any]]] = [
        ("cases/case_1", lambda conn: case_acts.show(conn, "case_1")),
        ("cases/case_1/timeline", lambda conn: timeline.of_case(conn, "case_1", 50)),
        ("cases", lambda conn: case_acts.listed(conn, CaseFilter(), 50)),
        ("events", lambda conn: events.listed(conn, 50)),
        ("events/evt_000001", lambda conn: events.show(conn, "evt_000001")),
        ("escalations", lambda conn: escalations.listed(conn, Filter(), at, 50)),
        ("writebacks/wb_000001", lambda conn: writebacks.show(conn, room.desk.live, "wb_000001")),
        ("notifications", lambda conn: notifications.listed(conn, 50)),
    ]
    for path, act in found:
        shown = (await room.client.get(f"/v1/{path}")).json()
        assert shown.get("items", shown) == as_json(await room.desk.database.read(act)), path

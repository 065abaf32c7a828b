"""One decision explained: recomputed from what it saw and the version that made it, the same for ever."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from tests.web import rows
from tests.web.conftest import ZONE
from tsbridge.core.casestate import CaseState
from tsbridge.core.link import case_key
from tsbridge.core.moments import Actor, Handle, Interaction, Moment, Text
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.story import Told, judge_story
from tsbridge.store import cases, decision_tables, decision_writer
from tsbridge.store.decision_writer import Recording
from tsbridge.work.batch_moments import ToldNow

pytestmark = pytest.mark.anyio

TICKET = Interaction("zendesk", "4711")
CASE = case_key(TICKET)


def heard(room: Any, words: str = "My dog was bitten by the sitter's dog.") -> Moment:
    return Moment(
        "zendesk",
        "4711",
        "ticket.created",
        room.desk.clock.now(),
        facts=(("channel", "email"), ("requester.email", "ana@example.com"), ("ticket.priority", "high"), ("ticket.status", "new")),
        texts=(Text("subject", "Sitter's dog"), Text("description", words)),
        people=(Handle("email", "ana@example.com"),),
        actor=Actor("requester", "41"),
    )


async def judged(room: Any, book: dict[str, Any], moment: Moment, version: int = 1) -> str:
    """The moment kept and judged as the walk does it; returns the decision's id."""
    rules = read(book)
    judge = Judge(rules, ZONE)
    state, found = judge_story(CASE, [Told(moment, version)], moment.at, lambda _: judge, lambda _: {}, clock_version=lambda _: version)
    id_ = room.desk.ids.new("dec")

    def write(conn: Any) -> None:
        told = ToldNow()
        told.hear(conn, moment, "evt_1", version)
        told.write(conn)
        cases.save(conn, {CASE: state})
        about: dict[str, Any] = {
            "case_id": CASE,
            "event_id": "evt_1",
            "rulebook_hash": rules.hash,
            "recorded_at": moment.at,
            "salt": "salt",
        }
        decision_writer.record_all(conn, [Recording(found[0], id_, **about)])

    assert isinstance(state, CaseState)
    await room.desk.database.write(write)
    return str(id_)


async def test_a_decision_tells_which_conditions_made_it_and_which_nearly_made_another(room: Any, book: dict[str, Any]) -> None:
    id_ = await judged(room, book, heard(room))
    shown = (await room.client.get(f"/v1/audit/routing/{id_}")).json()
    assert [rule["key"] for rule in shown["rules"]] == ["injury", "to-safety"]
    because = shown["rules"][0]["because"][0]
    assert (because["field"], because["operator"], because["expected"], because["outcome"]) == (
        "text",
        "contains_any",
        ["bite", "bitten"],
        True,
    )
    assert "bitten" in because["actual"]
    assert shown["rules"][1]["because"][0]["actual"] == 1
    near = {miss["key"]: miss["missing"] for miss in shown["near_misses"]}
    assert near["urgent-mail"][0]["field"] == "ticket.priority"
    assert near["urgent-mail"][0]["actual"] == "high"
    on = "(version 1, last changed by system on 2026-11-22)"
    assert shown["in_words"] == [
        f"Went to safety because rule to-safety {on} found that case.severity is at most 2 (it was 1).",
        f'Severity 1 and tags ts_injury because rule injury {on} found "bitten" in the text.',
        "Rule urgent-mail would have given severity 2 if ticket.priority is urgent.",
    ]
    assert [(one["rule"], one["version"], one["by"]) for one in shown["last_changed"]] == [
        ("injury", 1, "system"),
        ("to-safety", 1, "system"),
    ]
    assert shown["outcome"]["queue"] == "safety"
    assert shown["inputs_erased"] is False


async def test_a_decision_is_explained_by_the_version_that_made_it_whatever_is_live_now(room: Any, book: dict[str, Any]) -> None:
    id_ = await judged(room, book, heard(room))
    before = (await room.client.get(f"/v1/audit/routing/{id_}")).json()
    seen = (await room.client.get("/v1/rulebook/draft")).headers["ETag"]
    other = {**book, "rules": book["rules"][-1:], "tests": []}
    kept = await room.client.put("/v1/rulebook/draft", json={"document": other}, headers={"If-Match": seen})
    assert (
        await room.client.post("/v1/rulebook/publish", json={"note": "two"}, headers={"If-Match": kept.headers["ETag"]})
    ).status_code == 201
    assert (await room.client.get(f"/v1/audit/routing/{id_}")).json() == before


async def test_a_decision_whose_inputs_were_erased_says_so_and_stays(room: Any, book: dict[str, Any]) -> None:
    id_ = await judged(room, book, heard(room))
    await room.desk.database.write(lambda conn: conn.execute(update(decision_tables.decisions).values(seen=None)) and None)
    shown = (await room.client.get(f"/v1/audit/routing/{id_}")).json()
    assert shown["inputs_erased"] is True
    assert [rule["key"] for rule in shown["rules"]] == ["injury", "to-safety"]
    assert shown["near_misses"] == []


async def test_a_case_explains_what_set_each_value_and_its_timeline_shows_what_was_heard(room: Any, book: dict[str, Any]) -> None:
    id_ = await judged(room, book, heard(room))
    shown = (await room.client.get(f"/v1/cases/{CASE}/explain")).json()
    assert shown["set_by"]["severity"]["value"] == 1
    assert shown["set_by"]["queue"]["decision_id"] == id_
    assert shown["set_by"]["category"] is None
    assert shown["decision"]["id"] == id_
    timeline = (await room.client.get(f"/v1/cases/{CASE}/timeline")).json()["items"]
    assert [entry["kind"] for entry in timeline] == ["moment", "decision"]
    assert timeline[0]["event"] == "ticket.created"
    assert timeline[0]["texts"][0] == ["subject", "Sitter's dog"]
    found = (await room.client.get("/v1/cases", params={"person": "ana@example.com"})).json()["items"]
    assert [case["id"] for case in found] == [CASE]


async def test_no_list_of_decisions_shows_text_or_addresses(room: Any, book: dict[str, Any]) -> None:
    await judged(room, book, heard(room, "bitten. call me: canary"))
    for accept in ("application/json", "application/x-ndjson", "text/csv"):
        text = (await room.client.get("/v1/audit/routing", headers={"Accept": accept})).text
        assert "4711" in text
        assert "canary" not in text
        assert "ana@" not in text


async def test_the_desks_moments_stand_on_the_timeline(room: Any, book: dict[str, Any]) -> None:
    await judged(room, book, heard(room))
    note = Moment(
        "desk", "zendesk:4711", "case.noted", room.desk.clock.now(), facts=(("desk.note", "called her"),), actor=Actor("agent", "k1")
    )

    def tell(conn: Any) -> None:
        told = ToldNow()
        told.hear(conn, note, "desk", 1)
        told.write(conn)

    await room.desk.database.write(tell)
    events = [entry.get("event") for entry in (await room.client.get(f"/v1/cases/{CASE}/timeline")).json()["items"]]
    assert "case.noted" in events


async def test_what_is_on_record_is_tried_again_by_any_rulebook_and_nothing_is_kept(room: Any, book: dict[str, Any]) -> None:
    await room.desk.database.write(lambda conn: rows.event(conn, 1, room.desk.clock.now(), id="evt_1") and None)
    id_ = await judged(room, book, heard(room))
    before = (await room.client.get("/v1/audit/routing")).json()
    other = {**book, "rules": book["rules"][1:], "tests": []}

    async def tried(**body: Any) -> Any:
        answer = await room.client.post("/v1/rulebook/try", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    for body in ({"decision_id": id_}, {"event_id": "evt_1"}):
        again = await tried(**body)
        assert (again["decision_id"], again["event_id"], again["case_id"]) == (id_, "evt_1", CASE)
        assert again["interaction"] == {"source": "zendesk", "id": "4711"}
        assert (again["mode"], again["at"]) == ("try", before["items"][0]["at"])
        assert [rule["key"] for rule in again["rules"] if rule["matched"]] == ["injury", "to-safety"]
        assert "bitten" in again["rules"][0]["because"][0]["actual"]
        otherwise = await tried(**body, document=other)
        assert (otherwise["outcome"]["queue"], otherwise["rulebook"]["version"]) == ("intake", None)
    changed = await tried(event_id="evt_1", given={"ticket.priority": "urgent", "text": "hello"}, at="2026-11-22T03:00:00Z")
    assert (changed["outcome"]["severity"], changed["at"]) == (2, "2026-11-22T03:00:00Z")
    assert (await room.client.get("/v1/audit/routing")).json() == before


async def test_what_cannot_be_tried_again_is_told_apart_from_what_is_not_there(room: Any, book: dict[str, Any]) -> None:
    def kept(conn: Any) -> None:
        for number in (1, 2):
            rows.event(conn, number, room.desk.clock.now(), id=f"evt_{number}")

    await room.desk.database.write(kept)
    id_ = await judged(room, book, heard(room))
    path = "/v1/rulebook/try"
    assert (await room.client.post(path, json={"event_id": "evt_9"})).status_code == 404
    assert (await room.client.post(path, json={"decision_id": "dec_9"})).status_code == 404
    assert (await room.client.post(path, json={"event_id": "evt_2"})).status_code == 409
    await room.desk.database.write(lambda conn: conn.execute(update(decision_tables.decisions).values(seen=None)) and None)
    assert (await room.client.post(path, json={"decision_id": id_})).status_code == 409

"""Rules see people and queues: once, when a moment is first judged; judged again, it sees the same."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.clocks import START, SettableClock
from tests.store.plans import plan
from tests.work import test_rejudge, test_replay
from tests.work.telling import Telling
from tests.work.walk import UTC, ticket
from tsbridge.acts.explained import explained
from tsbridge.core.staff import STAFF
from tsbridge.store import decisions, shadow
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions as rows
from tsbridge.store.moment_tables import moments
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.replay_jobs import Shadowing

ROSTER: dict[str, Any] = {
    "schema": 1,
    "timezone": "UTC",
    "agents": {
        "ana": {"name": "Ana", "zendesk_user_id": 7, "email": "ana@example.com", "queues": ["safety"], "reach": ["mail"]},
        "ben": {"name": "Ben", "zendesk_user_id": 8, "email": "ben@example.com", "queues": ["claims"], "reach": ["mail"]},
        "cleo": {"name": "Cleo", "zendesk_user_id": 9, "queues": ["safety"], "shadow": True},
    },
    "ways": {"mail": {"kind": "smtp"}},
    "shifts": {
        "day": {"days": "mon-sun", "hours": "08:00-18:00", "agents": ["ana", "cleo"]},
        "late": {"days": "mon-sun", "hours": "12:00-20:00", "agents": ["ben"]},
    },
    "cover": [{"queue": "claims", "oncall": "ben"}, {"oncall": "day"}],
}
NOBODY_YET: dict[str, Any] = {**ROSTER, "cover": [{"oncall": "late"}]}
NIGHT = START + timedelta(hours=13)
DUSK = START + timedelta(hours=8, minutes=55)


def leaf(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, **({} if value is None else {"value": value})}


def book(*conditions: dict[str, Any], on: tuple[str, ...] = ("ticket", "clock"), tag: str = "ts_alone", **more: Any) -> dict[str, Any]:
    """One rule that tags what its conditions hold for; everything goes to safety."""
    alone = {"key": "alone", "kind": "escalation", "on": list(on), "when": {"all": list(conditions)}, "then": [{"add_tags": [tag]}]}
    hurt = {
        "key": "hurt",
        "kind": "escalation",
        "when": leaf("text", "contains", "bitten"),
        "then": [{"set_severity": 1}, {"notify": "oncall"}, {"escalate": "sev1"}],
    }
    steps = [{"after": after, "actions": [{"add_tags": [f"ts_{after}"]}]} for after in ("10m", "20m")]
    return {
        "schema": 1,
        "queues": {"safety": {}, "claims": {}},
        "policies": {"sev1": {"steps": steps}},
        "rules": [alone, hurt, {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "safety"}]}],
        **more,
    }


ALONE = book(leaf("oncall.present", "is", False))
CROWDED = book(leaf("queue.waiting", "at_least", 3))


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Telling:
    return Telling(database, clock, ALONE, ROSTER)


def saw(desk: Telling, ticket_id: str = "4711") -> list[dict[str, Any]]:
    """What each decision in force saw of people and queues, by time."""
    mine = (rows.c.interaction == ticket_id, rows.c.superseded_by.is_(None), rows.c.retracted.is_(False))
    query = select(rows.c.seen).where(*mine).order_by(rows.c.at, rows.c.number)
    seen = desk.database.read_now(lambda conn: conn.execute(query).scalars().all())
    return [{name: value for name, value in one["given"].items() if name in STAFF} for one in seen]


def tags(desk: Telling, ticket_id: str = "4711") -> list[str]:
    query = select(rows.c.outcome).where(rows.c.interaction == ticket_id, rows.c.superseded_by.is_(None))
    return sorted({tag for one in desk.database.read_now(lambda conn: conn.execute(query).scalars().all()) for tag in one["tags_added"]})


def hear(desk: Telling, minute: float, ticket_id: str = "4711", kind: str = "updated", **props: Any) -> None:
    desk.walk.tell([ticket(kind, minute, ticket_id, person=ticket_id, **props)])
    desk.walk.work()


def minute_of(at: datetime) -> float:
    return (at - START) / timedelta(minutes=1)


# -- what is seen ------------------------------------------------------------------------------------------------------------


def test_a_rule_about_nobody_on_call_fires_at_night_and_not_by_day(desk: Telling) -> None:
    desk.open("hello", "1")
    desk.clock.set(NIGHT)
    desk.open("hello", "2")
    assert (saw(desk, "1"), saw(desk, "2")) == ([{"oncall.present": True}], [{"oncall.present": False}])
    assert (tags(desk, "1"), tags(desk, "2")) == ([], ["ts_alone"])


def test_a_due_time_looks_for_itself(desk: Telling) -> None:
    desk.clock.set(DUSK)
    desk.open("bitten")
    assert tags(desk) == []
    desk.run(timedelta(minutes=30))
    assert [one["oncall.present"] for one in saw(desk)] == [True, False, False]
    assert tags(desk) == ["ts_10m", "ts_20m", "ts_alone"]


def test_why_it_fired_says_what_was_seen_of_people(desk: Telling) -> None:
    desk.clock.set(NIGHT)
    desk.open("hello")
    desk.publish(NOBODY_YET)

    def explain(conn: Connection) -> Any:
        (id_,) = conn.execute(select(rows.c.id)).scalars()
        return explained(conn, desk.walk.rulebooks, id_)

    rule = desk.database.read_now(explain).rules[0]
    assert (rule["key"], rule["because"][0]["field"], rule["because"][0]["actual"]) == ("alone", "oncall.present", False)


def test_queue_and_holder_are_asked_about_as_they_stood_before(database: Database, clock: SettableClock) -> None:
    every = [leaf(name, "present") for name in sorted(STAFF)]
    desk = Telling(database, clock, book(*every), ROSTER)
    desk.open("bitten")
    assert saw(desk)[-1] == {"oncall.present": True}  # no queue yet, nobody's ticket
    hear(desk, 1)
    assert saw(desk)[-1] == {"oncall.present": True, "queue.waiting": 1, "queue.on_shift": 1}  # a shadow only learns
    hear(desk, 2, assignee_id="7", by="7")
    assert saw(desk)[-1] == {"oncall.present": True, "queue.waiting": 1, "queue.on_shift": 1, "case.assignee_on_shift": True}
    hear(desk, 3, assignee_id="8", by="8")
    assert saw(desk)[-1] == {"oncall.present": True, "queue.waiting": 0, "queue.on_shift": 1, "case.assignee_on_shift": False}


def test_when_the_last_message_was_sent_is_seen(database: Database, clock: SettableClock) -> None:
    closed = book(
        leaf("case.told_at", "outside_hours", "late"),
        leaf("case.told_at", "present"),
        calendars={"late": {"timezone": "UTC", "hours": {"mon-sun": "12:00-20:00"}}},
    )
    desk = Telling(database, clock, closed, ROSTER)
    desk.open("bitten")
    desk.tell()
    clock.advance(timedelta(hours=5))
    hear(desk, 300)
    assert (saw(desk)[0], saw(desk)[-1]) == ({}, {"case.told_at": "2026-11-22T09:00:00.000000Z"})
    assert "ts_alone" in tags(desk)  # five hours later the calendar is open, but it was not when they were told


def test_what_was_seen_first_is_found_by_an_index(database: Database) -> None:
    words = database.read_now(lambda conn: plan(conn, decisions.FIRST, {"at": START, "of": "clock:somebody"}))
    assert "decisions_by_moment" in words
    assert "ORDER BY" not in words


def test_only_what_a_rulebook_looks_at_is_looked_at(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, book(leaf("subject", "present")), ROSTER)
    desk.open("bitten")
    assert saw(desk) == [{}]


def test_a_policy_that_goes_on_as_it_was_armed_sees_what_its_own_rulebook_looks_at(database: Database, clock: SettableClock) -> None:
    before = book(leaf("subject", "present"))
    before["policies"]["sev1"]["steps"][1]["after"] = "10h"
    before["policies"]["sev1"]["stops_when"] = {"all": [leaf("queue.on_shift", "at_least", 1)]}
    clock.set(DUSK - timedelta(hours=10, minutes=55))  # 7:00
    desk = Telling(database, clock, before, ROSTER)
    desk.open("bitten")
    desk.walk.publish(book(leaf("subject", "present")))
    desk.run(timedelta(minutes=15))
    assert tags(desk) == ["ts_10m", "ts_alone"]
    clock.set(START)
    hear(desk, 0)
    assert [one.get("queue.on_shift") for one in saw(desk)] == [None, 0, 1]
    desk.run(timedelta(days=1))
    assert len(saw(desk)) == 3  # it has ended


def test_without_a_roster_nobody_is_there(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, book(leaf("oncall.present", "is", False), leaf("queue.on_shift", "is_not", 1)), None)
    desk.open("bitten")
    hear(desk, 1)
    assert saw(desk) == [{"oncall.present": False}, {"oncall.present": False, "queue.on_shift": 0}]


# -- once --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowded(database: Database, clock: SettableClock) -> Telling:
    """One case that was heard of twice, when no other waited; by now there are three."""
    desk = Telling(database, clock, CROWDED, ROSTER)
    desk.open("bitten", "1", minute=0)
    hear(desk, 2, "1")
    assert saw(desk, "1") == [{}, {"queue.waiting": 1}]
    desk.open("hello", "2")
    desk.open("hello", "3")
    clock.advance(timedelta(minutes=5))
    return desk


def test_a_late_moment_changes_nothing_that_earlier_ones_saw_and_looks_for_itself(crowded: Telling) -> None:
    before = crowded.walk.outcome()["decisions"]
    hear(crowded, 1, "1", priority="high")
    assert saw(crowded, "1") == [{}, {"queue.waiting": 3}, {"queue.waiting": 1}]
    assert set(before) < set(crowded.walk.outcome()["decisions"])  # no revision


def test_a_moment_whose_decision_is_revised_still_saw_what_it_saw(crowded: Telling) -> None:
    hear(crowded, 1, "1", text="it was bitten again", priority="low")
    hear(crowded, 1.5, "1", status="solved", by="7")
    assert [one.get("queue.waiting") for one in saw(crowded, "1")] == [None, 3, 3, 1]


def test_a_due_time_that_went_and_came_again_still_saw_what_it_saw(database: Database, clock: SettableClock) -> None:
    stops = copy.deepcopy(CROWDED)
    stops["policies"]["sev1"]["stops_when"] = leaf("ticket.status", "is", "pending")
    desk = Telling(database, clock, stops, ROSTER)
    desk.open("bitten")
    desk.run(timedelta(minutes=15))
    first = saw(desk)
    hear(desk, 5, status="pending")
    assert len(saw(desk)) == 2  # the due time is retracted
    desk.open("hello", "2")
    desk.open("hello", "3")
    desk.open("hello", "5")

    def withdraw(conn: Connection) -> None:
        told, conclusions = ToldNow(), desk.walk.conclusions
        live = conclusions.begin(conn)
        digest = conn.execute(select(moments.c.digest).where(moments.c.at == START + timedelta(minutes=5))).scalar_one()
        assert told.withdraw(conn, digest, "test", "never happened", clock.now())
        conclusions.conclude(conn, live, told, clock.now())

    database.write_now(withdraw)
    assert saw(desk) == first == [{}, {"queue.waiting": 1}]


def test_a_late_moment_asks_for_the_roster_as_it_was_known_at_its_time(desk: Telling) -> None:
    desk.open("hello", minute=0)
    desk.clock.advance(timedelta(hours=1))
    desk.publish(NOBODY_YET)
    desk.open("hello", "2")
    hear(desk, 30)
    assert (saw(desk), saw(desk, "2")) == ([{"oncall.present": True}] * 2, [{"oncall.present": False}])


def test_judged_anew_by_another_rulebook_it_sees_what_it_saw_and_nothing_that_it_did_not(crowded: Telling) -> None:
    walk = crowded.walk
    walk.publish(book(leaf("queue.waiting", "at_most", 1), leaf("oncall.present", "is_not", True), tag="ts_quiet"))
    assert test_rejudge.run(walk).status == "done"
    assert saw(crowded, "1") == [{}, {"queue.waiting": 1}]
    assert tags(crowded, "1") == ["ts_quiet"]
    walk.publish(book(leaf("subject", "present"), tag="ts_never"))
    test_rejudge.run(walk)
    walk.publish(CROWDED)
    test_rejudge.run(walk)
    assert saw(crowded, "1") == [{}, {"queue.waiting": 1}]  # also where a version between did not look
    assert test_rejudge.reproduced(walk) > 0


def test_every_decision_is_reproduced_from_what_it_saw(crowded: Telling) -> None:
    hear(crowded, 1, "1", priority="high")
    crowded.run(timedelta(minutes=30))
    assert test_rejudge.reproduced(crowded.walk) == len(crowded.walk.outcome()["decisions"])

    def again(conn: Connection) -> None:
        for id_ in conn.execute(select(rows.c.id)).scalars().all():
            found = decisions.load(conn, id_)
            assert found is not None
            assert found.seen is not None
            judge = crowded.walk.rulebooks.live(conn).judge
            came = judge.decide(found.seen.given, found.seen.previous, found.seen.standing, found.seen.at, found.subject)
            assert list(came.tags_added) == found.row["outcome"]["tags_added"]

    crowded.database.read_now(again)


def test_a_replay_goes_by_what_was_seen(crowded: Telling) -> None:
    walk = crowded.walk
    test_replay.start(walk, CROWDED)
    test_replay.start(walk, CROWDED, "rep_2", as_recorded=True)
    test_replay.start(walk, book(leaf("queue.waiting", "is", 1)), "rep_3")
    test_replay.start(walk, book(leaf("oncall.present", "is", True)), "rep_4")  # nobody looked then
    test_replay.run(walk)
    found = {id_: test_replay.job(walk, id_).summary for id_ in ("rep_1", "rep_2", "rep_3", "rep_4")}
    assert [(one["changed"], one["mismatches"]) for one in found.values()] == [(0, 0), (0, 0), (1, 0), (0, 0)]


def test_the_shadow_goes_by_what_live_saw(crowded: Telling) -> None:
    walk, draft = crowded.walk, book(leaf("queue.waiting", "is", 3), tag="ts_three")
    crowded.database.write_now(lambda conn: shadow.begin(conn, draft, test_replay.read(draft).hash, walk.clock.now(), "key_1"))
    hear(crowded, 3, "1", priority="high")
    crowded.open("hello", "4")
    shadowing = Shadowing(walk.database, walk.clock, walk.rulebooks, UTC)
    test_replay.asyncio.run(shadowing.round())
    compared = crowded.database.read_now(lambda conn: list(shadow.moves(conn, 10, 0)))
    assert [one["after"]["tags"] for one in compared if one["changed"]] == [["ts_three"]]


# -- no due time -------------------------------------------------------------------------------------------------------------


def test_people_set_no_due_time(desk: Telling) -> None:
    desk.open("hello")
    assert desk.database.read_now(lambda conn: conn.execute(select(cases.c.due_at)).scalar_one()) is None
    desk.run(timedelta(days=2))
    assert len(saw(desk)) == 1


def test_what_waits_for_an_hour_sees_people_as_they_were_seen_last(database: Database, clock: SettableClock) -> None:
    late = book(leaf("oncall.present", "is", True), leaf("time.hour", "is", 22))
    desk = Telling(database, clock, late, ROSTER)
    desk.open("hello")
    desk.run(timedelta(days=1))
    assert [one["oncall.present"] for one in saw(desk)][:2] == [True, False]
    assert tags(desk) == []


def test_the_due_times_of_a_case_are_its_own_moments(desk: Telling) -> None:
    desk.clock.set(DUSK)
    desk.open("bitten")
    desk.run(timedelta(minutes=30))
    desk.publish(ROSTER | {"cover": [{"oncall": "ana"}]})
    hear(desk, minute_of(DUSK) + 1, priority="high")  # late: the due times behind it are judged again
    assert [one["oncall.present"] for one in saw(desk)] == [True, True, False, False]

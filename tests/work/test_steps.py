"""Steps of escalations as a supervisor looks for them: what comes next, what is overdue, what nobody has, who was told."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tests.clocks import SettableClock
from tests.work.telling import BOOK, Telling
from tests.work.test_watch import Watching
from tests.work.walk import ticket
from tsbridge.acts import escalations as acts
from tsbridge.acts.shape import as_json
from tsbridge.store import steps
from tsbridge.store.db import Database
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.steps import Filter


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Telling:
    return Telling(database, clock)


def items(desk: Telling, soonest: bool = True, **wanted: Any) -> list[dict[str, Any]]:
    found = desk.database.read_now(lambda conn: acts.listed(conn, Filter(**wanted), desk.clock.now(), 50, soonest=soonest))
    return list(as_json(found))


def named(found: Sequence[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(item["ticket"], item["step"], item["status"]) for item in found]


def test_a_step_says_what_it_is_about_and_who_was_told_of_it_when(desk: Telling) -> None:
    desk.open("bitten")
    desk.tell()
    first, second, _ = items(desk)
    about = {name: first[name] for name in ("severity", "category", "queue", "ticket", "call", "subject", "withheld", "acknowledged_by")}
    assert about == {
        **{"severity": 1, "category": "safety_incident", "queue": "safety", "ticket": "4711", "call": None},
        **{"subject": None, "withheld": True, "acknowledged_by": None},
    }
    (told,) = first["told"]
    assert told == {"to": "ana", "way": "mail", "at": "2026-11-22T09:00:00Z", "status": "sent", "reason": None}
    assert second["told"] == []


def test_who_acknowledged_it_stands_beside_what_fired(desk: Telling) -> None:
    case_id = desk.open("bitten")
    desk.tell()
    desk.clock.advance(60)
    desk.acknowledge(case_id, "ben")
    by = [(item["status"], item["acknowledged_by"], item["acknowledged_at"]) for item in items(desk)]
    at = "2026-11-22T09:01:00Z"
    assert by == [("fired", "ben", at), *[("acknowledged", "ben", at)] * 2]


def test_what_nobody_has_in_hand_is_found_until_somebody_has_it(desk: Telling) -> None:
    one = desk.open("bitten")
    desk.open("bitten", "4712")
    desk.run(timedelta(minutes=16))
    fired = [("4711", 1, "fired"), ("4712", 1, "fired"), ("4711", 2, "fired"), ("4712", 2, "fired")]
    assert sorted(named(items(desk, state="nobody"))) == sorted(fired)
    assert len(items(desk, state="unacknowledged")) == 6
    desk.acknowledge(one)
    assert {item["ticket"] for item in items(desk, state="nobody")} == {"4712"}
    assert named(items(desk, state="unacknowledged"))[-1] == ("4712", 3, "armed")
    desk.walk.tell([ticket("updated", 17, "4712", person="4712", by="8", status="solved")])
    desk.walk.work()
    assert items(desk, state="unacknowledged") == []


def test_a_ticket_that_is_open_again_brings_back_nothing_that_was_done(desk: Telling) -> None:
    desk.open("bitten")
    desk.run(60)
    desk.walk.tell([ticket("updated", 2, person="4711", by="8", status="solved")])
    desk.walk.work()
    desk.run(60)
    desk.walk.tell([ticket("updated", 3, person="4711", text="and again", status="open")])
    desk.walk.work()
    assert named(items(desk, state="nobody")) == [("4711", 1, "fired")]  # that of the new round
    assert items(desk, state="nobody")[0]["due_at"] == "2026-11-22T09:03:00Z"


def test_overdue_is_what_should_have_fired(desk: Telling) -> None:
    desk.open("bitten")
    desk.clock.advance(timedelta(minutes=16))
    assert named(items(desk, state="overdue")) == [("4711", 2, "due")]
    desk.run(0)
    assert items(desk, state="overdue") == []


def test_lists_are_narrowed_by_severity_queue_and_who_was_told(desk: Telling) -> None:
    desk.open("bitten")
    desk.tell()
    desk.run(timedelta(minutes=31))
    assert [item["step"] for item in items(desk, agent="ben")] == [2, 3]  # who backs up is told at the next step
    assert [item["step"] for item in items(desk, agent="cleo")] == [3]
    assert items(desk, agent="dora") == []
    assert len(items(desk, severity=1, queue="safety")) == 3
    assert items(desk, severity=2) == items(desk, queue="intake") == []


def test_nobody_to_tell_is_told_as_such(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, roster=None)
    desk.open("bitten")
    desk.tell()
    told = items(desk)[0]["told"]
    assert told == [{"to": None, "way": None, "at": None, "status": "failed", "reason": "nobody_on_call"}]


def test_the_subject_is_the_newest_told(database: Database, clock: SettableClock) -> None:
    book = copy.deepcopy(BOOK)
    book["rules"][0]["then"] = [{"set_severity": 3}, {"escalate": "sev1"}]  # of a severe case it is withheld
    desk = Telling(database, clock, book)
    desk.open("bitten")
    desk.walk.tell([ticket("updated", 0.5, person="4711", subject="The dog, again")])
    desk.walk.work()
    assert {item["subject"] for item in items(desk)} == {"The dog, again"}


def test_the_watchdogs_findings_stand_beside_what_they_are_about(desk: Telling) -> None:
    watching = Watching(desk.walk)
    desk.open("bitten")
    desk.tell()
    first = items(desk)[0]["id"]
    desk.database.write_now(lambda conn: conn.execute(update(escalations).where(escalations.c.id == first).values(status="armed")))
    watching.look()
    assert [item["amiss"] for item in items(desk)] == [["step_late"], [], []]


def test_the_pages_of_both_orders_are_each_others_mirror(desk: Telling) -> None:
    for number in range(4):
        desk.open("bitten", str(5000 + number))
    whole = [item["id"] for item in items(desk)]
    assert [item["id"] for item in items(desk, soonest=False)] == whole[::-1]
    for soonest, expected in ((True, whole), (False, whole[::-1])):
        seen: list[str] = []
        after = None
        while True:
            rows = desk.database.read_now(
                lambda conn, after=after, soonest=soonest: steps.listed(conn, Filter(), desk.clock.now(), 5, after, soonest=soonest)
            )
            if not rows:
                break
            seen += [row["id"] for row in rows]
            after = rows[-1]["due_at"], rows[-1]["id"]
        assert seen == expected

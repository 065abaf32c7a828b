"""The watchdog works out of the stories what should have been, and names what is late or missing: once, until it is found no more."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from tests.clocks import SettableClock
from tests.seeds import first
from tests.work.team import Team, roster
from tests.work.telling import BOOK, ROSTER, Telling
from tests.work.test_rejudge import run as rejudge
from tests.work.walk import at, call, ticket
from tsbridge.core.moments import read_instant
from tsbridge.store import watch as store
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.link_tables import interactions
from tsbridge.store.notice_tables import notices, notifications
from tsbridge.work.conclude import Conclusions
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.watch import MOST_ALARMS, Watch


class Watching:
    """A watchdog beside a desk, and what it said."""

    def __init__(self, walk: Any, name: str = "w1") -> None:
        self.database: Database = walk.database
        self.clock: SettableClock = walk.clock
        self.alarms: list[tuple[str, str]] = []
        conclusions: Conclusions = walk.conclusions
        self.watch = Watch(self.database, self.clock, conclusions, walk.rulebooks, LiveRoster(), self._alarm, name, "live")

    def _alarm(self, what: str, **named: object) -> None:
        self.alarms.append((what, str(named.get("kind", named.get("count")))))

    def look(self) -> dict[str, int]:
        """Let a whole walk pass, a minute at a time without anybody else at work; returns what counts by then."""
        for _ in range(7):
            self.rounds()
            self.clock.advance(60)
        return self.found()

    def rounds(self) -> None:
        """All that the watchdog does at this instant."""
        while asyncio.run(self.watch.round()) <= self.clock.now() + timedelta(seconds=1):
            self.clock.advance(0.45)

    def found(self) -> dict[str, int]:
        return dict(self.database.read_now(store.watched).counts)


def do(database: Database, *statements: Any) -> None:
    def write(conn: Connection) -> None:
        for statement in statements:
            conn.execute(statement)

    database.write_now(write)


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Telling:
    return Telling(database, clock)


def test_a_desk_that_works_is_found_to(desk: Telling) -> None:
    watching = Watching(desk.walk)
    desk.open("bitten")
    desk.open("lost", "4712")
    for _ in range(40):
        watching.rounds()
        desk.run(60)
    assert desk.told()
    assert watching.found() == {}
    assert watching.alarms == []


def test_a_due_time_that_was_taken_away_is_found_before_it_comes_and_when_it_is_mended(desk: Telling) -> None:
    watching = Watching(desk.walk)
    case_id = desk.open("bitten")
    desk.tell()
    do(desk.database, update(cases).values(due_at=None))
    assert watching.look() == {"due_lost": 1}
    assert desk.database.read_now(lambda conn: store.amiss(conn, [case_id])) == {case_id: [("due_lost", case_id)]}
    asyncio.run(desk.walk.desk.note(case_id, "ana", "looked at"))  # as the runbook says
    assert watching.look() == {}
    assert watching.alarms == [("watch_found", "due_lost")]


def test_a_step_that_does_not_fire_since_its_due_time_is_gone_is_late(desk: Telling) -> None:
    watching = Watching(desk.walk)
    case_id = desk.open("bitten")
    desk.tell()
    do(desk.database, update(cases).values(due_at=None))
    desk.clock.advance(timedelta(minutes=15))
    found = watching.look()
    assert found == {"step_late": 1, "due_lost": 1}
    assert watching.look() == found
    assert watching.alarms == [("watch_found", "step_late"), ("watch_found", "due_lost")]
    asyncio.run(judge(desk, case_id))
    desk.acknowledge(case_id)
    desk.tell()
    assert watching.look() == {}


async def judge(desk: Telling, case_id: str) -> None:
    def whole(conn: Connection) -> None:
        conclusions = desk.walk.conclusions
        conclusions.judge_case(conn, conclusions.begin(conn), case_id, desk.clock.now())

    await desk.database.write(whole)


def test_a_case_that_no_worker_judges_at_its_due_time_is_found_within_two_minutes(desk: Telling) -> None:
    watching = Watching(desk.walk)
    desk.open("bitten")
    desk.tell()
    for _ in range(14):
        watching.rounds()
        desk.clock.advance(60)
    assert watching.found() == {}
    desk.clock.advance(120)
    watching.rounds()
    assert watching.found()["due_unjudged"] == 1
    desk.run(0)
    assert watching.look() == {}


@pytest.mark.parametrize("status", ["fired", "armed"])
def test_a_step_that_is_not_kept_any_more_is_found(desk: Telling, status: str) -> None:
    watching = Watching(desk.walk)
    case_id = desk.open("bitten")
    desk.tell()
    (row,) = desk.database.read_now(lambda conn: conn.execute(select(escalations).where(escalations.c.status == status).limit(1)).all())
    do(desk.database, delete(escalations).where(escalations.c.id == row.id))
    assert watching.look() == {"step_lost": 1}
    assert desk.database.read_now(lambda conn: store.amiss(conn, [case_id])) == {case_id: [("step_lost", row.id)]}
    asyncio.run(desk.walk.desk.note(case_id, "ana", "looked at"))  # as the runbook says
    assert watching.look() == {}
    assert watching.alarms == [("watch_found", "step_lost")]


def test_a_step_that_is_kept_as_if_it_were_to_come_is_late(desk: Telling) -> None:
    watching = Watching(desk.walk)
    desk.open("bitten")
    desk.tell()
    do(desk.database, update(escalations).where(escalations.c.status == "fired").values(status="armed"))
    assert watching.look() == {"step_late": 1}


def test_a_step_whose_decision_is_not_kept_is_late(desk: Telling) -> None:
    watching = Watching(desk.walk)
    desk.open("bitten")
    desk.run(timedelta(minutes=16))
    clocked = decisions.c.moment.like("clock:%")
    do(desk.database, update(decisions).where(clocked).values(retracted=True))
    assert watching.look() == {"step_late": 1}


def test_a_notice_that_is_gone_is_found_until_somebody_has_the_case(desk: Telling) -> None:
    watching = Watching(desk.walk)
    case_id = desk.open("bitten")
    desk.tell()
    do(desk.database, delete(notifications), delete(notices))
    assert watching.look() == {"notice_lost": 1}
    desk.acknowledge(case_id)
    assert watching.look() == {}
    assert watching.alarms == [("watch_found", "notice_lost")]


@pytest.mark.parametrize(("text", "within"), [("bitten", 30), ("lost", 120)])
def test_a_message_that_does_not_leave_is_found_when_the_rules_say_so(desk: Telling, text: str, within: int) -> None:
    """Nobody plans at all: the worker that tells is not there."""
    watching = Watching(desk.walk)
    watching.rounds()
    desk.clock.advance(61)
    desk.open(text)
    desk.clock.advance(within - 2)
    watching.rounds()
    assert watching.found() == {}
    desk.clock.advance(62)
    watching.rounds()
    assert watching.found() == {"not_told": 1}
    desk.tell()
    desk.clock.advance(60)
    watching.rounds()
    assert watching.found() == {}
    assert watching.alarms == [("watch_found", "not_told")]


def test_a_message_that_is_stuck_is_found(desk: Telling) -> None:
    """It was planned, and nobody ever takes it up."""
    watching = Watching(desk.walk)
    desk.open("bitten")
    planning = desk.worker()
    desk.database.write_now(lambda conn: planning._planner.look(planning._planner.begin(conn, desk.clock.now())))
    assert [status for _, _, status, _ in desk.stand()] == ["waiting"]
    assert watching.look() == {"not_told": 1}


def test_a_message_that_waits_for_the_end_of_quiet_hours_is_not_late(database: Database, clock: SettableClock) -> None:
    team = copy.deepcopy(ROSTER)
    team["agents"]["ana"]["quiet"] = "08:00-12:00"
    desk = Telling(database, clock, roster=team)
    watching = Watching(desk.walk)
    desk.open("lost")
    desk.tell()
    assert [status for _, _, status, _ in desk.stand()] == ["waiting"]
    assert watching.look() == {}


def test_nobody_to_be_told_is_an_answer_and_no_delay(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, roster=None)
    watching = Watching(desk.walk)
    desk.open("bitten")
    desk.tell()
    assert watching.look() == {}


def team_of(database: Database, clock: SettableClock, hours: str = "08:00-17:00") -> Team:
    clock.set(read_instant(at(60)))
    book = copy.deepcopy(BOOK)
    book["queues"]["safety"] = {"zendesk_group_id": 61, "assign": "least_loaded"}
    return Team(database, clock, book, roster({"ana": hours}))


def test_work_that_waits_although_somebody_could_have_it_is_found_after_two_minutes(database: Database, clock: SettableClock) -> None:
    team = team_of(database, clock)
    watching = Watching(team)
    watching.rounds()
    clock.advance(61)
    team.tell([ticket("created", 60, text="a question")])
    team.work()
    for _ in range(2):
        watching.rounds()
        assert watching.found() == {}
        clock.advance(60)
    watching.rounds()
    assert watching.found() == {"not_given": 1}
    team.give()
    clock.advance(60)
    watching.rounds()
    assert watching.found() == {}
    assert watching.alarms == [("watch_found", "not_given")]


def test_work_that_nobody_can_have_may_wait(database: Database, clock: SettableClock) -> None:
    team = team_of(database, clock, "20:00-21:00")
    watching = Watching(team)
    team.tell([ticket("created", 60, text="a question")])
    team.work()
    assert watching.look() == {}


def test_work_that_is_given_the_moment_somebody_comes_is_not_late(database: Database, clock: SettableClock) -> None:
    team = team_of(database, clock, "10:10-17:00")
    watching = Watching(team)
    team.tell([ticket("created", 60, text="a question")])
    team.work()
    for _ in range(15):
        watching.rounds()
        clock.advance(60)
        team.give()
    assert watching.found() == {}
    assert team.who() == {"4711": "ana"}


def test_one_process_at_a_time_watches_and_another_one_takes_over(desk: Telling) -> None:
    first, second = Watching(desk.walk, "w1"), Watching(desk.walk, "w2")
    desk.open("bitten")
    desk.tell()
    do(desk.database, delete(escalations).where(escalations.c.status == "fired"))
    for _ in range(7):
        first.rounds()
        second.rounds()
        desk.clock.advance(60)
    assert first.alarms == [("watch_found", "step_lost")]
    assert second.alarms == []
    for _ in range(12):
        second.rounds()
        desk.run(60)
    assert second.found() == {"step_lost": 1}
    assert second.alarms == []  # it was told before
    walked = desk.database.read_now(store.watched)
    assert walked.age(desk.clock.now()) < 360


def test_a_clock_that_is_set_forward_makes_nothing_late(desk: Telling) -> None:
    watching = Watching(desk.walk)
    desk.open("bitten")
    desk.tell()
    watching.rounds()
    desk.clock.advance(timedelta(minutes=20))
    watching.rounds()
    desk.run(1)
    assert watching.look() == {}
    assert watching.alarms == []


def test_a_case_that_cannot_be_judged_is_named_and_hides_no_other(desk: Telling) -> None:
    watching = Watching(desk.walk)
    broken, whole = desk.open("bitten"), desk.open("bitten", "4712")
    desk.tell()
    do(
        desk.database,
        update(decisions).where(decisions.c.case_id == broken).values(held={"judgement": "none"}),
        delete(escalations).where(escalations.c.case_id == whole, escalations.c.status == "fired"),
    )
    assert watching.look() == {"case_unreadable": 1, "step_lost": 1}


def test_many_findings_are_named_in_bounds(desk: Telling) -> None:
    watching = Watching(desk.walk)
    for number in range(MOST_ALARMS + 3):
        desk.walk.tell([ticket("created", 0, str(5000 + number), text="lost", person=str(5000 + number))])
    desk.walk.work()
    watching.look()
    assert watching.found() == {"not_told": MOST_ALARMS + 3}
    assert [kind for _, kind in watching.alarms] == ["not_told"] * MOST_ALARMS + ["3"]


def test_what_was_found_of_a_case_is_over_when_the_case_is(desk: Telling) -> None:
    watching = Watching(desk.walk)
    case_id = desk.open("bitten")
    desk.tell()
    do(desk.database, delete(escalations).where(escalations.c.status == "fired"))
    assert watching.look() == {"step_lost": 1}
    do(desk.database, update(cases).where(cases.c.id == case_id).values(status="resolved"))
    assert watching.look() == {}


@pytest.mark.parametrize(
    ("fresh_url", "seed", "minutes"), first(1, [("sqlite", 2, 120), ("sqlite", 1, 270), ("postgresql", 1, 270)]), indirect=["fresh_url"]
)
def test_a_day_of_a_busy_desk_has_nothing_to_find(database: Database, clock: SettableClock, seed: int, minutes: int) -> None:
    """What comes late, is judged otherwise, brought in quietly, published, acknowledged, solved and opened again is no fault."""
    dice = random.Random(seed)  # noqa: S311
    desk = Telling(
        database,
        clock,
        book=day_book(0),
        roster={**ROSTER, "shifts": {"day": {"days": "mon-sun", "hours": "08:00-20:00", "agents": ["ana", "ben"]}}},
    )
    watching = Watching(desk.walk)
    start, opened = clock.now(), 0
    while clock.now() - start < timedelta(minutes=minutes):
        minute = (clock.now() - start).total_seconds() / 60
        if dice.random() < 0.06:
            opened += 1
            text = dice.choice(["bitten", "lost", "hello", "lost, says the newspaper"])
            id_ = str(6000 + opened)
            desk.walk.tell([ticket("created", minute - dice.choice([0, 0, 0, 3, 20]), id_, text=text, person=id_)])
            desk.walk.work()
        for _ in range(2):
            if opened and dice.random() < 0.1:
                act(desk, dice, str(6000 + dice.randint(1, opened)), minute)
        if dice.random() < 0.006:
            desk.walk.publish(day_book(dice.randint(0, 20)))
            if dice.random() < 0.5:
                rejudge(desk.walk)
        if dice.random() < 0.03:
            phone = f"+1415555{dice.randint(100, 120):04d}"
            desk.walk.tell([call("call.missed", minute - dice.choice([0, 0, 5]), f"c{minute:.0f}", phone=phone)])
            desk.walk.work()
        desk.run(60)
        watching.rounds()
        assert watching.found() == {}, minute
    assert watching.alarms == []
    assert opened > 5
    steps = desk.database.read_now(lambda conn: set(conn.execute(select(escalations.c.status)).scalars()))
    assert {"fired", "acknowledged", "stopped"} <= steps
    assert desk.told()


def act(desk: Telling, dice: random.Random, id_: str, minute: float) -> None:
    what = dice.choice(["acknowledge", "solve", "reopen", "say", "late", "assign", "resolve", "phone"])
    if what in ("acknowledge", "resolve"):
        (case_id,) = desk.database.read_now(
            lambda conn: conn.execute(select(interactions.c.case_id).where(interactions.c.id == id_)).scalars()
        )
        asyncio.run(getattr(desk.walk.desk, what)(case_id, "ana", None))
    elif what == "phone":
        change(desk, minute, id_, phone=f"+1415555{dice.randint(100, 120):04d}", text="call me")
    elif what == "solve":
        change(desk, minute, id_, status="solved", by="8")
    elif what == "reopen":
        change(desk, minute, id_, text="it is lost again")
    elif what == "say":
        change(desk, minute, id_, text=dice.choice(["and bitten", "thanks"]))
    elif what == "late":
        change(desk, minute - dice.choice([2, 30, 120]), id_, text=dice.choice(["bitten, too", "fine"]))
    else:
        change(desk, minute, id_, assignee_id="7", by="7")
    desk.walk.work()


def change(desk: Telling, minute: float, id_: str, **what: Any) -> None:
    desk.walk.tell([ticket("updated", minute, id_, person=id_, **what)])


def day_book(minutes: int) -> Mapping[str, Any]:
    """The rulebook with another second step, and with rules that see people."""
    book = copy.deepcopy(BOOK)
    waits = {"field": "queue.on_shift", "operator": "at_most", "value": 5}
    missed = {"all": [{"field": "call.outcome", "operator": "is", "value": "missed"}, waits]}
    book["rules"].insert(0, {"key": "missed", "kind": "escalation", "when": missed, "then": [{"escalate": "sev1"}]})
    book["policies"]["sev1"]["steps"][1]["after"] = f"{10 + minutes}m"
    return book

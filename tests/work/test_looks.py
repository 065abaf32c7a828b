"""Looks that come round by themselves: in time, by one process, and soon after a clock that was wrong is right again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.telling import ROSTER, Telling
from tests.work.test_hearing import Desk, reported
from tests.work.test_seal import Sealing
from tsbridge.core import reads as allowance
from tsbridge.core.budget import Budget, take
from tsbridge.core.errors import TryLater
from tsbridge.core.reads import Reads
from tsbridge.store import wanted_facts
from tsbridge.store.db import Database
from tsbridge.store.inbox_tables import inbox
from tsbridge.work.looks import Looks, Turn
from tsbridge.work.misdated import Misdated

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_it_is_time_at_once_and_then_every_so_often(clock: SettableClock) -> None:
    looks = Looks(clock, MINUTE)
    assert looks.due()
    assert not looks.due()
    assert looks.next == clock.now() + MINUTE
    clock.advance(MINUTE)
    assert looks.due()


def test_whoever_looks_says_when_to_look_again(clock: SettableClock) -> None:
    looks = Looks(clock, MINUTE)
    assert looks.due()
    looks.next = clock.now() + timedelta(seconds=1)
    assert not looks.due()
    clock.advance(1)
    assert looks.due()


def test_a_clock_that_was_a_day_ahead_holds_no_look_up(clock: SettableClock) -> None:
    right = clock.now()
    clock.set(right + DAY)
    looks = Looks(clock, MINUTE)
    assert looks.due()
    clock.set(right)
    assert looks.due()
    assert looks.next == right + MINUTE


def test_one_process_at_a_time_looks_until_it_has_not_for_long(database: Database, clock: SettableClock) -> None:
    one, other = (Turn(database, clock, worker, "some_turn", MINUTE, 3 * MINUTE) for worker in ("one", "other"))
    assert asyncio.run(one.mine())
    assert not asyncio.run(one.mine())
    assert not asyncio.run(other.mine())
    clock.advance(MINUTE)
    assert asyncio.run(one.mine())
    clock.advance(3 * MINUTE)
    assert asyncio.run(other.mine())
    assert not asyncio.run(one.mine())


def test_a_turn_taken_by_a_clock_that_was_ahead_is_free_when_it_is_right(database: Database, clock: SettableClock) -> None:
    right = clock.now()
    clock.set(right + DAY)
    assert asyncio.run(Turn(database, clock, "gone since", "some_turn", MINUTE, 3 * MINUTE).mine())
    clock.set(right)
    assert asyncio.run(Turn(database, clock, "other", "some_turn", MINUTE, 3 * MINUTE).mine())


def test_sealing_goes_on_after_the_clock_was_set_back(database: Database, clock: SettableClock) -> None:
    desk = Sealing(database, clock)
    desk.decide()
    desk.round()
    clock.advance(-DAY)
    assert desk.round() is None
    assert desk.counts() == (1, 0)


def test_somebody_whom_no_way_reached_by_a_clock_that_was_ahead_is_told_when_it_is_right(database: Database, clock: SettableClock) -> None:
    desk, right = Telling(database, clock, roster={**ROSTER, "cover": [{"oncall": "ana"}]}), clock.now()
    clock.set(right + DAY)
    task = Misdated(database, clock)
    asyncio.run(task.round())

    def away(way: str, agent: str | None) -> None:
        raise TryLater("away", timedelta(hours=1))

    desk.ways.fault = away
    desk.open("bitten", minute=0)
    desk.tell()
    assert desk.told() == []
    desk.ways.fault = lambda way, agent: None
    clock.set(right + MINUTE)
    asyncio.run(task.round())
    desk.tell()
    assert ("mail", "ana") in desk.told()


def test_what_was_sent_by_a_clock_that_was_ahead_holds_nothing_back_when_it_is_right(database: Database, clock: SettableClock) -> None:
    desk, right = Telling(database, clock), clock.now()
    clock.set(right + DAY)
    for number in (1, 2, 3):
        desk.open("bitten", str(number))
        desk.tell()
    assert [way for way, agent in desk.told() if agent == "ana"].count("mail") == 3
    clock.set(right)
    desk.open("bitten", "4")
    desk.open("lost", "5")
    desk.tell()
    assert desk.ways.sent[-1].at == right


def test_a_pace_set_by_a_clock_that_was_ahead_is_no_longer_one(clock: SettableClock) -> None:
    spent = Budget()
    while (more := take(spent, 60, clock.now() + DAY)) is not None:
        spent = more
    assert take(spent, 60, clock.now() + DAY) is None
    assert take(spent, 60, clock.now()) is not None
    reads, taken = allowance.take(Reads(), "rings", 100, 100, clock.now() + DAY)
    assert taken == 100
    assert allowance.take(reads, "rings", 100, 100, clock.now())[1] == 100


def test_what_rang_by_a_clock_that_was_ahead_is_told_by_the_audits_when_it_is_right(database: Database, clock: SettableClock) -> None:
    desk, right = Desk(database, clock), clock.now()
    task = Misdated(database, clock)
    clock.set(right + DAY)
    asyncio.run(task.round())
    desk.writing.wire.unreachable = True
    ticket = reported(desk)
    desk.walk.work()
    assert desk.impressions() == 1
    desk.writing.wire.unreachable = False
    clock.set(right + MINUTE)
    asyncio.run(task.round())
    desk.walk.work()
    assert desk.impressions() == 0
    assert desk.events(ticket) == [("ticket.created", 1)]
    assert database.read_now(lambda conn: wanted_facts.of(conn, [ticket])) == {}
    (event,) = database.read_now(lambda conn: conn.execute(select(inbox.c.status, inbox.c.covered_by, inbox.c.id)).all())
    assert event.covered_by == event.id

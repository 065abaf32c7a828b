"""Looks that come round by themselves: in time, by one process, and soon after a clock that was wrong is right again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.clocks import SettableClock
from tests.work.test_seal import Sealing
from tsbridge.store.db import Database
from tsbridge.work.looks import Looks, Turn

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
    assert desk.counts() == (1, 0)
    desk.decide()
    clock.advance(-DAY)
    desk.round()
    assert desk.counts() == (2, 0)

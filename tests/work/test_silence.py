"""A source that falls silent is named soon by day and not at all by night; who never spoke is never missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.clocks import CountingIds, SettableClock
from tsbridge.core.silence import expected, hour_of, usual
from tsbridge.store import inbox, source_hours
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes
from tsbridge.work.silence_alarm import Silence

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 10, 5, tzinfo=UTC)


def said(at: datetime) -> int:
    """Deliveries in an hour: a desk that is open by day, from Monday to Friday."""
    return 60 if at.weekday() < 5 and 8 <= at.hour < 18 else 1 if at.weekday() < 5 else 0


class Listening:
    """A bridge that heard its sources for some weeks, then minute by minute."""

    def __init__(self, database: Database, clock: SettableClock, weeks: int) -> None:
        self.database = database
        self.clock = clock
        self.ids = CountingIds()
        self.alarms: list[str] = []
        self.start = MONDAY + timedelta(weeks=weeks)
        hours = [MONDAY + timedelta(hours=n) for n in range(weeks * 7 * 24)]
        counts = {hour_of(at): said(at) for at in hours if said(at)}
        if weeks:
            source = source_hours.Source(hour_of(MONDAY), self.start - timedelta(hours=1), counts)
            database.write_now(lambda conn: source_hours.save(conn, source_hours.Heard(0, {"zendesk": source})))
        self.clock.set(self.start)
        self.watch = self.another("w1")

    def another(self, name: str) -> Silence:
        return Silence(self.database, self.clock, self.ids, lambda: "salt", self._alarm, name)

    def _alarm(self, what: str, **named: object) -> None:
        self.alarms.append(f"{what}:{named['source']}")

    def hear(self, *, polled: bool = False) -> None:
        key = self.ids.new("key")
        delivery = inbox.Delivery(self.ids.new("evt"), "zendesk", key, self.clock.now(), {}, b"{}", polled)
        self.database.write_now(lambda conn: inbox.keep(conn, [delivery]))

    async def minutes(self, count: int, *, heard_every: int = 0, polled: bool = False) -> None:
        for minute in range(count):
            self.clock.advance(60)
            if heard_every and minute % heard_every == 0:
                self.hear(polled=polled)
            await self.watch.round()

    def silent(self) -> Mapping[str, datetime]:
        return self.database.read_now(source_hours.silent)

    def changes(self) -> list[str]:
        return self.database.read_now(lambda conn: [row.action for row in conn.execute(select(changes.c.action).order_by(changes.c.seq))])


async def test_silence_by_day_is_named_within_the_hour_once_and_taken_back_when_heard(
    make_database: Callable[[], Database], clock: SettableClock
) -> None:
    desk = Listening(make_database(), clock, 4)
    clock.set(desk.start + timedelta(hours=9))
    await desk.minutes(30, heard_every=1)
    assert not desk.alarms
    last = clock.now()
    await desk.minutes(25)
    assert not desk.silent()
    await desk.minutes(20)
    assert desk.silent() == {"zendesk": last}
    await desk.minutes(60, heard_every=3, polled=True)  # what we found ourselves is nobody's word
    assert desk.silent()
    assert desk.alarms == ["source_silent:zendesk"]
    desk.hear()
    await desk.minutes(1)
    assert not desk.silent()
    assert desk.changes() == ["source_silent", "source_heard_again"]


async def test_a_night_and_a_weekend_without_a_word_are_as_usual(make_database: Callable[[], Database], clock: SettableClock) -> None:
    desk = Listening(make_database(), clock, 4)
    clock.set(desk.start + timedelta(days=5, hours=22))  # Saturday night
    desk.hear()
    for _ in range(34 * 6):  # until Monday, 8 o'clock
        clock.advance(600)  # no longer, or it would count as our own absence
        await desk.watch.round()
    assert not desk.alarms
    await desk.minutes(100)
    assert desk.alarms == ["source_silent:zendesk"]


async def test_a_silence_that_was_ours_is_not_theirs(make_database: Callable[[], Database], clock: SettableClock) -> None:
    desk = Listening(make_database(), clock, 4)
    clock.set(desk.start + timedelta(hours=9))
    await desk.minutes(5, heard_every=1)
    clock.advance(6 * 3_600)  # the bridge was down
    await desk.minutes(20)
    assert not desk.alarms
    await desk.minutes(15, heard_every=1)
    assert not desk.alarms


async def test_who_was_hardly_heard_yet_is_not_missed(make_database: Callable[[], Database], clock: SettableClock) -> None:
    desk = Listening(make_database(), clock, 0)
    await desk.minutes(60, heard_every=1)
    await desk.minutes(100)
    assert not desk.alarms


async def test_counting_on_learns_what_came_whoever_looks(make_database: Callable[[], Database], clock: SettableClock) -> None:
    desk = Listening(make_database(), clock, 0)
    other = desk.another("w2")
    for _ in range(90):
        desk.hear()
        await desk.watch.round()
        await other.round()
        clock.advance(60)
    heard = desk.database.read_now(source_hours.load).sources["zendesk"]
    hour = hour_of(desk.start)
    assert heard.hours == {hour: 60, hour + 1: 30}


def test_a_single_busy_week_makes_nobody_expect_more() -> None:
    hour = hour_of(MONDAY + timedelta(weeks=5, hours=10))
    calm = {hour - 168 * n + near: 10 for n in range(1, 5) for near in (-1, 0, 1)}
    busy = {**calm, hour - 168: 900, hour - 167: 900, hour - 169: 900}
    began = hour - 168 * 4 - 2
    assert usual(busy, began, hour) == usual(calm, began, hour) == 10
    at = MONDAY + timedelta(weeks=5, hours=10)
    assert expected(calm, began, at, at + timedelta(minutes=30)) == pytest.approx(5)

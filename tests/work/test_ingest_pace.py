"""How many deliveries share a transaction: as many as may be, and few where their stories take long, for the door waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK, ticket
from tests.work.walk import Walk
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import Built
from tsbridge.store.tables import inbox
from tsbridge.work.due import AIM
from tsbridge.work.ingest import BATCH, fitting


class SlowClock(SettableClock):
    """Each look at it takes a while."""

    def now(self) -> object:  # type: ignore[override]
        return self.advance(timedelta(seconds=1))


@given(st.integers(0, BATCH), st.timedeltas(timedelta(0), timedelta(hours=1)))
def test_a_batch_is_so_large_that_it_takes_as_long_as_it_should(many: int, took: timedelta) -> None:
    batch = fitting(many, took)
    assert 1 <= batch <= BATCH
    if many and took and 1 < batch < BATCH:
        assert took / many * batch <= AIM < took / many * (batch + 1)


def test_after_a_slow_batch_fewer_deliveries_are_taken_and_all_are_applied(database: Database) -> None:
    walk = Walk(database, SlowClock(), BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(BATCH + 12)])
    applied = []
    while asyncio.run(walk.ingest.round()):
        done = select(func.count()).where(inbox.c.status == "applied")
        applied.append(database.read_now(lambda conn, done=done: conn.execute(done).scalar_one()))
    sizes = [now - before for before, now in zip([0, *applied], applied, strict=False)]
    assert sizes[0] == BATCH
    assert sum(sizes) == BATCH + 12
    assert len(sizes) > 2


def others_have_the_pen(walk: Walk, clock: SettableClock) -> None:
    """From now on whoever concludes waits for it."""
    begin = walk.conclusions.begin

    def waits(conn: Connection) -> Built:
        clock.advance(timedelta(seconds=3))
        return begin(conn)

    walk.conclusions.begin = waits  # type: ignore[method-assign]


def test_waiting_for_other_workers_makes_no_batch_smaller(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    others_have_the_pen(walk, clock)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(2 * BATCH)])
    clock.advance(timedelta(hours=3))
    rounds = 0
    while asyncio.run(walk.ingest.round()):
        rounds += 1
    assert rounds == 2


def test_waiting_for_other_workers_does_not_part_what_falls_due_together(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", 0, str(n), person=str(n), text="my dog was bitten") for n in range(10)])
    walk.work()
    due = [case[8] for case in walk.outcome()["cases"]]
    clock.set(max(due) + timedelta(seconds=1))
    others_have_the_pen(walk, clock)
    begun = clock.now()
    asyncio.run(walk.due.round())
    assert clock.now() - begun == timedelta(seconds=3)
    assert all(case[8] is None or case[8] > clock.now() for case in walk.outcome()["cases"])

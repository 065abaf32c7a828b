"""How many deliveries share a transaction: as many as may be, however long they take, and fewer only while something is amiss."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK, ticket
from tests.work.walk import Walk
from tsbridge.core.crashpoint import arm, disarm
from tsbridge.store.db import Database
from tsbridge.store.inbox_tables import inbox
from tsbridge.work.ingest import BATCH, PAUSE


class SlowClock(SettableClock):
    """Each look at it takes a while."""

    def now(self) -> object:  # type: ignore[override]
        return self.advance(timedelta(seconds=1))


class Died(Exception):
    pass


def die() -> None:
    raise Died


def sizes(walk: Walk) -> list[int]:
    """How many deliveries each round applies, until nothing is left."""
    done = select(func.count()).where(inbox.c.status == "applied")
    applied = [walk.database.read_now(lambda conn: conn.execute(done).scalar_one())]
    while asyncio.run(walk.ingest.round()):
        applied.append(walk.database.read_now(lambda conn: conn.execute(done).scalar_one()))
    return [now - before for before, now in pairwise(applied)]


def test_a_slow_batch_makes_the_next_one_no_smaller(database: Database) -> None:
    walk = Walk(database, SlowClock(), BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(2 * BATCH + 12)])
    assert sizes(walk) == [BATCH, BATCH, 12]


def test_after_a_round_that_failed_as_a_whole_fewer_are_taken_and_soon_as_many_as_before(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(3 * BATCH)])
    arm("ingest.read", die)
    try:
        with pytest.raises(Died):
            asyncio.run(walk.ingest.round())
    finally:
        disarm()
    clock.advance(PAUSE)
    assert sizes(walk) == [BATCH // 2, BATCH, BATCH, BATCH - BATCH // 2]


def test_what_falls_due_together_is_judged_together(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", 0, str(n), person=str(n), text="my dog was bitten") for n in range(10)])
    walk.work()
    due = [case[8] for case in walk.outcome()["cases"]]
    clock.set(max(due) + timedelta(seconds=1))
    asyncio.run(walk.due.round())
    assert all(case[8] is None or case[8] > clock.now() for case in walk.outcome()["cases"])

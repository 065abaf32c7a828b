"""How many deliveries share a transaction: as many as may be, however long they take, and fewer only while something is amiss; and when
the next are looked for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.clocks import CountingIds, SettableClock
from tests.work.test_walk_laws import BOOK, ticket
from tests.work.walk import Walk
from tsbridge.core.crashpoint import arm, disarm
from tsbridge.store import claiming
from tsbridge.store.db import Database
from tsbridge.store.inbox_tables import inbox, inbox_claims
from tsbridge.work.ingest import BATCH, LEASE, PAUSE


class SlowClock(SettableClock):
    """Each look at it takes a while."""

    def now(self) -> object:  # type: ignore[override]
        return self.advance(timedelta(seconds=1))


class Died(Exception):
    pass


def die() -> None:
    raise Died


def fail_at(point: str, walk: Walk) -> None:
    """A round that ends there."""
    arm(point, die)
    try:
        with pytest.raises(Died):
            asyncio.run(walk.ingest.round())
    finally:
        disarm()


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
    fail_at("ingest.read", walk)
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


def test_it_comes_again_at_once_only_when_more_is_due(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(BATCH + 1)])
    assert asyncio.run(walk.ingest.go_on()) is True, "it took as many as it may"
    assert asyncio.run(walk.ingest.go_on()) is None, "nothing is left, and it has looked"
    assert asyncio.run(walk.ingest.go_on()) is None


def test_what_is_due_later_is_come_back_for_and_what_others_have_now_and_then(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", 0, "7000")])
    other = asyncio.run(database.write(lambda conn: claiming.claim(conn, "other", clock.now(), timedelta(minutes=5), 1)))
    assert asyncio.run(walk.ingest.go_on()) == clock.now() + timedelta(minutes=5), "when the claim of the other one ends"
    database.write_now(lambda conn: claiming.later(conn, other[0], clock.now() + timedelta(seconds=30), "given_back"))
    assert asyncio.run(walk.ingest.go_on()) == clock.now() + timedelta(seconds=30)


def test_what_is_concluded_says_what_there_is_to_do_about_it(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", 0, "7000")])
    walk.work()
    walk.tell([ticket("updated", 1, "7000", text="and one more thing")])
    walk.work()
    first, then = walk.concluded
    assert first.decisions == then.decisions == 1
    assert (first.wishes > 0, first.work > 0) == (True, True)
    assert (then.wishes, then.notices, then.work) == (0, 0, 0), "nothing else came of it"


def test_when_more_came_meanwhile_it_is_claimed_before_anything_else_is_looked_at(database: Database, clock: SettableClock) -> None:
    more: list[bool] = [False]
    walk = Walk(database, clock, BOOK, is_woken=lambda: more[0])
    walk.tell([ticket("created", 0, "7000")])
    assert asyncio.run(walk.ingest.go_on()) is None
    walk.tell([ticket("updated", 1, "7000", text="and one more thing")])
    more[0] = True
    assert asyncio.run(walk.ingest.go_on()) is True
    assert asyncio.run(walk.ingest.go_on()) is None, "there was nothing after all"


def claimed(walk: Walk) -> list[int]:
    """The claims there are, each by how often its delivery was tried."""
    return walk.database.read_now(lambda conn: list(conn.execute(select(inbox_claims.c.attempts)).scalars()))


def test_what_came_during_a_round_is_claimed_by_the_commit_that_ends_it(database: Database, clock: SettableClock) -> None:
    more: list[bool] = [False]
    walk = Walk(database, clock, BOOK, is_woken=lambda: more[0])
    read, coming = walk.ingest._readers["zendesk"], [ticket("updated", 1, "7000", text="and one more thing")]

    def meanwhile(row: claiming.Claimed, mappings: Any) -> Any:
        clock.advance(1)
        more[0] = bool(coming)
        walk.tell(coming)
        coming.clear()
        return read(row, mappings)

    walk.ingest._readers = {**walk.ingest._readers, "zendesk": meanwhile}
    walk.tell([ticket("created", 0, "7000")])
    assert asyncio.run(walk.ingest.go_on()) is True
    assert (len(walk.concluded), claimed(walk)) == (1, [1])
    assert asyncio.run(walk.ingest.go_on()) is None
    assert (len(walk.concluded), claimed(walk)) == (2, [])


def test_what_was_claimed_for_a_round_that_never_comes_is_free_at_once_and_nobody_died_of_it(
    database: Database, clock: SettableClock
) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(BATCH + 3)])
    asyncio.run(walk.ingest.round())
    assert claimed(walk) == [1, 1, 1]
    asyncio.run(walk.ingest.leave())
    assert claimed(walk) == []
    other = Walk(database, clock, BOOK, worker="w2", ids=CountingIds("w2"))
    assert sizes(other) == [3]
    tried = select(inbox.c.attempts, inbox.c.deaths)
    assert {tuple(row) for row in database.read_now(lambda conn: conn.execute(tried).all())} == {(1, 0)}


def test_a_round_that_fails_behind_its_commit_gives_back_what_that_had_claimed(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(BATCH + 3)])
    fail_at("ingest.committed", walk)
    clock.advance(PAUSE)
    assert sizes(walk) == [3]
    assert claimed(walk) == []


def test_what_was_claimed_long_before_its_round_is_claimed_anew(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(BATCH + 3)])
    asyncio.run(walk.ingest.round())
    clock.advance(LEASE)
    assert asyncio.run(database.write(lambda conn: claiming.claim(conn, "other", clock.now(), LEASE, 1))) != []
    assert sizes(walk) == [2], "the third is somebody else's by now"

"""The sealer's rounds: soon when woken, within a second by itself, with one commit for many, and what nothing proves is told once."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import func, select, update

from tests.clocks import SettableClock
from tests.work.walk import Walk, ticket
from tsbridge.store.chain import chain
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import unsealed
from tsbridge.work.seal import DELAY, LOOK, Sealer

BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"intake": {"zendesk_group_id": 1}},
    "rules": [{"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]}],
}


class Sealing:
    """A walk and a sealer beside it; what the sealer told the operator is remembered."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.clock = clock
        self.database = database
        self.alarms: list[tuple[str, int]] = []
        self.walk = Walk(database, clock, BOOK)
        self.walk.sealer.seal = self._nothing  # type: ignore[method-assign]
        self.sealer = Sealer(database, clock, lambda what, count: self.alarms.append((what, count)))
        self._told = 0

    async def _nothing(self) -> None:
        """The walk's own sealer is away."""

    def decide(self) -> None:
        self._told += 1
        self.walk.tell([ticket("created", 0, str(5000 + self._told), person=str(self._told))])
        self.walk.work()

    def round(self) -> float | None:
        """Go round once; after how many seconds it wants to come again, None where it knows of nothing."""
        now, due = self.clock.now(), asyncio.run(self.sealer.round())
        return None if due is None else (due - now).total_seconds()

    def counts(self) -> tuple[int, int]:
        """How many are in the chain, and how many wait."""
        counts = [select(func.count()).select_from(table) for table in (chain, unsealed)]
        sealed, waiting = (self.database.read_now(lambda conn, one=one: conn.execute(one).scalar_one()) for one in counts)  # type: ignore[misc]
        return sealed, waiting


def test_what_is_there_is_sealed_a_moment_after_a_wake_up(database: Database, clock: SettableClock) -> None:
    desk = Sealing(database, clock)
    desk.decide()
    assert desk.round() == DELAY.total_seconds()
    assert desk.counts() == (0, 1), "what is decided meanwhile shares its commit"
    clock.advance(DELAY)
    assert desk.round() is None
    assert desk.counts() == (1, 0)
    clock.advance(LOOK)
    assert desk.round() is None, "nothing waits"
    assert desk.counts() == (1, 0)


def test_woken_again_and_again_it_seals_many_with_one_commit_and_still_within_a_second(database: Database, clock: SettableClock) -> None:
    desk = Sealing(database, clock)
    desk.decide()
    desk.round()
    clock.advance(DELAY / 2)
    desk.decide()
    desk.decide()
    assert desk.round() == (DELAY / 2).total_seconds(), "the first does not wait longer for those behind it"
    assert desk.counts() == (0, 3)
    clock.advance(DELAY / 2)
    desk.round()
    assert desk.counts() == (3, 0)
    assert (DELAY + LOOK).total_seconds() < 1


def test_a_record_that_nothing_proves_stays_is_told_once_and_stops_nobody(database: Database, clock: SettableClock) -> None:
    desk = Sealing(database, clock)
    desk.decide()
    database.write_now(lambda conn: conn.execute(update(unsealed).values(mac="forged")) and None)
    desk.decide()
    for _ in range(4):
        desk.round()
        clock.advance(DELAY)
    assert desk.counts() == (1, 1)
    assert desk.alarms == [("seal_refused", 1)]

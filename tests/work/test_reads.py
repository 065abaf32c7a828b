"""One read budget for every process and every reader; who is told to wait tells all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.clocks import SettableClock
from tsbridge.core import budget as flow
from tsbridge.core.errors import TryLater
from tsbridge.store import budget
from tsbridge.store.db import Database
from tsbridge.work.reads import EXPORTS_PER_MINUTE, ReadBudget

pytestmark = pytest.mark.anyio


async def test_two_processes_spend_one_budget(database: Database, clock: SettableClock) -> None:
    one, two = (ReadBudget(database, clock, 10) for _ in range(2))
    assert await one.take("severe", 7) == 7
    assert await two.take("severe", 7) == 3
    clock.advance(30)
    assert await one.take("severe", 1) == 0
    clock.set(await one.next_free("severe"))
    assert await two.take("severe", 100) == 10


async def test_something_is_left_for_a_severity_1_whoever_else_reads(database: Database, clock: SettableClock) -> None:
    reads = ReadBudget(database, clock, 10)
    assert await reads.take("catching_up", 100) == 5
    assert await reads.take("rings", 100) == 3
    assert await reads.take("facts", 100) == 0
    assert await reads.take("severe", 100) == 2


async def test_pages_of_the_export_have_a_limit_of_their_own_within_the_budget(database: Database, clock: SettableClock) -> None:
    reads = ReadBudget(database, clock, 10)
    assert await reads.take("export", 100) == EXPORTS_PER_MINUTE
    assert await reads.take("export", 1) == 0
    assert await reads.take("severe", 100) == 10 - EXPORTS_PER_MINUTE


async def test_told_to_wait_every_reader_and_the_writer_wait(database: Database, clock: SettableClock) -> None:
    one, two = (ReadBudget(database, clock) for _ in range(2))
    await one.failed(TryLater("rate_limited", timedelta(seconds=90), waiting=True))
    assert await two.take("severe", 1) == 0
    assert flow.closed(database.read_now(budget.load), clock.now()) == clock.now() + timedelta(seconds=90)
    clock.advance(90)
    assert await two.take("severe", 1) == 1


async def test_when_the_writer_is_told_to_wait_nobody_reads(database: Database, clock: SettableClock) -> None:
    until = clock.now() + timedelta(seconds=40)
    database.write_now(lambda conn: budget.change(conn, lambda shared: flow.wait_until(shared, until, "rate_limited")))
    reads = ReadBudget(database, clock)
    assert await reads.take("severe", 1) == 0
    assert await reads.next_free("severe") == until


async def test_a_full_export_stops_the_export_alone(database: Database, clock: SettableClock) -> None:
    reads = ReadBudget(database, clock)
    await reads.failed(TryLater("rate_limited", timedelta(seconds=30), waiting=True), "export")
    assert await reads.take("export", 1) == 0
    assert await reads.take("rings", 1) == 1


async def test_what_zendesk_says_of_its_own_limit_is_obeyed(database: Database, clock: SettableClock) -> None:
    told = {"account": (100, 90, 30)}
    database.write_now(lambda conn: budget.change(conn, lambda shared: flow.heard(shared, told, clock.now())))
    assert await ReadBudget(database, clock, 1_000).take("severe", 1_000) == 70

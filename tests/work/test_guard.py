"""The runaway guard pauses write-back once, says why, and leaves the rest to people."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import Connection, select

from tests.clocks import START, CountingIds, SettableClock
from tests.web import rows
from tsbridge.store import decision_tables, proof, rosters, rulebooks, stored_values, writemode
from tsbridge.store.db import Database
from tsbridge.work.guard import Guard

pytestmark = pytest.mark.anyio


def decide(database: Database, first: int, count: int, version: int, *tags: str) -> None:
    for number in range(first, first + count):
        database.write_now(
            lambda conn, n=number: rows.decision(conn, n, START, rulebook_version=version, outcome={"tags_added": list(tags)})
        )


@pytest.fixture
def alarms() -> list[tuple[str, Mapping[str, object]]]:
    return []


@pytest.fixture
def guard(database: Database, clock: SettableClock, ids: CountingIds, alarms: list[tuple[str, Mapping[str, object]]]) -> Guard:
    for version in (1, 2):
        database.write_now(lambda conn, v=version: rulebooks.publish(conn, {"v": v}, f"sha256:{v}", "", START, "somebody"))
    decide(database, 1_000, 60, 1, "ts_seen")
    return Guard(database, clock, ids, lambda: "salt", lambda what, **named: alarms.append((what, named)), "live")


async def test_a_rulebook_that_runs_away_is_paused_and_reported(
    database: Database, guard: Guard, alarms: list[tuple[str, Mapping[str, object]]]
) -> None:
    decide(database, 2_000, 60, 2, "ts_seen", "ts_everything")
    await guard.round()
    assert database.read_now(lambda conn: stored_values.get(conn, "writeback_mode")) == "paused"
    assert alarms == [("runaway_suspected", {"version": 2, "tags": ["ts_everything"]})]
    change = database.read_now(lambda conn: conn.execute(select(decision_tables.changes)).one())
    assert (change.actor, change.action, change.before) == ("system", "writeback.mode", {"mode": "live"})
    assert change.after == {"mode": "paused", "reason": "runaway_suspected", "version": 2, "tags": ["ts_everything"]}
    assert change.seq not in {one["seq"] for one in database.read_now(proof.verify)["broken"]}


async def test_who_switches_back_to_live_has_decided(
    database: Database, clock: SettableClock, guard: Guard, alarms: list[tuple[str, Mapping[str, object]]]
) -> None:
    decide(database, 2_000, 60, 2, "ts_everything")
    await guard.round()
    database.write_now(lambda conn: stored_values.put(conn, "writeback_mode", "live"))
    clock.set(await guard.round())
    await guard.round()
    assert database.read_now(lambda conn: stored_values.get(conn, "writeback_mode")) == "live"
    assert len(alarms) == 1


async def test_a_rulebook_that_does_as_before_is_left_alone(
    database: Database, guard: Guard, alarms: list[tuple[str, Mapping[str, object]]]
) -> None:
    decide(database, 2_000, 60, 2, "ts_seen")
    await guard.round()
    assert database.read_now(lambda conn: stored_values.get(conn, "writeback_mode")) is None
    assert alarms == []


async def test_it_looks_twice_a_minute(guard: Guard, clock: SettableClock, database: Database) -> None:
    due = await guard.round()
    decide(database, 2_000, 60, 2, "ts_everything")
    assert await guard.round() == due
    assert database.read_now(lambda conn: stored_values.get(conn, "writeback_mode")) is None
    clock.set(due)
    await guard.round()
    assert database.read_now(lambda conn: stored_values.get(conn, "writeback_mode")) == "paused"


async def test_a_database_without_a_rulebook_is_no_trouble(database: Database, clock: SettableClock, ids: CountingIds) -> None:
    guard = Guard(database, clock, ids, lambda: "salt", lambda what, **named: None, "live")
    assert await guard.round() > clock.now()


async def test_what_becomes_live_is_said_in_the_log_whoever_made_it_so(
    database: Database, clock: SettableClock, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[tuple[str, object]]:
        said = [(record.message, getattr(record, "version", None) or getattr(record, "mode", None)) for record in caplog.records]
        caplog.clear()
        return said

    caplog.set_level("INFO", "tsbridge.work.noticed")
    clock.set(await guard.round())
    assert told() == [], "what it begins with stands in the first line"

    def elsewhere(conn: Connection) -> None:
        rulebooks.publish(conn, {"v": 3}, "sha256:3", "", START, "somebody")
        rosters.publish(conn, {"schema": 1}, "sha256:r", "", START, "somebody")
        writemode.switch(conn, "live", "dry-run", clock.now())

    database.write_now(elsewhere)
    clock.set(await guard.round())
    assert told() == [("a rulebook is live", 3), ("a roster is live", 1), ("the mode of write-back is another", "dry-run")]
    clock.set(await guard.round())
    assert told() == []

"""Each state in which the work is not done, or soon will not be, is on `/readyz`, and the figures stay honest meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.clocks import SettableClock
from tests.web import rows
from tests.web.test_health import figures
from tsbridge.core import budget as flow
from tsbridge.core.heads import FAILING
from tsbridge.core.task_state import Checked
from tsbridge.store import budget, desired, leases, stored_values, upstreams, writemode
from tsbridge.store.db import Database
from tsbridge.web import work_probes
from tsbridge.web.probes import TRIED_EVERY, database_probe, stored, writable_probe
from tsbridge.web.work_probes import (
    AWAY_FOR,
    BEATS_WITHIN,
    WORKED_ON_WITHIN,
    WRITTEN_WITHIN,
    deliveries_probe,
    heads_probe,
    room_probe,
    vendors_probe,
    workers_probe,
    writeback_probe,
)

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


class Stuck:
    """A database that does not answer."""

    async def read(self, work: Any) -> Any:
        await asyncio.Event().wait()

    async def write(self, work: Any, **how: bool) -> Any:
        await asyncio.Event().wait()


class Away:
    """A database that cannot be reached."""

    async def read(self, work: Any) -> Any:
        raise OperationalError("select", {}, Exception("away"))


# The database


async def test_a_database_that_takes_no_writes_is_told_once_it_is_tried_again(database: Database, clock: SettableClock) -> None:
    probe = writable_probe(database, clock)
    assert await probe() == Checked(True, "can be written")
    switch = "PRAGMA query_only = {}" if database.dialect == "sqlite" else "SET SESSION CHARACTERISTICS AS TRANSACTION READ {}"
    only, again = ("ON", "OFF") if database.dialect == "sqlite" else ("ONLY", "WRITE")
    await database.write(lambda conn: conn.exec_driver_sql(switch.format(only)) and None, urgent=True)
    assert (await probe()).ok, "it was tried a moment ago"
    clock.advance(TRIED_EVERY)
    found = await probe()
    assert not found.ok
    assert found.detail.startswith("cannot be written")
    if database.dialect == "sqlite":
        return  # no write begins there any more, not even that which would let them
    await database.write(lambda conn: conn.exec_driver_sql(switch.format(again)) and None, urgent=True)
    clock.advance(TRIED_EVERY)
    assert (await probe()).ok


async def test_a_database_that_hangs_holds_nobody_who_asks(clock: SettableClock) -> None:
    no: Checked = Checked(False, "no")
    assert await stored(Stuck(), lambda conn: 1, lambda found: Checked(True, ""), no, within_s=0.01)() == no  # type: ignore[arg-type]
    assert await writable_probe(Stuck(), clock, within_s=0.01)() == Checked(False, "a write did not come back within 0.01 s")  # type: ignore[arg-type]


async def test_while_the_database_is_away_the_figures_of_the_process_are_told_and_none_is_0_for_it(room: Any) -> None:
    room.desk.counters.door("zendesk", 503, "cannot_store")
    away: Any = Away()
    async with room.other(database=away, probes={"database": database_probe(away)}) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    assert 'tsbridge_check{check="database"} 2.0' in lines
    assert 'tsbridge_door_answers_total{reason="cannot_store",source="zendesk",status="503"} 1.0' in lines
    assert not [line for line in lines if line.startswith(("tsbridge_decisions", "tsbridge_deliveries"))]


async def test_a_disk_that_fills_is_told_before_it_is_full(tmp_path: Path) -> None:
    assert not (await room_probe(tmp_path, wanted=0.0)()).degraded
    found = await room_probe(tmp_path, wanted=1.01)()
    assert (found.ok, found.degraded) == (True, True)
    assert "GB free where the database lies" in found.detail
    assert (await room_probe(tmp_path / "gone")()).degraded


# The work


async def test_deliveries_that_wait_too_long_are_told_and_those_given_up_on_counted(database: Database, clock: SettableClock) -> None:
    probe = deliveries_probe(database, clock)
    assert await probe() == Checked(True, "none waits for long")
    at = clock.now()

    def write(conn: Any) -> None:
        rows.event(conn, 1, at, status="pending")
        rows.event(conn, 2, at, status="dead")

    await database.write(write)
    clock.advance(WORKED_ON_WITHIN)
    assert await probe() == Checked(True, "none waits for long; 1 were given up on")
    clock.advance(SECOND)
    assert await probe() == Checked(True, "the oldest not yet worked on is 61 s old; 1 were given up on", degraded=True)


async def test_what_is_not_written_to_zendesk_is_told_and_a_dry_run_is_as_it_should_be(database: Database, clock: SettableClock) -> None:
    probe = writeback_probe(database, clock, "live")
    assert not (await probe()).degraded
    assert not (await writeback_probe(database, clock, "dry-run")()).degraded
    paused = await writeback_probe(database, clock, "paused")()
    assert (paused.ok, paused.degraded) == (True, True)
    await database.write(lambda conn: rows.wish(conn, 1, clock.now(), status="waiting"))
    clock.advance(WRITTEN_WITHIN)
    assert not (await probe()).degraded
    clock.advance(SECOND)
    assert (await probe()).detail.endswith("the oldest change not yet written is 601 s old")
    assert not (await writeback_probe(database, clock, "dry-run")()).degraded

    def more(conn: Any) -> None:
        rows.wish(conn, 2, clock.now(), status="parked")
        stored_values.put(conn, desired.PAUSED_RULES, ["injury"])
        writemode.switch(conn, "live", "paused", clock.now())

    await database.write(more)
    found = await probe()
    assert found.degraded
    assert found.detail.endswith("nothing is written; 1 tickets are not written until somebody looks; 1 rules are paused")


async def test_a_zendesk_that_refuses_or_fails_and_reads_that_do_not_succeed_are_told(room: Any, clock: SettableClock) -> None:
    database = room.desk.database
    probe = vendors_probe(database, clock)
    assert not (await probe()).degraded
    await database.write(lambda conn: budget.change(conn, lambda b: flow.wait_until(b, clock.now() + flow.PROBE, "unauthorized")))
    assert await probe() == Checked(True, "Zendesk refuses our credentials", degraded=True)
    clock.advance(flow.PROBE)
    assert not (await probe()).degraded
    for _ in range(flow.IN_A_ROW):
        await database.write(lambda conn: budget.change(conn, lambda b: flow.failed(b, clock.now(), "server_error")))
    assert await probe() == Checked(True, "Zendesk is in trouble (server_error)", degraded=True)
    assert (await figures(room))["tsbridge_zendesk_in_trouble", ""] == 1
    await database.write(lambda conn: budget.change(conn, lambda b: flow.succeeded(b, clock.now())))

    await database.write(lambda conn: upstreams.note(conn, "calls", "forbidden", True, clock.now()))
    assert await probe() == Checked(True, "calls cannot read since 2026-11-22T09:00Z (forbidden)", degraded=True)
    await database.write(lambda conn: upstreams.note(conn, "calls", "timeout", False, clock.now()))
    clock.advance(AWAY_FOR)
    assert not (await probe()).degraded, "away for half an hour is nothing yet, by the first time it failed"
    clock.advance(SECOND)
    assert (await probe()).degraded
    await database.write(lambda conn: upstreams.note(conn, "calls", None, False, clock.now()))
    assert await probe() == Checked(True, "answer as far as they were asked")


async def test_heads_that_do_not_get_where_they_shall_be_kept_are_told(database: Database) -> None:
    probe = heads_probe(database)
    assert not (await probe()).degraded
    await database.write(lambda conn: stored_values.put(conn, FAILING, {"file": "2026-11-22T09:00:00.000000Z"}))
    assert await probe() == Checked(True, "not to the file since 2026-11-22T09:00:00.000000Z", degraded=True)
    await database.write(lambda conn: stored_values.put(conn, FAILING, {}))
    assert not (await probe()).degraded


async def test_a_server_whose_workers_are_elsewhere_says_when_none_gives_a_sign(database: Database, clock: SettableClock) -> None:
    probe = workers_probe(database, clock)
    await database.write(lambda conn: leases.beat(conn, "one") and None)
    assert await probe() == Checked(True, "1 work")
    for _ in range(3):
        clock.advance(BEATS_WITHIN)
        await database.write(lambda conn: leases.beat(conn, "one") and None)
        assert not (await probe()).degraded
    clock.advance(BEATS_WITHIN + SECOND)
    assert await probe() == Checked(True, "no worker gave a sign for 31 s: what is heard waits", degraded=True)
    await database.write(lambda conn: leases.beat(conn, "two") and None)
    assert not (await probe()).degraded


def test_no_check_of_the_work_takes_a_process_out_of_service() -> None:
    """Whoever is taken out of service hears nothing: of these the worst is `degraded`."""
    assert "Checked(False" not in Path(work_probes.__file__).read_text()

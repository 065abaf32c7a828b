"""What was kept long enough goes, a little at a time; what waits for somebody, and every proof, stays."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from tests.clocks import START, CountingIds, SettableClock
from tests.store.plans import plan
from tests.store.test_inbox import books, claimed, delivery, kept
from tests.work.test_walk_laws import BOOK, STORY
from tests.work.walk import UTC, Walk
from tsbridge.core.retention import BODIES, CLASSES, FOREVER, Retention, kept_for, read
from tsbridge.doctor.retention import overdue
from tsbridge.settings.load import load
from tsbridge.settings.model import Settings, name_of
from tsbridge.store import claiming, columns, inbox, inbox_tables, proof, retention
from tsbridge.store.claiming import Claimed, Settlement
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.work_probes import retention_probe
from tsbridge.work.retention import LOOK_AGAIN, PAUSE, ROWS, Removal
from tsbridge.work.retiring import Retiring

MONTH = timedelta(days=30)
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "retention.md"


def removal(database: Database, clock: SettableClock, span: timedelta | None = MONTH, worker: str = "w1") -> Removal:
    retiring = Retiring(database, clock, CountingIds(), lambda: "salt", LiveRulebook(UTC))
    return Removal(database, clock, Retention(span), worker, retiring)


def run(removal: Removal) -> datetime:
    return asyncio.run(removal.round())


def with_bytes(database: Database) -> set[str]:
    rows = select(inbox_tables.inbox.c.id).where(func.length(inbox_tables.inbox.c.body) > 0)
    return database.read_now(lambda conn: set(conn.execute(rows).scalars()))


def settled(database: Database, row: Claimed, status: str = "applied", at: datetime = START) -> None:
    database.write_now(lambda conn: claiming.settle(conn, [Settlement(row, status)], at))


def many(database: Database, count: int, body: bytes = b"{}") -> None:
    kept(database, *(delivery(n, body=body) for n in range(1, count + 1)))
    for row in claimed(database, at=START + timedelta(days=1), limit=count):
        settled(database, row)


def test_bytes_go_a_month_after_they_were_settled_and_all_else_stays(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    clock.advance(timedelta(days=1))
    walk.tell(STORY)
    walk.work()
    before, counts = walk.outcome(), books(database)
    clock.advance(MONTH - timedelta(seconds=1))
    run(removal(database, clock))
    assert len(with_bytes(database)) == len(STORY)
    clock.advance(timedelta(days=1))
    run(removal(database, clock))
    assert with_bytes(database) == set()
    assert (walk.outcome(), books(database)) == (before, counts)
    assert database.read_now(proof.verify)["ok"]
    walk.tell(STORY)
    walk.work()
    assert walk.outcome() == before
    assert sum(one.duplicate for one in books(database).values()) == len(STORY)


def test_what_waits_for_somebody_keeps_its_bytes_until_it_is_settled(database: Database, clock: SettableClock) -> None:
    kept(database, *(delivery(n) for n in range(1, 5)), delivery(5, quarantined="not_json"))
    rows = {row.id: row for row in claimed(database, limit=3)}
    for id_, status in (("evt_0001", "applied"), ("evt_0002", "ignored"), ("evt_0003", "dead")):
        settled(database, rows[id_], status)
    clock.advance(100 * MONTH)
    run(removal(database, clock))
    assert with_bytes(database) == {"evt_0003", "evt_0004", "evt_0005"}
    assert database.write_now(lambda conn: inbox.retry(conn, "evt_0003", clock.now()))
    again = next(row for row in claimed(database, at=clock.now()) if row.id == "evt_0003")
    settled(database, again, at=clock.now())
    run(removal(database, clock))
    assert "evt_0003" in with_bytes(database)
    clock.advance(MONTH)
    run(removal(database, clock))
    assert "evt_0003" not in with_bytes(database)


def test_a_delivery_without_its_bytes_cannot_be_retried(database: Database, clock: SettableClock) -> None:
    kept(database, delivery(1))
    (row,) = claimed(database)
    settled(database, row, "ignored")
    clock.advance(2 * MONTH)
    run(removal(database, clock))
    assert not database.write_now(lambda conn: inbox.retry(conn, "evt_0001", clock.now()))


def on_disk(database: Database) -> int:
    """How many bytes bodies take as they are kept, encrypted or not."""
    return int(database.read_now(lambda conn: conn.execute(text("SELECT sum(length(body)) FROM inbox")).scalar_one()))


def test_it_goes_in_small_steps_with_pauses_and_goes_on_where_it_was_stopped(database: Database, clock: SettableClock) -> None:
    many(database, 2 * ROWS + 1)
    size = on_disk(database)
    clock.advance(2 * MONTH)
    task = removal(database, clock)
    assert run(task) == clock.now() + PAUSE
    assert len(with_bytes(database)) == ROWS + 1
    assert run(task) == clock.now() + PAUSE
    assert len(with_bytes(database)) == ROWS + 1  # it was asked before it was time
    clock.advance(PAUSE)
    assert run(removal(database, clock)) == clock.now() + PAUSE
    clock.advance(PAUSE)
    last = removal(database, clock)
    assert run(last) == clock.now() + LOOK_AGAIN
    assert with_bytes(database) == set()
    assert database.read_now(retention.removed) == {BODIES: {"rows": 2 * ROWS + 1, "bytes": size}}


def test_large_bodies_make_a_step_smaller_and_one_goes_however_large(database: Database, clock: SettableClock) -> None:
    many(database, 5, b"x" * 1000)
    one = on_disk(database) // 5

    def step(most: int) -> retention.Step:
        return database.write_now(lambda conn: retention.empty_bodies(conn, clock.now(), clock.now(), 10, most))

    assert step(2_500) == (2, 2 * one, True)
    assert step(10) == (1, one, True)
    assert step(10_000) == (2, 2 * one, False)
    assert step(10_000) == (0, 0, False)


def test_one_process_at_a_time_does_it(database: Database, clock: SettableClock) -> None:
    many(database, 3)
    run(removal(database, clock, worker="w1"))
    clock.advance(2 * MONTH)
    many_left = with_bytes(database)
    run(removal(database, clock, worker="w2"))  # the turn of the first is over by now
    assert len(many_left) == 3
    assert with_bytes(database) == set()
    kept(database, delivery(9))
    (row,) = claimed(database, at=clock.now())
    settled(database, row)
    run(removal(database, clock, worker="w3"))
    assert with_bytes(database) == {"evt_0009"}


def test_what_is_kept_for_ever_stays(database: Database, clock: SettableClock) -> None:
    many(database, 3)
    clock.advance(1000 * MONTH)
    run(removal(database, clock, None))
    assert len(with_bytes(database)) == 3


def test_what_is_due_is_found_by_an_index_in_its_order(database: Database) -> None:
    words = database.read_now(lambda conn: plan(conn, retention.DUE_BODIES, {"before": START, "most": 10}))
    assert "inbox_with_body" in words
    assert not re.search(r"(?i)\bsort\b|TEMP B-TREE|SCAN inbox", words)


def test_the_doctor_and_readyz_say_when_it_is_behind(database: Database, clock: SettableClock) -> None:
    many(database, 3)
    spans = Retention(MONTH)
    assert [line.state for line in overdue(database, spans, START + MONTH + timedelta(hours=23))] == ["ok", "ok"]
    (line, _) = overdue(database, spans, START + MONTH + timedelta(hours=25))
    assert (line.state, line.words) == ("warn", "Kept 30d. 3 should have gone more than a day ago.")
    clock.set(START + MONTH + timedelta(hours=23))
    probe = retention_probe(database, clock, spans)
    assert not asyncio.run(probe()).degraded  # type: ignore[arg-type]
    clock.advance(timedelta(hours=2))
    found = asyncio.run(probe())  # type: ignore[arg-type]
    assert (found.degraded, found.detail) == (True, "bodies should have gone more than a day ago; see tsbridge retention")
    (line, _) = overdue(database, Retention(None), START + 99 * MONTH)
    assert (line.state, line.words) == ("ok", "Kept forever.")


@pytest.mark.parametrize(("text", "span"), [("30d", MONTH), ("1d", timedelta(days=1)), (FOREVER, None)])
def test_times_are_days_or_for_ever(text: str, span: timedelta | None) -> None:
    assert read(text) == span
    assert kept_for(span) == text


@pytest.mark.parametrize("text", ["", "0d", "30", "30h", "-1d", "never", "1.5d", "999999d"])
def test_another_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected days"):
        read(text)


# The guide


def rows_of_the_guide() -> list[list[str]]:
    lines = [line for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_guide_names_every_table_once(database: Database) -> None:
    told = [name for row in rows_of_the_guide() for name in re.findall(r"`(\w+)`", re.sub(r"`\w+`: `\w+`", "", row[1]))]
    there = database.read_now(lambda conn: inspect(conn).get_table_names())
    assert sorted(told) == sorted(set(there) - {"alembic_version"})


def test_the_guide_names_every_column_that_is_emptied_and_every_setting_with_its_default() -> None:
    classes = {row[0]: row for row in rows_of_the_guide() if row[3]}
    assert set(classes) == set(CLASSES)
    for kind, (_, where, span, setting, _) in classes.items():
        assert all(column in columns.metadata.tables[table].c for table, column in re.findall(r"`(\w+)`: `(\w+)`", where))
        assert setting == f"`{name_of(f'keep_{kind}')}`"
        default = read(Settings.model_fields[f"keep_{kind}"].default)
        assert span.startswith("for ever" if default is None else f"{default.days} days")


def test_settings_say_how_long() -> None:
    assert load({}, None).kept == Retention(MONTH)
    assert load({"TSBRIDGE_KEEP_BODIES": "forever", "TSBRIDGE_KEEP_TEXTS": "90d"}, None).kept == Retention(None, timedelta(days=90))

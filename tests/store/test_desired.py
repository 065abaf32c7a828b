"""Wishes in the database: one row per ticket, found quickly among many that are done."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text

from tests.clocks import START, CountingIds
from tsbridge.core.helpdesk import Ours, Wish
from tsbridge.core.helpdesk_json import wish_json
from tsbridge.store import desired, writing_tables
from tsbridge.store.db import Database
from tsbridge.store.desired import Wished

MINUTE = timedelta(minutes=1)


def wish(database: Database, ticket: str, *tags: str, at: datetime = START, severity: int | None = None) -> bool:
    wished = Wish(tags=tuple((tag, "1") for tag in sorted(tags)))
    one = [Wished(ticket, "case_1", wished, severity, 0)]
    return bool(database.write_now(lambda conn: desired.wishes_changed(conn, one, at, CountingIds(ticket).new)))


def claim(database: Database, worker: str = "w1", at: datetime = START, limit: int = 9) -> list[desired.ClaimedWish]:
    return database.write_now(lambda conn: desired.claim(conn, worker, at, MINUTE, limit))


def due(database: Database) -> datetime | None:
    return database.read_now(desired.next_due)


def test_an_empty_wish_for_a_ticket_never_written_to_makes_no_row(database: Database) -> None:
    assert not wish(database, "1")
    assert due(database) is None


def test_only_one_writer_has_a_wish_until_its_lease_ends(database: Database) -> None:
    wish(database, "1", "ts_a")
    assert [c.ticket for c in claim(database, "w1")] == ["1"]
    assert claim(database, "w2") == []
    assert due(database) == START + MINUTE
    assert [c.ticket for c in claim(database, "w2", START + MINUTE)] == ["1"]


def test_a_lease_that_ran_out_cannot_be_held_longer(database: Database) -> None:
    wish(database, "1", "ts_a")
    (first,) = claim(database, "w1")
    assert database.write_now(lambda conn: desired.hold(conn, first, START + MINUTE / 2, MINUTE))
    assert not database.write_now(lambda conn: desired.hold(conn, first, START + 2 * MINUTE, MINUTE))


def test_who_lost_a_wish_settles_nothing(database: Database) -> None:
    wish(database, "1", "ts_a")
    (first,) = claim(database, "w1")
    claim(database, "w2", START + MINUTE)
    assert not database.write_now(lambda conn: desired.settle(conn, first, "confirmed", START, Ours()))
    assert due(database) == START + 2 * MINUTE


def test_a_wish_that_changed_meanwhile_waits_again_and_keeps_what_is_ours(database: Database) -> None:
    wish(database, "1", "ts_a")
    (first,) = claim(database, "w1")
    wish(database, "1", "ts_a", "ts_b")
    assert claim(database, "w2") == []  # it is still being written
    ours = Ours(tags={"ts_a": "1"}, put=frozenset({"ts_a"}))
    assert database.write_now(lambda conn: desired.settle(conn, first, "confirmed", START, ours))
    (second,) = claim(database, "w2")
    assert second.ours == ours
    assert [tag for tag, _ in second.wish.tags] == ["ts_a", "ts_b"]


@pytest.mark.parametrize("status", ["confirmed", "waiting"])
def test_a_round_reads_neither_the_tickets_that_are_done_nor_all_that_wait(database: Database, status: str) -> None:
    """Both databases find what they take by an index, in its order, however many tickets were ever written to or wait."""
    row: dict[str, Any] = {
        "case_id": "c",
        "wish": wish_json(Wish()),
        "revision": 1,
        "attempts": 1,
        "asked_at": START,
        "due_at": START,
        "ours": {},
    }
    there = [{**row, "ticket": str(n), "id": f"wb_{n}", "status": status} for n in range(3_000)]

    def plans(conn: Connection) -> list[str]:
        conn.execute(insert(writing_tables.desired), there)
        conn.exec_driver_sql("ANALYZE")
        asked: list[tuple[str, Any]] = []

        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            asked.append((statement, parameters))

        event.listen(conn.engine, "before_cursor_execute", note)
        try:
            desired.outdated(conn, 0, START, 5)
            desired.claim(conn, "w", START, MINUTE, 5)
            desired.next_due(conn)
        finally:
            event.remove(conn.engine, "before_cursor_execute", note)
        how = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
        return [str(conn.exec_driver_sql(how + s, p).all()) for s, p in asked if s.startswith("SELECT")]

    outdated, claimed, *next_due = database.write_now(plans)
    assert "desired_of_version" in outdated
    assert all(re.search("desired_(open|oldest|in_turn|of_version)", plan) for plan in (claimed, *next_due)), (claimed, next_due)
    if status == "waiting":
        assert "desired_in_turn" in claimed
        assert not re.search(r"(?i)\bsort\b|TEMP B-TREE", claimed)


def test_on_postgresql_saying_why_nobody_writes_waits_for_no_worker(postgres: Any) -> None:
    with postgres.fresh() as url, Database.open(url) as database, Database.open(url) as second:
        for ticket in ("1", "2"):
            wish(database, ticket, "ts_a")

        def says(conn: Connection) -> int:
            conn.execute(text("SET LOCAL lock_timeout = '100ms'"))
            return desired.nobody_writes(conn, "paused")

        def concludes(conn: Connection) -> int:
            conn.execute(select(writing_tables.desired.c.ticket).where(writing_tables.desired.c.ticket == "1").with_for_update())
            return second.write_now(says)

        assert database.write_now(concludes) == 1
        assert second.write_now(says) == 1  # what another one had was left for later
        assert second.write_now(says) == 0

"""Statements about many keys at once find the same rows on both databases, whatever the keys look like."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, select, text

from tsbridge.store import stored_values
from tsbridge.store.db import Database
from tsbridge.store.service_tables import kept, workers
from tsbridge.store.statements import Delete, Fixed, Insert, Keyed, Update

ODD = (
    "plain",
    "",
    "NULL",
    "null",
    'a "word"',
    "back\\slash",
    '\\"',
    "{braces},commas",
    "line\nbreak",
    " blank ",
    "\u00e9\U0001f600",
    "it's",
)
FOUND = Keyed(kept, ("name",), ("name", "value"))


@pytest.mark.parametrize("fresh_url", ["sqlite", "postgresql"], indirect=True)
def test_keys_of_every_look_are_found_and_no_others(database: Database) -> None:
    for name in ODD:
        database.write_now(lambda conn, name=name: stored_values.put(conn, name, [name]))  # type: ignore[misc]
    assert sorted(database.read_now(lambda conn: FOUND.rows(conn, ODD))) == sorted((name, [name]) for name in ODD)
    for name in ODD:
        assert database.read_now(lambda conn, name=name: FOUND.rows(conn, [name])) == [(name, [name])]  # type: ignore[misc]
    assert database.read_now(lambda conn: FOUND.rows(conn, ["a word", "slash", "braces"])) == []


@pytest.mark.parametrize("fresh_url", ["sqlite", "postgresql"], indirect=True)
def test_values_of_every_look_are_kept_as_they_are(database: Database) -> None:
    counts = [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]
    told = [*((name, {"said": name, "none": None, "is": True, "at": 1e16}) for name in ODD)]
    database.write_now(lambda conn: Insert(kept, ("name", "value")).all(conn, told))
    assert sorted(database.read_now(lambda conn: FOUND.rows(conn, ODD))) == sorted(told)
    rows = [(f"{name} {count}", count) for name in ODD for count in counts]
    assert database.write_now(lambda conn: Insert(workers, ("name", "beats")).all(conn, rows)) == len(rows)
    found = Keyed(workers, ("name",), ("name", "beats"))
    assert sorted(database.read_now(lambda conn: found.rows(conn, [name for name, _ in rows]))) == sorted(rows)
    turned = [(count, name) for (name, _), (_, count) in zip(rows, reversed(rows), strict=True)]
    assert database.write_now(lambda conn: Update(workers, ("beats",), ("name",)).all(conn, turned)) == len(rows)
    assert sorted(database.read_now(lambda conn: found.rows(conn, [name for name, _ in rows]))) == sorted((n, c) for c, n in turned)


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
def test_a_query_for_so_many_rows_is_planned_once(database: Database) -> None:
    database.write_now(lambda conn: Insert(kept, ("name", "value")).all(conn, [("a", 1), ("b", 2), ("c", 3)]))
    some = Keyed(kept, ("name",), ("name",), limit=True)
    first = Fixed(select(kept.c.name).order_by(kept.c.name).limit(bindparam("most")).offset(1))
    planned: list[tuple[object, ...]] = []

    def ask(conn: Any) -> list[Any]:
        planned.clear()
        return [*(some.rows(conn, ["c", "b"], most) for most in (1, 2)), *(first.rows(conn, most=most) for most in (1, 2))]

    def note(*what: object) -> int:
        planned.append(what)
        return 0

    database.write_now(lambda conn: conn.connection.driver_connection.set_authorizer(note))  # asked as a query is planned
    assert database.write_now(ask) == [[("c",)], [("c",), ("b",)], [("b",)], [("b",), ("c",)]]
    assert [what for what in planned if "kept" in what]
    database.write_now(ask)
    assert [what for what in planned if "kept" in what] == []


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_a_few_rows_of_a_table_that_was_never_analyzed_are_found_by_its_index(database: Database) -> None:
    many = [(f"name {n}", [n]) for n in range(5_000)]
    database.write_now(lambda conn: Insert(kept, ("name", "value")).all(conn, many))
    scanned = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'kept'")

    def change(conn: Any) -> tuple[int, int, int]:
        changed = Update(kept, ("value",), ("name",)).all(conn, [([0], "name 1"), ([0], "name 2")])
        return changed, Delete(kept, ("name",)).all(conn, [("name 3",)]), conn.execute(scanned).scalar_one()

    assert database.write_now(change) == (2, 1, 0)

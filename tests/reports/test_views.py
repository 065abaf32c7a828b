"""The views for other tools: there on both databases, of the right figures, and nobody writes through them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from tests.reports.weeks import Weeks
from tsbridge.store import report_views, schema, stored_values
from tsbridge.store.db import Database


def all_of(conn: Connection, name: str) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute(text(f"SELECT * FROM {name}")).mappings()]  # noqa: S608  # names from this file


def test_every_view_is_there_and_can_be_read(database: Database) -> None:
    assert set(database.read_now(lambda conn: inspect(conn).get_view_names())) >= report_views.VIEWS.keys()
    for name in report_views.VIEWS:
        assert database.read_now(lambda conn, name=name: all_of(conn, name)) == []  # type: ignore[misc]


def test_they_tell_what_the_tables_tell(lived: Weeks) -> None:
    def counts(conn: Connection) -> dict[str, int]:
        wanted = {**dict.fromkeys(("cases", "interactions", "escalations", "assignments"), ""), "desired": "", "decisions": _IN_FORCE}
        return {name: conn.execute(text(f"SELECT count(*) FROM {name} {that}")).scalar_one() for name, that in wanted.items()}  # noqa: S608

    shown = {name: lived.database.read_now(lambda conn, name=name: all_of(conn, name)) for name in report_views.VIEWS}  # type: ignore[misc]
    kept = lived.database.read_now(counts)
    same = {"cases": "report_cases", "interactions": "report_interactions", "escalations": "report_escalations"}
    same |= {"assignments": "report_assignments", "desired": "report_writebacks", "decisions": "report_decisions"}
    assert {name: len(shown[view]) for name, view in same.items()} == kept
    assert min(kept.values()) > 0
    first = min(shown["report_cases"], key=lambda row: str(row["opened_at"]))
    opened = first["opened_at"] if isinstance(first["opened_at"], datetime) else datetime.fromisoformat(first["opened_at"])
    assert (opened.year, opened.month, opened.utcoffset() is not None) == (2026, 10, True)
    assert sum(row["tickets"] + row["calls"] for row in shown["report_cases"]) == kept["interactions"]


_IN_FORCE = "WHERE superseded_by IS NULL AND NOT retracted"


@pytest.mark.parametrize("name", report_views.VIEWS)
def test_nobody_writes_through_them(name: str, database: Database) -> None:
    with pytest.raises(DBAPIError):
        database.write_now(lambda conn: conn.execute(text(f"DELETE FROM {name}")) and None)  # noqa: S608  # names of our own


def test_they_hold_nobodys_words_names_or_numbers(database: Database) -> None:
    columns = {
        column["name"]
        for name in report_views.VIEWS
        for column in database.read_now(lambda conn, name=name: inspect(conn).get_columns(name))  # type: ignore[misc]
    }
    assert not columns & {"body", "seen", "state", "wish", "plan", "requester", "value", "candidates", "document", "taken_by"}


def test_views_of_an_older_build_are_made_anew(database: Database) -> None:
    def older(conn: Connection) -> None:
        report_views.take_away(conn)
        stored_values.put(conn, report_views.MARK, "another")

    database.write_now(older)
    schema.migrate(database)
    assert set(database.read_now(lambda conn: inspect(conn).get_view_names())) >= report_views.VIEWS.keys()

"""How the history of a case is read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event

from tests.databases import Sqlite
from tsbridge.store import case_history
from tsbridge.store.db import Database


def test_what_there_is_of_a_case_is_found_along_its_interactions_alone(sqlite_files: Sqlite) -> None:
    """SQLite has no statistics to know by that most interactions are tickets."""
    asked: list[tuple[str, Any]] = []

    def work(conn: Connection) -> list[str]:
        event.listen(conn, "before_cursor_execute", lambda _conn, _cursor, statement, values, *_: asked.append((statement, values)))
        case_history.entries(conn, "case_1", 10)
        steps = [step for one, values in list(asked) for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", values)]
        return [step[3] for step in steps if " interactions" in step[3]]

    with sqlite_files.fresh() as url, Database.open(url) as database:
        read = database.read_now(work)
    assert len(read) > 5
    assert {step for step in read if "interactions_by_case (case_id=?)" not in step} == set()

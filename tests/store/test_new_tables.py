"""PostgreSQL knows nothing of a new table, and goes by what it planned then until it first looks the table through."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk, ticket
from tsbridge.store.db import Database

BY_SOURCE_ALONE = re.compile(r"Index Cond: \(source = [^()]*\)$", re.MULTILINE)


def asked(database: Database, connections: int) -> set[str]:
    """What so many connections of a pool have prepared."""

    def look(conn: Connection) -> set[str]:
        mine = set(conn.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars())
        return mine | (asked(database, connections - 1) if connections > 1 else set())

    return database.write_now(look)


def _planned(conn: Connection, statement: str) -> str:
    return "\n".join(conn.exec_driver_sql("EXPLAIN (GENERIC_PLAN) " + statement.replace("%", "%%")).scalars())


def test_on_postgresql_no_interaction_is_looked_up_by_its_source_alone(postgres: Any, clock: SettableClock) -> None:
    with postgres.fresh() as url, Database.open(url) as database, postgres.fresh() as empty, Database.open(empty) as new:
        walk = Walk(database, clock, BOOK)
        for n in range(0, 80, 10):
            walk.tell([ticket("created", n + each, str(5_000 + n + each), text="hello", person=str(each)) for each in range(10)])
            clock.advance(timedelta(hours=1))
            walk.work()
        statements = sorted(asked(database, 4))
        assert any("JOIN interactions i ON i.source = h.source AND i.id = h.interaction" in statement for statement in statements)
        for statement in statements:
            plan = new.read_now(lambda conn, statement=statement: _planned(conn, statement))  # type: ignore[misc]
            assert not BY_SOURCE_ALONE.search(plan), f"{statement}\n{plan}"

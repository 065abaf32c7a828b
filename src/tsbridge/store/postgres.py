"""PostgreSQL's driver without SQLAlchemy's part, for statements that are the same each time: of one that finds a few rows that part is
half of what it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_CURSOR: Final = "cursor"


def execute(conn: Connection, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> int:
    """Run a statement with `%s`, or with `%(name)s`, inside the connection's transaction; returns how many rows it touched."""
    return int(_at_driver(conn, statement, lambda cursor: cursor.execute(statement, values).rowcount))


def rows(conn: Connection, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """What a query with `%s`, or with `%(name)s`, finds, as the driver gives it."""
    found: list[tuple[Any, ...]] = _at_driver(conn, statement, lambda cursor: cursor.execute(statement, values).fetchall())
    return found


def _at_driver(conn: Connection, statement: str, run: Callable[[Any], Any]) -> Any:
    """By one cursor, for as long as the connection lives: making one is a quarter of it. Errors come as SQLAlchemy's."""
    driver: Any = conn.dialect.loaded_dbapi
    if (cursor := conn.info.get(_CURSOR)) is None:
        cursor = conn.info[_CURSOR] = conn.connection.cursor()
    try:
        return run(cursor)
    except driver.Error as failure:
        if cursor.connection.closed:
            conn.exec_driver_sql("SELECT 1")  # fails like any other statement now: so the pool lets go of all connections it has
        raise DBAPIError.instance(statement, None, failure, driver.Error, hide_parameters=True, dialect=conn.dialect) from failure

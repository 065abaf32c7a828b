"""What statements of both databases need: inserts that meet what is there already, and long lists in parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from tsbridge.store.sqlite import execute

T = TypeVar("T")

PART: Final = 400
"""So many values one statement takes for sure."""
AT_ONCE: Final = 64
"""Rows in one statement of SQLite: the driver keeps it for each number of them."""


def insert_into(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that may say what is done where the row is there already."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def parts(values: Sequence[T], size: int = PART) -> Iterator[Sequence[T]]:
    """The values in their order, at most so many at once; nothing of nothing."""
    return (values[start : start + size] for start in range(0, len(values), size))


class Rows:
    """An insert of many rows, made once and handed to the driver as it is, in one step or few: for each of them the driver lets go of
    the interpreter and waits to have it back.

    The values are what the columns store: microseconds for an instant, text for JSON, nothing that JSON could not say.
    """

    def __init__(self, table: Table, *columns: str) -> None:
        names = ", ".join(f'"{table.c[name].name}"' for name in columns)
        values = ", ".join(f"(row ->> {place})::{_kind(table.c[name])}" for place, name in enumerate(columns))
        self._into = f"INSERT INTO {table.name} ({names}) "
        self._document = f"{self._into}SELECT {values} FROM json_array_elements(%s::json) AS rows (row)"  # noqa: S608
        self._marks = f"({', '.join('?' * len(columns))})"
        self._full = self._many(AT_ONCE)

    def _many(self, count: int) -> str:
        return f"{self._into}VALUES {', '.join([self._marks] * count)}"

    def add(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows; nothing is done for none."""
        if not rows:
            return
        if conn.dialect.name == "postgresql":  # one document: the statement is the same for any number of rows and stays prepared
            conn.exec_driver_sql(self._document, (json.dumps(rows, ensure_ascii=False),))
            return
        for some in parts(rows, AT_ONCE):
            execute(conn, self._full if len(some) == AT_ONCE else self._many(len(some)), [*chain.from_iterable(some)])


def _kind(column: Column[Any]) -> str:
    """The column's type as PostgreSQL names it."""
    return column.type.compile(postgresql.dialect())  # type: ignore[no-untyped-call]

"""What statements of both databases need: constant ones for many rows at once, inserts that meet what is there already, long lists in
parts.

The walk from a delivery to its decision reads what stands around a whole batch with one statement a table, and writes it with one.
Those statements are made once, as text for the driver: for a few rows, building and compiling one costs more than running it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final, TypeVar

from pydantic_core import from_json
from sqlalchemy import Boolean, Column, Connection, Integer, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from tsbridge.core.moments import canonical_text
from tsbridge.store import sqlite as sqlite3
from tsbridge.store.sqlite import execute, execute_many
from tsbridge.store.tables import EPOCH, MICROSECOND, Instant, Json, microseconds

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
        self._document = f"{self._into}SELECT {values} FROM json_array_elements(%s::json) AS rows (row)"
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


class Listed:
    """A query about many keys at once: `{keys}` stands for the list of them, a table `k` with the columns `k0`, `k1`, ... (all texts),
    `{join}` for a join that reads along the list, `?` for further values behind it. `columns`: what the rows hold. `for_sqlite`: where it
    needs another query.
    """

    def __init__(self, query: str, width: int, columns: Sequence[Column[Any]], for_sqlite: str | None = None) -> None:
        own = query if for_sqlite is None else for_sqlite
        self._width, self._times = width, {"sqlite": own.count("{keys}"), "postgresql": query.count("{keys}")}
        names = [f"k{i}" for i in range(width)]
        each = ["value AS k0"] if width == 1 else [f"json_extract(value, '$[{i}]') AS {name}" for i, name in enumerate(names)]
        listed = f"(SELECT {', '.join(each)} FROM json_each(?)) k"
        self._sqlite = own.replace("{keys}", listed).replace("{join}", "CROSS JOIN")
        arrays = f"unnest({', '.join(['%s::text[]'] * width)}) k({', '.join(names)})"
        self._postgresql = query.replace("?", "%s").replace("{keys}", arrays).replace("{join}", "JOIN")
        self._readers = {name: [_reader(column.type, name) for column in columns] for name in ("sqlite", "postgresql")}

    def rows(self, conn: Connection, keys: Iterable[Any], *values: Any) -> list[tuple[Any, ...]]:
        """The rows of these keys: texts where they have one part, else sequences of texts; each once. No keys, no rows."""
        keys = list(keys)
        if not keys:
            return []
        if conn.dialect.name == "sqlite":
            listed: tuple[Any, ...] = (canonical_text(keys),)
        else:
            listed = (keys,) if self._width == 1 else tuple(list(column) for column in zip(*keys, strict=True))
        told = [microseconds(value) if isinstance(value, datetime) else value for value in values]
        given = (*listed * self._times[conn.dialect.name], *told)
        if conn.dialect.name == "sqlite":
            return read_rows(sqlite3.rows(conn, self._sqlite, given), self._readers["sqlite"])
        found = conn.exec_driver_sql(self._postgresql, given).cursor
        return read_rows(found.fetchall() if found is not None else [], self._readers["postgresql"])


class Keyed(Listed):
    """Columns of the rows of a table whose key is among many; `key` names the columns that are compared, all of them texts.

    `where`: further conditions in SQL, the table's columns behind `t.`. `limit`: the last of the values says how many rows at most.
    `lock`: hold them until the transaction ends (PostgreSQL alone).
    """

    def __init__(
        self, table: Table, key: Sequence[str], columns: Sequence[str], where: str = "", *, limit: bool = False, lock: bool = False
    ) -> None:
        told = " AND ".join(f"t.{name} = k.k{i}" for i, name in enumerate(key))
        listed = ", ".join(f"t.{name}" for name in columns)
        query = f"SELECT {listed} FROM {{keys}} {{join}} {table.name} t ON {told}{f' WHERE {where}' if where else ''}"
        query += f"{' LIMIT ?' if limit else ''}{' FOR UPDATE OF t' if lock else ''}"
        super().__init__(query, len(key), [table.c[name] for name in columns])


class Insert:
    """Many new rows of a table in one statement. `text_of`: columns of JSON whose canonical text is handed in."""

    def __init__(self, table: Table, columns: Sequence[str], on_conflict: str = "", text_of: Sequence[str] = ()) -> None:
        into = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        self._write = _Write(into + (f" ON CONFLICT {on_conflict}" if on_conflict else ""), [table.c[name] for name in columns], text_of)

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Add these rows, values in the order of the columns; returns how many rows that touched."""
        return self._write.all(conn, rows)


class Update:
    """Many rows of a table, each by its key, in one statement: `columns` get values, `key` says which row, `where` which of those."""

    def __init__(self, table: Table, columns: Sequence[str], key: Sequence[str], where: str = "", also: str = "") -> None:
        sets = ", ".join([f"{name} = ?" for name in columns] + ([also] if also else []))
        told = " AND ".join([f"{name} = ?" for name in key] + ([where] if where else []))
        self._write = _Write(f"UPDATE {table.name} SET {sets} WHERE {told}", [table.c[name] for name in (*columns, *key)], ())

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Change these rows, the values of the columns first, then those of the key; returns how many rows were there."""
        return self._write.all(conn, rows)


class Delete:
    """Many rows of a table, each by its key, in one statement. `behind`: a column that must be greater than the value after the key."""

    def __init__(self, table: Table, key: Sequence[str], behind: str | None = None) -> None:
        told = " AND ".join([f"{name} = ?" for name in key] + ([f"{behind} > ?"] if behind else []))
        columns = [table.c[name] for name in (*key, *((behind,) if behind else ()))]
        self._write = _Write(f"DELETE FROM {table.name} WHERE {told}", columns, ())

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Take away these rows; returns how many were there."""
        return self._write.all(conn, rows)


class _Write:
    def __init__(self, statement: str, columns: Sequence[Column[Any]], text_of: Sequence[str]) -> None:
        self._sqlite, self._postgresql = statement, statement.replace("?", "%s")
        self._writers = [None if column.name in text_of else _writer(column.type) for column in columns]
        self._at = [(i, writer) for i, writer in enumerate(self._writers) if writer is not None]

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        told: list[tuple[Any, ...]] = []
        for row in rows:
            values = list(row)
            for i, writer in self._at:
                if values[i] is not None:
                    values[i] = writer(values[i])
            told.append(tuple(values))
        if conn.dialect.name == "sqlite":
            return execute_many(conn, self._sqlite, told)
        return conn.exec_driver_sql(self._postgresql, told).rowcount


def read_rows(found: Sequence[tuple[Any, ...]], readers: Sequence[Callable[[Any], Any] | None]) -> list[tuple[Any, ...]]:
    """The rows of a driver's answer as values of ours."""
    at = [(i, reader) for i, reader in enumerate(readers) if reader is not None]
    if not at:
        return list(found)
    rows: list[tuple[Any, ...]] = []
    for row in found:
        values = list(row)
        for i, reader in at:
            if values[i] is not None:
                values[i] = reader(values[i])
        rows.append(tuple(values))
    return rows


def _reader(kind: TypeEngine[Any], dialect: str) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):
        return lambda value: EPOCH + value * MICROSECOND
    if isinstance(kind, Json):
        return from_json
    return bool if isinstance(kind, Boolean) and dialect == "sqlite" else None


def _writer(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):
        return microseconds
    if isinstance(kind, Json):
        return canonical_text
    return int if isinstance(kind, Integer) and not isinstance(kind, Boolean) else None

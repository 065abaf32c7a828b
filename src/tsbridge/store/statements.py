"""What statements of both databases need: constant ones for many rows at once, inserts that meet what is there already, long lists in
parts.

The walk from a delivery to its decision reads what stands around a whole batch with one statement a table, and writes it with one.
Those statements are made once, as text for the driver: for a few rows, building and compiling one costs more than running it. They are
made when they are first needed, for the database that is there: a process on SQLite never reads what is known of PostgreSQL (3 MiB).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic_core import to_json
from sqlalchemy import Boolean, Column, CompoundSelect, Connection, Integer, Select, Table, UpdateBase
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from tsbridge.core.moments import canonical_text
from tsbridge.store import postgres
from tsbridge.store import sqlite as sqlite3
from tsbridge.store import vault as vaults
from tsbridge.store.columns import (
    EPOCH,
    MICROSECOND,
    Instant,
    Json,
    Packed,
    PackedText,
    PrivateJson,
    Vaulted,
    json_of,
    microseconds,
    unpacked_json,
)
from tsbridge.store.packing import packed, unpacked
from tsbridge.store.sqlite import execute_many

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

T = TypeVar("T")

PART: Final = 400
"""So many values one statement takes for sure."""


def insert_into(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that may say what is done where the row is there already."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def parts(values: Sequence[T], size: int = PART) -> Iterator[Sequence[T]]:
    """The values in their order, at most so many at once; nothing of nothing."""
    return (values[start : start + size] for start in range(0, len(values), size))


def array(texts: Iterable[str]) -> str:
    """Texts as PostgreSQL reads an array of them; the driver takes ten times as long to make one."""
    quoted = (text if '"' not in text and "\\" not in text else text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join([f'"{text}"' for text in quoted]) + "}"


class Listed:
    """A query about many keys at once: `{keys}` stands for the list of them, a table `k` with the columns `k0`, `k1`, ... (all texts),
    `{join}` for a join that reads along the list, `?` for further values behind it. `columns`: what the rows hold. `for_sqlite`: where it
    needs another query. `kept`: parts of a key that are kept as some column keeps them, by their places.
    """

    def __init__(
        self,
        query: str,
        width: int,
        columns: Sequence[Column[Any]],
        for_sqlite: str | None = None,
        kept: Mapping[int, Column[Any]] = MappingProxyType({}),
    ) -> None:
        self._kept = [(place, column.type) for place, column in kept.items() if isinstance(column.type, Vaulted)]
        own = _planned_once(query if for_sqlite is None else for_sqlite)
        self._width, self._times = width, {"sqlite": own.count("{keys}"), "postgresql": query.count("{keys}")}
        names = [f"k{i}" for i in range(width)]
        each = ["value AS k0"] if width == 1 else [f"json_extract(value, '$[{i}]') AS {name}" for i, name in enumerate(names)]
        listed = f"(SELECT {', '.join(each)} FROM json_each(?)) k"
        self._sqlite = own.replace("{keys}", listed).replace("{join}", "CROSS JOIN")
        arrays = f"unnest({', '.join(['%s::text[]'] * width)}) k({', '.join(names)})"
        self._postgresql = query.replace("?", "%s").replace("{keys}", arrays).replace("{join}", "JOIN")
        self._readers = {name: _Rows([column.type for column in columns], name) for name in ("sqlite", "postgresql")}

    def rows(self, conn: Connection, keys: Iterable[Any], *values: Any) -> list[tuple[Any, ...]]:
        """The rows of these keys: texts where they have one part, else sequences of texts; each once. No keys, no rows."""
        keys = list(keys)
        if not keys:
            return []
        if self._kept:
            keys = [*_as_kept(keys, _private(conn, self._kept, keeping=True))]
        if conn.dialect.name == "sqlite":
            listed: tuple[Any, ...] = (canonical_text(keys, ()),)
        else:
            listed = (array(keys),) if self._width == 1 else tuple(map(array, zip(*keys, strict=True)))
        told = [microseconds(value) if isinstance(value, datetime) else value for value in values]
        given = (*listed * self._times[conn.dialect.name], *told)
        if conn.dialect.name == "sqlite":
            return self._readers["sqlite"].read(conn, sqlite3.rows(conn, self._sqlite, given))
        return self._readers["postgresql"].read(conn, postgres.rows(conn, self._postgresql, given))


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
        super().__init__(query, len(key), [table.c[name] for name in columns], kept={i: table.c[name] for i, name in enumerate(key)})


class Fixed:
    """A statement that is the same each time but for its values, compiled once; rows are read by the columns' types."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | UpdateBase) -> None:
        self._statement = statement
        self._columns = () if isinstance(statement, UpdateBase) else tuple(statement.selected_columns)

    @cached_property
    def _sqlite(self) -> tuple[str, Mapping[str, Any], Sequence[str], _Rows]:
        made = self._statement.compile(dialect=sqlite.dialect())
        return _planned_once(made.string), made.params, made.positiontup or (), self._reader("sqlite")

    @cached_property
    def _postgresql(self) -> tuple[str, Mapping[str, Any], _Rows]:
        from sqlalchemy.dialects import postgresql

        made = self._statement.compile(dialect=postgresql.dialect(paramstyle="pyformat"))  # type: ignore[no-untyped-call]
        return made.string, made.params, self._reader("postgresql")

    def _reader(self, dialect: str) -> _Rows:
        return _Rows([column.type for column in self._columns], dialect)

    def rows(self, conn: Connection, **values: Any) -> list[tuple[Any, ...]]:
        if conn.dialect.name == "sqlite":
            text, own, places, reader = self._sqlite
            return reader.read(conn, sqlite3.rows(conn, text, _in_places(places, own, values)))
        text, own, reader = self._postgresql
        return reader.read(conn, postgres.rows(conn, text, {**own, **_stored(values)}))

    def named(self, conn: Connection, **values: Any) -> list[Any]:
        """As `rows`, with the columns' names."""
        names = [str(column.key) for column in self._columns]
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in self.rows(conn, **values)]

    def run(self, conn: Connection, **values: Any) -> int:
        """Change what is to be changed; returns how many rows that was."""
        if conn.dialect.name == "sqlite":
            text, own, places, _ = self._sqlite
            return sqlite3.execute(conn, text, _in_places(places, own, values))
        text, own, _ = self._postgresql
        return postgres.execute(conn, text, {**own, **_stored(values)})


class Insert:
    """Many new rows of a table in one statement. `text_of`: columns of JSON of which the text that is stored is handed in; `stored`: all
    values are what the columns store, microseconds for an instant, text for JSON. Of what is personal it is the canonical text.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], on_conflict: str = "", text_of: Sequence[str] = (), *, stored: bool = False
    ) -> None:
        into = f"INTO {table.name} ({', '.join(columns)}) "
        then = f" ON CONFLICT {on_conflict}" if on_conflict else ""
        # PostgreSQL wants the WHERE to tell ON CONFLICT from a join.
        self._write = _Write(
            f"INSERT OR FAIL {into}{{values}}{then}",
            f"INSERT {into}SELECT * FROM {{rows}} WHERE true{then}",
            *(table, columns, columns if stored else text_of),
        )

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Add these rows, values in the order of the columns; returns how many rows that touched."""
        return self._write.all(conn, rows)


class Update:
    """Many rows of a table, each by its key, in one statement: `columns` get values, `key` says which row, `where` which of those."""

    def __init__(self, table: Table, columns: Sequence[str], key: Sequence[str], where: str = "", also: str = "") -> None:
        names = [f"column{i}" for i in range(1, len(columns) + len(key) + 1)]
        sets = [f"{name} = v.{value}" for name, value in zip(columns, names, strict=False)] + ([also] if also else [])
        told = [f"{table.name}.{name} = v.{value}" for name, value in zip(key, names[len(columns) :], strict=True)] + (
            [where] if where else []
        )
        change, which = f"{table.name} SET {', '.join(sets)}", f"WHERE {' AND '.join(told)}"
        one = _in_one_row(f"UPDATE OR FAIL {change} {which}")
        self._write = _Write(one, f"UPDATE {change} FROM {{rows}} {which}", table, (*columns, *key), ())

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Change these rows, the values of the columns first, then those of the key; returns how many rows were there."""
        return self._write.all(conn, rows)


class Delete:
    """Many rows of a table, each by its key, in one statement. `behind`: a column that must be greater than the value after the key."""

    def __init__(self, table: Table, key: Sequence[str], behind: str | None = None) -> None:
        told = [f"{name} = v.column{i}" for i, name in enumerate(key, 1)] + ([f"{behind} > v.column{len(key) + 1}"] if behind else [])
        columns = (*key, *((behind,) if behind else ()))
        query = f"DELETE FROM {table.name} USING {{rows}} WHERE {' AND '.join(told)}"
        self._write = _Write(_in_one_row(query.replace(" USING {rows}", "")), query, table, columns, ())

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Take away these rows; returns how many were there."""
        return self._write.all(conn, rows)


class _Write:
    """A statement about many rows. `sqlite` is run for each of them, for which `{values}` stands (OR FAIL: the transaction is undone
    anyway, so that SQLite need not be able to undo the row alone, with what triggers did); in `postgresql` `{rows}` stands for a
    table `v` of all, made of one document, so that the statement is the same for any number; of jsonb, since of json each `->>` reads the
    whole row once more. Its LIMIT says that they are few: else a hundred are expected, and a table of some thousands is read through for
    them instead of its index. Columns are `column1`, `column2`, ...
    """

    def __init__(self, sqlite: str, postgresql: str, table: Table, columns: Sequence[str], text_of: Sequence[str]) -> None:
        self._sqlite = sqlite.replace("{values}", f"VALUES ({', '.join('?' * len(columns))})")
        types = [table.c[name].type for name in columns]
        self._query, self._types = postgresql, types
        writers = [None if name in text_of else _writer(kind) for name, kind in zip(columns, types, strict=True)]
        self._at = [(i, writer) for i, writer in enumerate(writers) if writer is not None]
        self._private = [(i, kind) for i, kind in enumerate(types) if isinstance(kind, Vaulted)]

    @cached_property
    def _postgresql(self) -> str:
        from sqlalchemy.dialects import postgresql

        kinds = [kind.compile(postgresql.dialect()) for kind in self._types]  # type: ignore[no-untyped-call]
        read = ", ".join(f"(row ->> {place})::{kind} AS column{place + 1}" for place, kind in enumerate(kinds))
        return self._query.replace("{rows}", f"(SELECT {read} FROM jsonb_array_elements(%s::jsonb) AS rows (row) LIMIT %s) v")

    def all(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        told: list[list[Any]] = []
        at = [*self._at, *_private(conn, self._private, keeping=True)] if self._private else self._at
        for row in rows:
            values = list(row)
            for i, writer in at:
                if values[i] is not None:
                    values[i] = writer(values[i])
            told.append(values)
        if conn.dialect.name == "postgresql":
            return postgres.execute(conn, self._postgresql, (to_json(told).decode(), len(told)))
        return execute_many(conn, self._sqlite, told)


class _Rows:
    """Reads the rows of a driver's answer by the types of their columns."""

    def __init__(self, types: Sequence[TypeEngine[Any]], dialect: str) -> None:
        readers = [_reader(kind, dialect) for kind in types]
        self._at = [(i, reader) for i, reader in enumerate(readers) if reader is not None]
        self._private = [(i, kind) for i, kind in enumerate(types) if isinstance(kind, Vaulted)]

    def read(self, conn: Connection, found: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows as values of ours."""
        at = [*self._at, *_private(conn, self._private, keeping=False)] if self._private else self._at
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


def _planned_once(query: str) -> str:
    """A query for SQLite, which plans one anew each time if its LIMIT is a mere parameter: the plan goes by how many are asked for."""
    return query.replace("LIMIT ?", "LIMIT ? + 0")


def _in_one_row(query: str) -> str:
    """A statement about the row whose values are handed in, for SQLite, of one about rows `v`."""
    return re.sub(r"\bv\.column(\d+)", r"?\1", query)


def _reader(kind: TypeEngine[Any], dialect: str) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):
        return lambda value: EPOCH + value * MICROSECOND
    if isinstance(kind, Packed):
        return unpacked_json
    if isinstance(kind, PackedText):
        return unpacked
    if isinstance(kind, Json):
        return json_of
    return bool if isinstance(kind, Boolean) and dialect == "sqlite" else None


def _writer(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):
        return microseconds
    if isinstance(kind, Packed):
        return lambda value: packed(canonical_text(value))
    if isinstance(kind, Json | PrivateJson):
        return canonical_text
    return int if isinstance(kind, Integer) and not isinstance(kind, Boolean) else None


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: microseconds(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _in_places(places: Sequence[str], own: Mapping[str, Any], values: Mapping[str, Any]) -> list[Any]:
    told = {**own, **_stored(values)}
    return [told[name] for name in places]


def _as_kept(keys: Iterable[Sequence[Any]], keepers: Sequence[tuple[int, Callable[[Any], Any]]]) -> Iterator[list[Any]]:
    for key in keys:
        parts = list(key)
        for i, keep in keepers:
            parts[i] = keep(parts[i])
        yield parts


def _private(conn: Connection, columns: Sequence[tuple[int, Vaulted]], *, keeping: bool) -> list[tuple[int, Callable[[Any], Any]]]:
    """What keeps the values of columns that a vault keeps, JSON as its canonical text, or reads them, by their places in a row."""
    vault = vaults.of(conn.dialect)
    return [(i, kind.keeper(vault) if keeping else kind.reader(vault)) for i, kind in columns]

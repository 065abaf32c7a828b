"""What statements of both databases need: inserts that meet what is there already, and long lists in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

PART: Final = 400
"""So many values one statement takes for sure."""


def insert_into(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that may say what is done where the row is there already."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def parts(values: Sequence[T], size: int = PART) -> Iterator[Sequence[T]]:
    """The values in their order, at most so many at once; nothing of nothing."""
    return (values[start : start + size] for start in range(0, len(values), size))

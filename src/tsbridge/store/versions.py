"""Documents in versions: never changed, each the next one's elder. The highest is live with the transaction that made it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, func, insert, null, select

from tsbridge.store.statements import Fixed

BIGGEST_VERSION: Final = (1 << 31) - 1
"""As far as the database counts."""


class NoVersion(LookupError):
    """No version of that number; where none has been published yet, none at all."""


@dataclass(frozen=True, slots=True)
class Version:
    """A published version as it stands in the books. `almanac`: the name of the one it goes by; None for what is installed."""

    version: int
    hash: str
    note: str
    published_at: datetime
    published_by: str
    document: Any = None
    almanac: str | None = None


class Versions:
    """The versions in `table`. `none`: what is raised where there is no such version; `what`: how people call the document."""

    def __init__(self, table: Table, what: str, none: type[NoVersion]) -> None:
        self._table = table
        self._what = what
        self._none = none
        self._newest = Fixed(select(func.coalesce(func.max(table.c.version), 0)))

    def newest(self, conn: Connection) -> int:
        """The number of the live version; 0 where there is none."""
        return int(self._newest.rows(conn)[0][0])

    def live_version(self, conn: Connection) -> int:
        """As `newest`; raises where there is none."""
        version = self.newest(conn)
        if not version:
            raise self._none(f"no {self._what} has been published yet")
        return version

    def get(self, conn: Connection, version: int) -> Version:
        table = self._table
        row = conn.execute(select(table).where(table.c.version == version)).one_or_none()
        if row is None:
            raise self._none(f"there is no {self._what} version {version}")
        return Version(row.version, row.hash, row.note, row.published_at, row.published_by, row.document, row.almanac)

    def newest_of(self, conn: Connection, hash: str) -> int:
        """The number of the newest version with that content; 0 where there is none."""
        table = self._table
        return int(conn.execute(select(func.coalesce(func.max(table.c.version), 0)).where(table.c.hash == hash)).scalar_one())

    def listed(self, conn: Connection, limit: int | None, before: int | None = None) -> list[Version]:
        """Newest first, without their documents; all of them where there is no limit."""
        table = self._table
        query = select(table.c.version, table.c.hash, table.c.note, table.c.published_at, table.c.published_by, null(), table.c.almanac)
        if before is not None:
            query = query.where(table.c.version < before)
        return [Version(*row) for row in conn.execute(query.order_by(table.c.version.desc()).limit(limit))]

    def known_at(self, conn: Connection, at: datetime) -> int:
        """The number of the version that was live at `at`; 0 for none."""
        table = self._table
        query = select(func.coalesce(func.max(table.c.version), 0)).where(table.c.published_at <= at)
        return int(conn.execute(query).scalar_one())

    def published_between(self, conn: Connection, start: datetime, end: datetime) -> list[datetime]:
        """When versions became live after `start` and before `end`, in order."""
        column = self._table.c.published_at
        return list(conn.execute(select(column).where(column > start, column < end).order_by(column)).scalars())

    def hashes(self, conn: Connection, wanted: set[int]) -> dict[int, str]:
        table = self._table
        rows = conn.execute(select(table.c.version, table.c.hash).where(table.c.version.in_(wanted)))
        return {row.version: row.hash for row in rows}

    def add(self, conn: Connection, version: int, document: Any, hash: str, note: str, at: datetime, by: str, almanac: str | None) -> None:
        values = {"version": version, "hash": hash, "document": document, "note": note, "published_at": at, "published_by": by}
        conn.execute(insert(self._table).values(**values, almanac=almanac))

    def without_almanac(self, conn: Connection) -> list[int]:
        """The versions that were published before almanacs were kept."""
        table = self._table
        return list(conn.execute(select(table.c.version).where(table.c.almanac.is_(None)).order_by(table.c.version)).scalars())

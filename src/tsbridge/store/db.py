"""The database: SQLite with one writer thread, or PostgreSQL with a small pool. One transaction per piece of work.

Work is a plain function of a SQLAlchemy `Connection`; it commits when it returns and rolls back when it raises. On PostgreSQL
it may be run again, when the connection broke before the commit or the server ended it for another one's sake, so it must act on nothing
but its connection.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from tsbridge.store import postgres_side, sqlite
from tsbridge.store.availability import BadDatabase
from tsbridge.store.datakeys import DataKeys
from tsbridge.store.postgres_side import PostgresSide
from tsbridge.store.sealkey import SealKeys
from tsbridge.store.side import Side, T, Work
from tsbridge.store.sqlite_side import SqliteSide


class Database:
    """An open database. Work may be run on any thread. Close it; closing waits for what was submitted."""

    def __init__(self, side: Side, dialect: str, url: URL, seal_keys: SealKeys, data_keys: DataKeys) -> None:
        self._side = side
        self.dialect = dialect
        self.url = url
        self.seal_keys = seal_keys
        self.data_keys = data_keys

    @classmethod
    def open(
        cls,
        url: str,
        seal_keys: Sequence[str] = (),
        data_keys: Sequence[str] = (),
        make: Callable[[URL, int], Engine] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> Database:
        """Open `sqlite:///path` or `postgresql://user:password@host/name`. Raises BadDatabase, or the driver's own error.

        The SQLite file and its directory are made when they are not there; tables are made by `store.schema.migrate`. `seal_keys`,
        `data_keys`: as in `store.sealkey` and `store.datakeys`, where somebody set them. A data key that is missing is told by the first
        transaction: UnusableKey. `make`: instead of `make_engine`. `sleep`, `jitter`: before work that PostgreSQL ended is
        run again.
        """
        read = parse(url)
        keys, data = SealKeys(seal_keys, read), DataKeys(data_keys, read)
        if read.get_backend_name() == "sqlite":
            return cls(SqliteSide(read, keys, data, make or make_engine), "sqlite", read, keys, data)
        return cls(PostgresSide(read, keys, data, make or make_engine, sleep, jitter), "postgresql", read, keys, data)

    def only_on(self, revision: str) -> None:
        """From now on write to tables of this revision alone: OtherSchema where PostgreSQL has others by then. SQLite has one process,
        which migrates before it begins."""
        self._side.revision = revision

    async def write(self, work: Work[T], *, urgent: bool = False, any_schema: bool = False) -> T:
        """Run work in one write transaction, committed to disk. `urgent` goes before all that waits: the door, people's clicks.

        `any_schema`: its statements are taken by every newer schema, so it goes on when a newer tsbridge has migrated: the door's.
        """
        return await asyncio.wrap_future(self._side.submit(work, write=True, urgent=urgent, any_schema=any_schema))

    async def read(self, work: Work[T]) -> T:
        """Run work on one consistent view of the database; it cannot write."""
        return await asyncio.wrap_future(self._side.submit(work, write=False, urgent=False, any_schema=True))

    def submit(self, work: Work[T], *, urgent: bool = False) -> Future[T]:
        """`write`, without waiting."""
        return self._side.submit(work, write=True, urgent=urgent, any_schema=False)

    def write_now(self, work: Work[T]) -> T:
        """`write` for code without an event loop: the command line, tests. Never call it on one."""
        return self._side.run(work, write=True)

    def read_now(self, work: Work[T]) -> T:
        """`read`, synchronously."""
        return self._side.run(work, write=False)

    def on_change(self, told: Callable[[], object]) -> None:
        """Have `told` called, on any thread, after something was written to SQLite by whatever process; for PostgreSQL it never is. Of what
        other processes wrote it hears at the next transaction that writes here, or `look`."""
        self._side.on_change(told)

    async def look(self) -> None:
        """Look whether another process has written."""
        await asyncio.wrap_future(self._side.look())

    async def rewrite(self, most_bytes: int) -> bool:
        """Leave nothing of what was deleted in the file and its log, if the file is no larger than that; True when it is so.

        SQLite alone writes a file anew: free places of pages keep what stood there. Everybody else's writing waits meanwhile. PostgreSQL's
        own files are its server's affair.
        """
        return await asyncio.wrap_future(self._side.rewrite(most_bytes))

    def close(self) -> None:
        self._side.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def parse(url: str) -> URL:
    """A database URL with the driver we use. BadDatabase for anything but SQLite files and PostgreSQL."""
    try:
        read = make_url(url)
    except ArgumentError:
        raise BadDatabase("the database URL cannot be read; expected sqlite:///path or postgresql://user:password@host/name") from None
    kind = read.get_backend_name()
    if kind == "sqlite":
        try:
            sqlite.path_of(read)
        except ValueError as refused:
            raise BadDatabase(str(refused)) from None
        return read.set(drivername="sqlite")
    if kind in ("postgresql", "postgres"):
        return read.set(drivername="postgresql+psycopg")
    raise BadDatabase(f"expected a database URL that begins with sqlite: or postgresql:, this one begins with {kind}:")


def make_engine(url: URL, readers: int) -> Engine:
    """An engine for a database: on SQLite for so many readers, or with 0 for the one that writes; on PostgreSQL for all."""
    return sqlite.engine(url, {}, readers=readers) if url.get_backend_name() == "sqlite" else postgres_side.engine(url)

"""The database: SQLite with one writer, or PostgreSQL with a small pool. Statements live in the other rooms of `store`.

SQLite needs a library without the WAL-reset bug (3.7.0 to 3.51.2; back-ported to 3.44.6 and 3.50.7): the pysqlite3 wheel
carries one. All writing goes through one thread, the door's before the workers', so that nobody waits for a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import importlib
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

T = TypeVar("T")
Work = Callable[[Connection], T]

FIXED_IN: Final = ((3, 51, 3),)
BACKPORTED: Final = ((3, 44, 6), (3, 50, 7))
READERS: Final = 4
POOL: Final = 8
CHECKPOINT_PAGES: Final = 4_000


class DatabaseError(Exception):
    """The database cannot be used; the text says what to do."""


class Database:
    """Transactions, asynchronous and not. Every `work` runs in exactly one transaction and may be run on any thread."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect == "sqlite":
            self._engine, self._readers = _sqlite(self.url.database)
            self._writer: _Writer | None = _Writer()
            self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        elif self.dialect == "postgresql":
            self._engine = self._readers = _postgresql(url)
            self._writer = None
            self._pool = ThreadPoolExecutor(POOL, thread_name_prefix="db")
        else:
            raise DatabaseError("expected a database URL beginning with sqlite:/// or postgresql://")

    @classmethod
    def open(cls, url: str) -> Database:
        """Open a database by URL; nothing is connected before the first transaction. Raises `DatabaseError`."""
        return cls(url)

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._engine

    async def write(self, work: Work[T], *, urgent: bool = False) -> T:
        """Run `work` in a write transaction and commit it, to disk. `urgent` work goes before other waiting work."""
        return await asyncio.wrap_future(self.submit(work, urgent=urgent))

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a read transaction."""
        return await asyncio.wrap_future(self._pool.submit(self.read_now, work))

    def submit(self, work: Work[T], *, urgent: bool = False) -> Future[T]:
        """`write`, without waiting."""
        if self._writer is not None:
            return self._writer.submit(lambda: self._commit(work), urgent=urgent)
        return self._pool.submit(self._commit, work)

    def write_now(self, work: Work[T]) -> T:
        """`write`, synchronously."""
        return self.submit(work).result()

    def read_now(self, work: Work[T]) -> T:
        """`read`, synchronously."""
        with self._readers.begin() as conn:
            return work(conn)

    def close(self) -> None:
        """Finish what was submitted, then close every connection."""
        if self._writer is not None:
            self._writer.close()
        self._pool.shutdown()
        self._engine.dispose()
        self._readers.dispose()

    def _commit(self, work: Work[T]) -> T:
        with self._engine.begin() as conn:
            return work(conn)


class _Writer:
    """One thread that writes; urgent work first, else in order."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[], Any], Future[Any]]] = []
        self._ready = threading.Condition()
        self._count = itertools.count()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="db-write", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], T], *, urgent: bool) -> Future[T]:
        future: Future[T] = Future()
        with self._ready:
            if self._closing:
                raise DatabaseError("the database is closed")
            heapq.heappush(self._heap, (0 if urgent else 1, next(self._count), job, future))
            self._ready.notify()
        return future

    def close(self) -> None:
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._heap and not self._closing:
                    self._ready.wait()
                if not self._heap:
                    return
                _, _, job, future = heapq.heappop(self._heap)
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as failure:  # handed to whoever waits for the result
                future.set_exception(failure)


def unavailable(failure: BaseException) -> bool:
    """Whether a failure means that the database cannot store right now (full, locked, gone), not that the work is wrong."""
    return isinstance(failure, OperationalError | DatabaseError) or (isinstance(failure, DBAPIError) and failure.connection_invalidated)


def sqlite_module() -> ModuleType:
    """The SQLite driver whose library is sound. Raises `DatabaseError` when there is none."""
    for name in ("pysqlite3.dbapi2", "sqlite3"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(name)
            version: tuple[int, ...] = module.sqlite_version_info
            if version >= FIXED_IN[0] or any(version[:2] == fixed[:2] and version >= fixed for fixed in BACKPORTED):
                return module
    raise DatabaseError("this SQLite library has the WAL-reset bug (fixed in 3.51.3); install pysqlite3 or a newer SQLite")


def _sqlite(path: str | None) -> tuple[Engine, Engine]:
    if not path or path == ":memory:":
        raise DatabaseError("expected a file, like sqlite:///tsbridge.db: what is kept in memory is not kept")
    Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
    module = sqlite_module()
    writer = create_engine(f"sqlite+pysqlite:///{path}", module=module, pool_size=2)
    readers = create_engine(f"sqlite+pysqlite:///{path}", module=module, pool_size=READERS, max_overflow=4)
    for engine, begin in ((writer, "BEGIN IMMEDIATE"), (readers, "BEGIN")):
        _sqlite_listen(engine, begin)
    return writer, readers


def _sqlite_listen(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves
        for pragma in (
            "busy_timeout=5000",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)


def _postgresql(url: str) -> Engine:
    sound = make_url(url)
    if sound.drivername == "postgresql":
        sound = sound.set(drivername="postgresql+psycopg")
    engine = create_engine(
        sound,
        pool_size=POOL,
        max_overflow=2,
        pool_pre_ping=True,
        connect_args={
            "options": "-c synchronous_commit=on -c lock_timeout=15s -c statement_timeout=120s -c idle_in_transaction_session_timeout=120s -c timezone=UTC",
            "connect_timeout": 5,
        },
    )
    return engine



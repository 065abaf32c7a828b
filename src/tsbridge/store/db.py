"""The database: SQLite with one writer thread, or PostgreSQL with a small pool. One transaction per piece of work.

Work is a plain function of a SQLAlchemy `Connection`; it commits when it returns and rolls back when it raises. On PostgreSQL
it may be run a second time when the connection broke before the commit, so it must act on nothing but its connection.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolIsBusy
from sqlalchemy.pool import ConnectionPoolEntry

from tsbridge.store import sqlite, vault
from tsbridge.store.datakeys import DataKeys
from tsbridge.store.sealkey import OPTION, SealKeys

T = TypeVar("T")
Work = Callable[[Connection], T]

SCHEMA_LOCK: Final = int.from_bytes(hashlib.sha256(b"tsbridge migrate").digest()[:7])
"""The advisory lock of PostgreSQL that whoever migrates has alone, and each write transaction of a service beside the others."""
READERS: Final = 4
WRITERS: Final = 4
URGENT: Final = 2
POSTGRES_SETTINGS: Final = {
    "lock_timeout": "15s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "120s",
    "timezone": "UTC",
}
NETWORK: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
"""A server that is gone without a word (a machine that died, a network that drops what it carries) is noticed within half a minute; the
system by itself waits for a quarter of an hour, or two hours where nothing is under way. The URL may say otherwise."""
TAKES_NO_WRITES: Final = frozenset({"25006", "42501"})
"""What PostgreSQL says that takes no writes: one that stands by, that its keeper made read-only when its disk filled, whose files cannot be
written (it says EROFS as a right that is missing), or that took our rights. The driver has these among errors of the work."""
UNREADABLE: Final = frozenset({"XX001", "XX002"})
"""What PostgreSQL says of a table or index that cannot be read."""


class BadDatabase(Exception):
    """The database cannot be used: its URL, or how the server is set up. The text says what to do and holds no password."""


class OtherSchema(OperationalError):
    """The tables are being migrated, or a newer tsbridge has migrated them: nothing of this process is written any more."""

    def __init__(self) -> None:
        super().__init__(None, None, RuntimeError("the database is being migrated, or was by a newer tsbridge"))


def unavailable(failure: BaseException) -> bool:
    """Whether a failure means that the database cannot store right now (full, read-only, locked, gone), not that the work is wrong."""
    if isinstance(failure, DBAPIError) and (failure.connection_invalidated or getattr(failure.orig, "sqlstate", None) in TAKES_NO_WRITES):
        return True
    return isinstance(failure, OperationalError | PoolIsBusy | BadDatabase)


def unusable(failure: BaseException) -> bool:
    """Whether nobody can be answered out of the database right now: `unavailable`, or what is kept cannot be read.

    Of a page that its disk does not give SQLite says that the file is malformed, as of one that is. For work that is no reason to wait:
    perhaps it is about this page alone, and holds up all else.
    """
    if unavailable(failure):
        return True
    orig = failure.orig if isinstance(failure, DBAPIError) else None
    return type(orig).__name__ == "DatabaseError" or getattr(orig, "sqlstate", None) in UNREADABLE


class _Side(Protocol):
    """How one kind of database runs work."""

    revision: str | None

    def submit(self, work: Work[T], *, write: bool, urgent: bool, any_schema: bool) -> Future[T]: ...
    def run(self, work: Work[T], *, write: bool) -> T: ...
    def on_change(self, told: Callable[[], object]) -> None: ...
    def look(self) -> Future[None]: ...
    def rewrite(self, most_bytes: int) -> Future[bool]: ...
    def close(self) -> None: ...


class Database:
    """An open database. Work may be run on any thread. Close it; closing waits for what was submitted."""

    def __init__(self, side: _Side, dialect: str, url: URL, seal_keys: SealKeys, data_keys: DataKeys) -> None:
        self._side = side
        self.dialect = dialect
        self.url = url
        self.seal_keys = seal_keys
        self.data_keys = data_keys

    @classmethod
    def open(
        cls, url: str, seal_keys: Sequence[str] = (), data_keys: Sequence[str] = (), make: Callable[[URL, int], Engine] | None = None
    ) -> Database:
        """Open `sqlite:///path` or `postgresql://user:password@host/name`. Raises BadDatabase, or the driver's own error.

        The SQLite file and its directory are made when they are not there; tables are made by `store.schema.migrate`. `seal_keys`,
        `data_keys`: as in `store.sealkey` and `store.datakeys`, where somebody set them. A data key that is missing is told by the first
        transaction: UnusableKey. `make`: instead of `make_engine`.
        """
        read = parse(url)
        keys, data = SealKeys(seal_keys, read), DataKeys(data_keys, read)
        if read.get_backend_name() == "sqlite":
            return cls(_Sqlite(read, keys, data, make or make_engine), "sqlite", read, keys, data)
        return cls(_Postgres(read, keys, data, make or make_engine), "postgresql", read, keys, data)

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
    if url.get_backend_name() == "sqlite":
        return sqlite.engine(url, {}, readers=readers)
    engine = create_engine(
        url,
        hide_parameters=True,  # an error's text must not quote what people wrote
        pool_size=READERS + WRITERS + URGENT,
        max_overflow=0,
        pool_timeout=10,
        pool_use_lifo=True,
        connect_args={
            "connect_timeout": 10,
            "application_name": "tsbridge",
            "options": " ".join(f"-c {name}={value}" for name, value in POSTGRES_SETTINGS.items()),
            **{name: value for name, value in NETWORK.items() if name not in url.query},
        },
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.prepare_threshold = 2

    return engine


def _transact(engine: Engine, work: Work[T]) -> T:
    with engine.begin() as conn:
        return work(conn)


class _Sqlite:
    revision: str | None = None

    def __init__(self, url: URL, keys: SealKeys, data_keys: DataKeys, make: Callable[[URL, int], Engine]) -> None:
        path = self._path = sqlite.path_of(url)
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        sqlite.keep_private(path)
        try:
            self._writer, self._reader = make(url, 0), make(url, READERS)
        except sqlite.UnsafeSqlite as unsafe:
            raise BadDatabase(str(unsafe)) from None
        self._data_keys = data_keys
        for engine in (self._writer, self._reader):
            engine.update_execution_options(**{OPTION: keys})
            vault.give(engine.dialect, data_keys.vault)
        # One connection for the writer's whole life: taking one from the pool costs as much as a small transaction. Opening it
        # makes the file and puts it into WAL mode before a reader looks.
        self._pen = self._writer.connect()
        self._log = Path(f"{path}-wal")
        self._written, self._looked_at = (0, 0), (0, 0)
        self._told: Callable[[], object] = lambda: None
        self._checkpointer = sqlite.Checkpointer(path)
        self._thread = sqlite.WriterThread("tsbridge-writer", self._after_each)
        self._readers = ThreadPoolExecutor(READERS, "tsbridge-reader")

    def submit(self, work: Work[T], *, write: bool, urgent: bool, any_schema: bool) -> Future[T]:
        if write:
            return self._thread.submit(lambda: self._transact(work), urgent)
        return self._readers.submit(_transact, self._reader, self._data_keys.before(work))

    def run(self, work: Work[T], *, write: bool) -> T:
        if write and self._thread.is_here:
            raise RuntimeError("work in a write transaction asked for another one; it would wait for itself")
        return self.submit(work, write=write, urgent=False, any_schema=False).result()

    def on_change(self, told: Callable[[], object]) -> None:
        self._told = told

    def look(self) -> Future[None]:
        try:
            log = self._log.stat()
        except OSError:
            seen = (0, 0)
        else:
            seen = (log.st_mtime_ns, log.st_size)
        if seen == self._looked_at:  # every commit writes to it
            return _done(None)
        self._looked_at = seen
        return self._thread.submit(self._tell, urgent=False)

    def rewrite(self, most_bytes: int) -> Future[bool]:
        return self._thread.submit(lambda: self._rewrite(most_bytes), urgent=False)

    def _rewrite(self, most_bytes: int) -> bool:
        driver = self._pen.connection.driver_connection
        if driver is None or self._path.stat().st_size > most_bytes:
            return False
        try:
            driver.execute("VACUUM")
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite.library().OperationalError:
            return False  # somebody writes or reads, or the disk is full: another time
        return not busy

    def close(self) -> None:
        self._readers.shutdown()
        self._thread.close()
        self._checkpointer.close()
        self._reader.dispose()
        self._pen.close()
        self._writer.dispose()

    def _transact(self, work: Work[T]) -> T:
        if not self._data_keys.settled:
            with self._pen.begin():
                settled = self._data_keys.settle(self._pen, write=True)
            self._data_keys.settled = settled
        with self._pen.begin():
            return work(self._pen)

    def _after_each(self) -> None:
        self._tell()
        driver = self._pen.connection.driver_connection
        if self._checkpointer.look() and driver is not None:
            driver.execute(sqlite.CHECKPOINT)

    def _tell(self) -> None:
        driver = self._pen.connection.driver_connection
        if driver is None:
            return
        written = driver.total_changes, driver.execute("PRAGMA data_version").fetchone()[0]  # by us, by anybody else
        if written != self._written:
            self._written = written
            self._told()


class _Postgres:
    revision: str | None = None

    def __init__(self, url: URL, keys: SealKeys, data_keys: DataKeys, make: Callable[[URL, int], Engine]) -> None:
        self._data_keys = data_keys
        self._engine = make(url, 0)
        self._engine.update_execution_options(**{OPTION: keys})
        vault.give(self._engine.dialect, data_keys.vault)
        self._reading = self._engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")

        try:
            _transact(self._engine, _check_durable)
        except BaseException:
            self._engine.dispose()
            raise
        self._urgent = ThreadPoolExecutor(URGENT, "tsbridge-urgent")
        self._writers = ThreadPoolExecutor(WRITERS, "tsbridge-writer")
        self._readers = ThreadPoolExecutor(READERS, "tsbridge-reader")

    def submit(self, work: Work[T], *, write: bool, urgent: bool, any_schema: bool) -> Future[T]:
        pool = self._readers if not write else self._urgent if urgent else self._writers
        return pool.submit(self.run, work, write=write, any_schema=any_schema)

    def run(self, work: Work[T], *, write: bool, any_schema: bool = False) -> T:
        revision = self.revision if write and not any_schema else None
        engine = self._engine if write else self._reading
        if not self._data_keys.settled:
            if write:
                self._data_keys.settled = _transact(engine, partial(self._data_keys.settle, write=True))
            else:
                work = self._data_keys.before(work)
        try:
            return self._once(engine, work, revision)
        except _BrokenBeforeCommit:  # the server restarted: the pool has dropped its connections, try with a fresh one
            try:
                return self._once(engine, work, revision)
            except _BrokenBeforeCommit as again:
                raise again.cause from None

    def on_change(self, told: Callable[[], object]) -> None:
        """Others write all the time, each worker its beats."""

    def look(self) -> Future[None]:
        return _done(None)

    def rewrite(self, most_bytes: int) -> Future[bool]:
        return _done(True)

    def close(self) -> None:
        for pool in (self._urgent, self._writers, self._readers):
            pool.shutdown()
        self._engine.dispose()

    def _once(self, engine: Engine, work: Work[T], revision: str | None) -> T:
        whole = False
        try:
            with engine.begin() as conn:
                if revision is not None:
                    _hold_schema(conn, revision)
                result = work(conn)
                whole = True
            return result
        except DBAPIError as failure:
            if failure.connection_invalidated and not whole:
                raise _BrokenBeforeCommit(failure) from None
            raise


def _done(result: T) -> Future[T]:
    done: Future[T] = Future()
    done.set_result(result)
    return done


def _hold_schema(conn: Connection, revision: str) -> None:
    """See that the schema is this one until the transaction ends; who migrates waits for it."""
    held, found = conn.exec_driver_sql(
        f"SELECT pg_try_advisory_xact_lock_shared({SCHEMA_LOCK}), (SELECT version_num FROM alembic_version)"
    ).one()
    if not held or found != revision:
        raise OtherSchema


class _BrokenBeforeCommit(Exception):
    def __init__(self, cause: DBAPIError) -> None:
        super().__init__()
        self.cause = cause


def _check_durable(conn: Connection) -> None:
    for setting in ("fsync", "synchronous_commit"):
        if conn.exec_driver_sql(f"SHOW {setting}").scalar_one() == "off":
            raise BadDatabase(f"PostgreSQL runs with {setting}=off: a delivery that was answered could be lost; set it to on")

"""SQLite as a server database: which library, which pragmas, the one writer thread, checkpoints beside it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import RetryCallState, Retrying, stop_after_delay, wait_random

PRAGMAS: Final = ("synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", "trusted_schema=OFF", "secure_delete=ON")
WRITER_CACHE: Final = "cache_size=-8192"  # KiB; a batch of deliveries goes through more pages than the usual 2 MiB hold
BUSY_TIMEOUT_S: Final = 5.0
CHECKPOINT: Final = "PRAGMA wal_checkpoint(PASSIVE)"
CHECKPOINT_BYTES: Final = 4 << 20  # of write-ahead log written, then it is carried over in the background
HELP_BYTES: Final = 16 << 20  # more than this left over: the writer carries the last pages over itself
LOG_LIMIT_BYTES: Final = 48 << 20  # more than this: the writer helps at once, which slows writing to what the disk takes

log = logging.getLogger("tsbridge.store")


class UnsafeSqlite(RuntimeError):
    """The only SQLite at hand may corrupt a database in WAL mode."""


@cache
def library() -> Any:
    """The DB-API module to use: the bundled newer SQLite where there is one, else Python's own if it is sound.

    SQLite 3.7.0 to 3.51.2 can lose a commit when a write-ahead log is reset under load; 3.44.6 and 3.50.7 carry the repair too.
    """
    try:
        import pysqlite3.dbapi2 as newer
    except ImportError:
        import sqlite3 as newer
    if not is_sound(newer.sqlite_version_info):
        raise UnsafeSqlite(
            f"SQLite {newer.sqlite_version} can lose commits in WAL mode (repaired in 3.51.3, 3.50.7 and 3.44.6); "
            "install the package pysqlite3, or set TSBRIDGE_DATABASE_URL to a PostgreSQL database"
        )
    return newer


def is_sound(version: tuple[int, ...]) -> bool:
    """Whether this SQLite is free of the WAL-reset bug."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def path_of(url: URL) -> Path:
    """The file of a database URL. ValueError for one in memory: what is kept there is not kept."""
    if not url.database or url.database == ":memory:":
        raise ValueError("expected a file in the SQLite URL (sqlite:///path/to.db); a database in memory keeps nothing")
    return Path(url.database)


def keep_private(path: Path) -> None:
    """Have the database file, and what lies beside it, be its owner's alone, whatever the process's umask; made where it is not there yet.

    SQLite gives `-wal` and `-shm` the mode of the database. Files of somebody else are left as they are.
    """
    with contextlib.suppress(OSError):  # SQLite says what is wrong with it
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with contextlib.suppress(OSError):
            if (mode := file.stat().st_mode) & 0o077:
                file.chmod(mode & 0o700)


def engine(url: URL, options: Mapping[str, Any], *, readers: int = 0) -> Engine:
    """An engine for the one writer, or for `readers` threads that only read and never wait for the writer.

    `options`: what all its connections have as execution options.
    """
    made = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        module=library(),
        execution_options=dict(options),
        hide_parameters=True,  # an error's text must not quote what people wrote
        pool_size=readers or 1,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_S, "cached_statements": 512},
    )
    begin = "BEGIN" if readers else "BEGIN IMMEDIATE"
    own = "query_only=ON" if readers else WRITER_CACHE
    pragmas = (*PRAGMAS, "wal_autocheckpoint=0", f"journal_size_limit={CHECKPOINT_BYTES // 2}", own)

    @event.listens_for(made, "connect")
    def _connected(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves
        _into_wal_mode(connection)
        for pragma in pragmas:
            connection.execute("PRAGMA " + pragma)

    @event.listens_for(made, "begin")
    def _begin(connection: Any) -> None:
        execute(connection, begin, ())

    return made


def _into_wal_mode(connection: Any) -> None:
    """Asked for again while others open the same new file: for this change SQLite does not wait by itself (no busy_timeout)."""
    patient = Retrying(stop=stop_after_delay(BUSY_TIMEOUT_S), wait=wait_random(0.001, 0.05), retry=_is_locked, reraise=True)
    patient(connection.execute, "PRAGMA journal_mode=WAL")


def _is_locked(attempt: RetryCallState) -> bool:
    failure = attempt.outcome and attempt.outcome.exception()
    return isinstance(failure, library().OperationalError) and "locked" in str(failure)


def execute(conn: Connection, statement: str, values: Sequence[Any]) -> int:
    """Run a statement with `?` inside the connection's transaction; returns how many rows it changed."""
    return int(_at_driver(conn, statement, lambda cursor: cursor.execute(statement, values).rowcount))


def execute_many(conn: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """`execute` for each of these rows; returns how many rows it changed in all."""
    return int(_at_driver(conn, statement, lambda cursor: cursor.executemany(statement, rows).rowcount))


def rows(conn: Connection, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What a query with `?` finds, as the driver gives it."""
    found: list[tuple[Any, ...]] = _at_driver(conn, statement, lambda cursor: cursor.execute(statement, values).fetchall())
    return found


def _at_driver(conn: Connection, statement: str, run: Callable[[Any], Any]) -> Any:
    """Straight to the driver: for a few rows SQLAlchemy's own part would cost more than SQLite's. Errors come as SQLAlchemy's."""
    driver = library()
    cursor = conn.connection.cursor()
    try:
        return run(cursor)
    except driver.OperationalError as failure:
        raise OperationalError(statement, None, failure) from None
    except driver.Error as failure:
        raise DBAPIError(statement, None, failure) from None
    finally:
        cursor.close()


class WriterThread:
    """One thread that does all writing, urgent jobs first. A job is a callable; its result or error goes to its future.

    What is done after each may fail as SQLite does: it is done again after the next.
    """

    def __init__(self, name: str, after_each: Callable[[], None]) -> None:
        self._urgent: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._rest: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._some = threading.Condition()
        self._closed = False
        self._after_each = after_each
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], Any], urgent: bool) -> Future[Any]:
        future: Future[Any] = Future()
        with self._some:
            if self._closed:
                raise RuntimeError("the database has been closed")
            (self._urgent if urgent else self._rest).append((job, future))
            self._some.notify()
        return future

    def close(self) -> None:
        """Finish what is queued, then end."""
        with self._some:
            self._closed = True
            self._some.notify()
        self._thread.join()

    @property
    def is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        while True:
            with self._some:
                while not (self._urgent or self._rest):
                    if self._closed:
                        return
                    self._some.wait()
                job, future = (self._urgent or self._rest).popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = job()
            except BaseException as failure:  # it belongs to whoever asked
                future.set_exception(failure)
            else:
                future.set_result(result)
            del job, future
            with contextlib.suppress(library().Error):
                self._after_each()


class Checkpointer:
    """Carries the write-ahead log over into the database in a thread of its own, so that no commit waits for it.

    It never waits for readers or the writer. Under unbroken load it never quite catches up, so now and then the writer
    carries the last few pages over itself: then the log starts again from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self._log = Path(f"{path}-wal")
        self._connection = library().connect(str(path), check_same_thread=False, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._wanted = threading.Event()
        self._closed = False
        self._writer_must_help = False
        self._carried_at = 0
        self._thread = threading.Thread(target=self._run, name="tsbridge-checkpoint", daemon=True)
        self._thread.start()

    def look(self) -> bool:
        """Called by the writer after each transaction. True when it should carry over the rest itself, now."""
        size = self._size()
        if size < self._carried_at:  # it has started again, cut to journal_size_limit
            self._carried_at = 0
        if size - self._carried_at >= CHECKPOINT_BYTES:
            self._wanted.set()
        helps, self._writer_must_help = self._writer_must_help or size >= LOG_LIMIT_BYTES, False
        return helps

    def close(self) -> None:
        self._closed = True
        self._wanted.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()  # before looking: what is wanted from now on, closing too, is seen the next time
            if self._closed:
                return
            size = self._size()
            try:
                _, pages, carried = self._connection.execute(CHECKPOINT).fetchone()
                self._writer_must_help = carried < pages and size >= HELP_BYTES
            except library().Error as failure:  # a disk that is full or fails: asked again as the log grows
                log.error(
                    "the write-ahead log could not be carried over",
                    extra={"kind": getattr(failure, "sqlite_errorname", type(failure).__name__), "size": size},
                )
            self._carried_at = size

    def _size(self) -> int:
        try:
            return os.stat(self._log).st_size
        except OSError:  # not there yet, or a disk that fails
            return 0

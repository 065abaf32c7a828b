"""SQLite: one writer thread with one connection, a few readers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import URL, Engine

from tsbridge.store import sqlite, vault
from tsbridge.store.availability import BadDatabase
from tsbridge.store.datakeys import DataKeys
from tsbridge.store.sealkey import OPTION, SealKeys
from tsbridge.store.side import READERS, T, Work, done, transact


class SqliteSide:
    """Work on SQLite: whoever writes waits for the one thread."""

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
        return self._readers.submit(transact, self._reader, self._data_keys.before(work))

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
            return done(None)
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
        ours, others = driver.total_changes, self._written[1]
        if ours == self._written[0]:  # else it is told already, whatever others have written
            others = driver.execute("PRAGMA data_version").fetchone()[0]
        if (ours, others) != self._written:
            self._written = ours, others
            self._told()

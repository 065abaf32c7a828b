"""A database that a process of the world has open: the same engines as ever, used in one thread; nothing goes through once it is dead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from tsbridge.store import sqlite, vault
from tsbridge.store.datakeys import DataKeys
from tsbridge.store.db import Database, parse
from tsbridge.store.postgres_side import POSTGRES_SETTINGS
from tsbridge.store.sealkey import OPTION, SealKeys

T = TypeVar("T")
Work = Callable[[Connection], T]
KEY = "the-key-of-seals-of-a-seeded-world"
DATA_KEY = "the-key-of-words-of-a-seeded-world"


class Full(Exception):
    """What the driver says of a disk without room."""


@dataclass
class Pair:
    """The engines of one SQLite file, for another file afterwards: what they have learned to say in SQL they know already."""

    writer: Engine
    reader: Engine
    file: str = ""

    def of(self, url: URL, keys: SealKeys, data_keys: DataKeys) -> Pair:
        self.file = str(url.database)
        for engine in (self.writer, self.reader):
            engine.update_execution_options(**{OPTION: keys})
            vault.give(engine.dialect, data_keys.vault)
        return self


FREE: list[Pair] = []
"""Pairs that nobody has in use."""


def pair(url: URL, keys: SealKeys, data_keys: DataKeys) -> Pair:
    """A pair for this file; give it back by `FREE.append` when its connections are closed."""
    if not FREE:
        made = Pair(sqlite.engine(url, {}), sqlite.engine(url, {}, readers=1))

        def opens(dialect: Any, record: Any, arguments: list[Any], named: dict[str, Any]) -> None:
            arguments[0] = made.file

        for engine in (made.writer, made.reader):
            event.listen(engine, "do_connect", opens)
        FREE.append(made)
    return FREE.pop().of(url, keys, data_keys)


class OneThread:
    """One connection that writes and one that reads, on SQLite held all the time. `before`: may raise what happens to a transaction
    instead. `writes`: how many transactions there were that could write."""

    def __init__(self, url: str, before: Callable[[bool], None]) -> None:
        read = parse(url)
        self.keys = SealKeys([KEY], read)
        self.data_keys = DataKeys([DATA_KEY], read)
        self.dialect = read.get_backend_name()
        self.url = read
        self._before = before
        self._closed = False
        self._held: list[Connection | None] = [None, None]
        self.writes = 0
        self._pair: Pair | None = None
        if self.dialect == "sqlite":
            self._pair = pair(read, self.keys, self.data_keys)
            self._writer, self._reader = self._pair.writer, self._pair.reader
        else:
            self._writer = self._postgres()
            self._reader = self._writer.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
            for engine in (self._writer, self._reader):
                vault.give(engine.dialect, self.data_keys.vault)

    def _postgres(self) -> Engine:
        options = " ".join(f"-c {name}={value}" for name, value in POSTGRES_SETTINGS.items())
        engine = create_engine(
            self.url, execution_options={OPTION: self.keys}, pool_size=2, max_overflow=0, connect_args={"options": options}
        )

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _entry: Any) -> None:
            connection.prepare_threshold = 2

        return engine

    def submit(self, work: Work[T], *, write: bool, urgent: bool, any_schema: bool = False) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(self.run(work, write=write))
        except BaseException as failure:
            future.set_exception(failure)
        return future

    def run(self, work: Work[T], *, write: bool, any_schema: bool = False) -> T:
        if self._closed:
            raise RuntimeError("the database has been closed")
        self._before(write)
        if not self.data_keys.settled:
            with self._writer.begin() as conn:
                self.data_keys.settled = self.data_keys.settle(conn, write=True)
        if self._pair is None:
            with (self._writer if write else self._reader).begin() as conn:
                return work(conn)
        self.writes += write
        conn = self._held[write] = self._held[write] or (self._writer if write else self._reader).connect()
        with conn.begin():
            return work(conn)

    def close(self) -> None:
        """Once and for all: what is asked of it afterwards is refused by `before`."""
        if self._closed:
            return
        self._closed = True
        for conn in self._held:
            if conn is not None:
                conn.close()
        self._reader.dispose()
        self._writer.dispose()
        if self._pair is not None:
            FREE.append(self._pair)


class Opened(Database):
    """As `Database`, in the caller's thread; others have their turn before each transaction."""

    def __init__(self, side: OneThread) -> None:
        super().__init__(side, "sqlite" if side.dialect == "sqlite" else "postgresql", side.url, side.keys, side.data_keys)
        self.thread = side

    async def write(self, work: Work[T], *, urgent: bool = False, any_schema: bool = False) -> T:
        await asyncio.sleep(0)
        return self.thread.run(work, write=True)

    async def read(self, work: Work[T]) -> T:
        await asyncio.sleep(0)
        return self.thread.run(work, write=False)


def no_room() -> OperationalError:
    """As SQLite says it when the disk is full."""
    return OperationalError("COMMIT", None, sqlite.library().OperationalError("database or disk is full"))

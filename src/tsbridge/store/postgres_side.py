"""PostgreSQL: a small pool, with places of their own for what is urgent; work that came to nothing, as its connection broke before its
commit or as the server ended it for another one's sake, is run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from tsbridge.store import postgres, vault
from tsbridge.store.availability import BadDatabase, OtherSchema
from tsbridge.store.datakeys import DataKeys
from tsbridge.store.sealkey import OPTION, SealKeys
from tsbridge.store.side import READERS, T, Work, done, transact

SCHEMA_LOCK: Final = int.from_bytes(hashlib.sha256(b"tsbridge migrate").digest()[:7])
"""The advisory lock of PostgreSQL that whoever migrates has alone, and each write transaction of a service beside the others."""
ENDED: Final = frozenset({"40P01", "40001"})
"""Of two that wait for each other the server ends one; so it does with one that another's change does not go together with."""
MOST_TRIES: Final = 5
"""Of work that the server ended."""
PAUSE: Final = 0.02
"""Seconds at most before it is done again; twice as long each time, drawn at random, so that those who met do not meet again."""
WRITERS: Final = 4
URGENT: Final = 2
POSTGRES_SETTINGS: Final = {
    "lock_timeout": "15s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "120s",
    "timezone": "UTC",
    "random_page_cost": "1.1",
    "default_transaction_isolation": "read\\ committed",
}
"""`random_page_cost`: PostgreSQL's own is that of a turning disk, so that it reads tables of some pages through for each key. Isolation:
who waited for a lock has to see what was written meanwhile, and a server may have another one by default."""
NETWORK: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
"""A server that is gone without a word (a machine that died, a network that drops what it carries) is noticed within half a minute; the
system by itself waits for a quarter of an hour, or two hours where nothing is under way. The URL may say otherwise."""


def engine(url: URL) -> Engine:
    """For all who read and write. An error's text never quotes what people wrote."""
    made = create_engine(
        url,
        hide_parameters=True,
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

    @event.listens_for(made, "connect")
    def _connected(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.prepare_threshold = 2

    return made


class PostgresSide:
    """Work on PostgreSQL, in threads that take a connection each."""

    revision: str | None = None

    def __init__(
        self,
        url: URL,
        keys: SealKeys,
        data_keys: DataKeys,
        make: Callable[[URL, int], Engine],
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._data_keys = data_keys
        self._sleep = sleep
        self._jitter = jitter
        self._engine = make(url, 0)
        self._engine.update_execution_options(**{OPTION: keys})
        vault.give(self._engine.dialect, data_keys.vault)
        self._reading = self._engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")

        try:
            transact(self._engine, _check_durable)
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
                self._data_keys.settled = transact(engine, partial(self._data_keys.settle, write=True))
            else:
                work = self._data_keys.before(work)
        broke, ended = 0, 0
        while True:
            try:
                return self._once(engine, work, revision)
            except _Broke as failure:  # where the server restarted the pool has dropped its connections: the next one is fresh
                broke += 1
                if broke == 2:
                    raise failure.cause from None
            except _Ended as failure:
                ended += 1
                if ended == MOST_TRIES:
                    raise failure.cause from None
                self._sleep(PAUSE * 2 ** (ended - 1) * self._jitter())

    def on_change(self, told: Callable[[], object]) -> None:
        """Others write all the time, each worker its beats."""

    def look(self) -> Future[None]:
        return done(None)

    def rewrite(self, most_bytes: int) -> Future[bool]:
        return done(True)

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
                raise _Broke(failure) from None
            if getattr(failure.orig, "sqlstate", None) in ENDED:
                raise _Ended(failure) from None
            raise


def _hold_schema(conn: Connection, revision: str) -> None:
    """See that the schema is this one until the transaction ends; who migrates waits for it."""
    ((held, found),) = postgres.rows(
        conn, f"SELECT pg_try_advisory_xact_lock_shared({SCHEMA_LOCK}), (SELECT version_num FROM alembic_version)"
    )
    if not held or found != revision:
        raise OtherSchema


class _CameToNothing(Exception):
    def __init__(self, cause: DBAPIError) -> None:
        super().__init__()
        self.cause = cause


class _Broke(_CameToNothing):
    """Its connection, before the commit."""


class _Ended(_CameToNothing):
    """By the server, for another one's sake."""


def _check_durable(conn: Connection) -> None:
    for setting in ("fsync", "synchronous_commit"):
        if conn.exec_driver_sql(f"SHOW {setting}").scalar_one() == "off":
            raise BadDatabase(f"PostgreSQL runs with {setting}=off: a delivery that was answered could be lost; set it to on")

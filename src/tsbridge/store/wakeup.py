"""Waking the workers of other processes over PostgreSQL's notifications. A hint only: whoever misses it looks by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.backoff import LISTEN
from tsbridge.store import postgres
from tsbridge.store.db import Database
from tsbridge.store.postgres_side import NETWORK

CHANNEL: Final = "tsbridge"
INBOX: Final = "inbox"
WISHES: Final = "wishes"
_PATIENCE_S: Final = 1.0


def tell(conn: Connection, what: str, by: str = "") -> None:
    """Tell all listeners when this transaction commits, but for the process that this is said `by`, which wakes its own workers. Nothing on
    SQLite: there all workers are in one process."""
    if conn.dialect.name == "postgresql":
        postgres.rows(conn, "SELECT pg_notify(%s, %s)", (CHANNEL, f"{what}:{by}" if by else what))


class Listener:
    """A thread that hears what other processes tell and hands it on. Make one per process, on PostgreSQL."""

    def __init__(self, database: Database, heard: Callable[[str], None], name: str = "") -> None:
        """`heard` is called with `INBOX` or `WISHES`, on the listener's own thread. `name`: by which this process tells others."""
        url = database.url.set(drivername="postgresql")
        self._url = url.update_query_dict({name: str(value) for name, value in NETWORK.items() if name not in url.query}).render_as_string(
            hide_password=False
        )
        self._heard, self._name = heard, name
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tsbridge-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        import psycopg  # only here: a bridge on SQLite need not carry it in memory

        failures = 0
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5, application_name="tsbridge listener") as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    failures = 0
                    self._heard(INBOX)  # what was told while nobody listened
                    while not self._stopping.is_set():
                        for notice in connection.notifies(timeout=_PATIENCE_S):
                            what, _, by = notice.payload.partition(":")
                            if not by or by != self._name:
                                self._heard(what)
                            if self._stopping.is_set():
                                break
            except psycopg.Error:
                failures += 1
                self._stopping.wait(LISTEN.after(failures).total_seconds())

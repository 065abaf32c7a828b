"""Deliveries whose workers died, or that took too long to read: read one at a time, in a process of its own.

Only the delivery of which that process dies is quarantined. All others go on as any delivery does, however often their
workers were killed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.ports import Clock, Died
from tsbridge.store import claiming, inbox, isolated, leases, stored_values
from tsbridge.store.db import Database
from tsbridge.work.accounts import ACCOUNT
from tsbridge.work.ingest import PAUSE, Ingest
from tsbridge.work.rings import Read

LEASE: Final = timedelta(seconds=150)
"""Longer than two processes in a row may take, with what comes after them."""

log = logging.getLogger("tsbridge.alone")


class ReadsAlone(Protocol):
    """Reads a delivery in a process of its own. Raises `Died` when that dies of it, others when none can be had."""

    async def __call__(self, row: claiming.Claimed, mappings: Any, *, impressions: bool) -> Read: ...


class Alone:
    """Works through what must not be read in this process."""

    def __init__(self, database: Database, clock: Clock, read: ReadsAlone, ingest: Ingest, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._read = read
        self._ingest = ingest
        self._worker = leases.alone(worker)
        self._stranded = False  # whether a claim may be ours that nobody works on: the next one gives it back first

    async def round(self) -> bool:
        """Work on one. True when there was one."""
        stranded, self._stranded = self._stranded, True  # until it is heard what became of it
        row, mappings, accounts = await self._database.write(lambda conn: self._claim(conn, stranded))
        if row is not None:
            try:
                await self._ingest.take(await self._said(row, mappings), accounts)
            except Exception:  # not the delivery's fault, as in any batch
                due_at = self._clock.now() + PAUSE
                await self._database.write(lambda conn: isolated.later(conn, row, due_at))
                self._stranded = False
                raise
        self._stranded = False
        return row is not None

    def _claim(self, conn: Connection, stranded: bool) -> tuple[claiming.Claimed | None, Any, Mapping[str, str]]:
        isolated.leave(conn, claiming.taken(conn, self._worker) if stranded else ())
        row = isolated.claim(conn, self._worker, self._clock.now(), LEASE)
        mappings = None if row is None else stored_values.get(conn, stored_values.mappings(row.source))
        return row, mappings, stored_values.get(conn, ACCOUNT) or {}

    async def _said(self, row: claiming.Claimed, mappings: Any) -> Read:
        try:
            return await self._read(row, mappings, impressions=self._ingest.impressions)
        except Died:
            log.error("a delivery killed whoever read it", extra={"event_id": row.id})
            return Read(row, None, (), malformed=inbox.KILLS_ITS_READER, warnings=(inbox.KILLS_ITS_READER,))

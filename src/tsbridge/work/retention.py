"""What has been kept long enough goes, in steps so small that nobody notices."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.ports import Clock
from tsbridge.core.retention import Retention
from tsbridge.store import keep, retention
from tsbridge.store.db import Database
from tsbridge.store.retention import Step

LOOK_AGAIN: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(seconds=1)
"""Between two steps: everybody else's writes go in between."""
TURN: Final = "retention_turn"
ROWS: Final = 200
BYTES: Final = 2 * 1024 * 1024
"""Of one step, so that its transaction is over in some milliseconds."""


class Removal:
    """One step of each class a round. One process at a time. It goes by what is there, so it goes on where it was stopped."""

    def __init__(self, database: Database, clock: Clock, kept: Retention, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._kept = kept
        self._worker = worker
        self._next = clock.now()

    async def round(self) -> datetime:
        now = self._clock.now()
        if now < self._next:
            return self._next
        more = False
        if self._kept.bodies is not None:
            step = await self._database.write(partial(self._bodies, before=now - self._kept.bodies, now=now))
            more = step is not None and step.more
        self._next = now + (PAUSE if more else LOOK_AGAIN)
        return self._next

    def _bodies(self, conn: Connection, before: datetime, now: datetime) -> Step | None:
        if not keep.take_turn(conn, TURN, self._worker, now, 3 * LOOK_AGAIN):
            return None
        return retention.empty_bodies(conn, before, now, ROWS, BYTES)

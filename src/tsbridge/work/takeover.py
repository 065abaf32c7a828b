"""Workers notice when one of them is gone: what it had claimed, and the turns it had, are free at once instead of when they end.

Each process beats, and looks at the beats of the others. It counts looks, not time: a clock that is set, or a process that slept
itself, makes nobody dead. Whoever is taken for dead and is not loses nothing but its claims, which fence what it still does.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.ports import Clock
from tsbridge.store import leases
from tsbridge.store.availability import OtherSchema, unavailable
from tsbridge.store.db import Database
from tsbridge.store.views import DATABASE_FAILURES

EVERY: Final = timedelta(seconds=2)
SILENT: Final = 6
"""Looks, `EVERY` so often, at which another one's count stands still before it is taken for dead."""

log = logging.getLogger("tsbridge.takeover")


class Takeover:
    """Beats for this process and takes over from others."""

    def __init__(self, database: Database, clock: Clock, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._worker = worker
        self._own = 0
        self.alone = False
        """Whether no other worker was alive at the last look."""
        self._seen: dict[str, tuple[int, int]] = {}  # of each other one its count, and at how many looks it was that

    async def round(self) -> datetime:
        """One beat and one look."""
        try:
            gone, ended, again = await self._database.write(self._look)
        except DATABASE_FAILURES as failure:
            if unavailable(failure):  # nobody beats; whoever rested longer than others, as after other failures, would be taken for dead
                return self._clock.now() + EVERY
            raise
        if gone:
            log.warning("workers are gone: what they had is taken over", extra={"worker": ", ".join(gone), "count": ended})
        if again:
            log.warning("this worker was taken for dead: what it had claimed is somebody else's by now")
        return self._clock.now() + EVERY

    async def leave(self) -> bool:
        """Off: whatever was not given back is free at once. False where the database is away: it is free once others miss this worker."""
        now = self._clock.now()
        try:
            await self._database.write(lambda conn: leases.end_of(conn, self._worker, now))
        except DATABASE_FAILURES as failure:
            if isinstance(failure, OtherSchema) or not unavailable(failure):
                raise
            log.warning("the database is away: what this worker had is free once others miss it", extra={"kind": type(failure).__name__})
            return False
        return True

    def _look(self, conn: Connection) -> tuple[list[str], int, bool]:
        beats = dict(leases.beat(conn, self._worker))
        own = beats.pop(self._worker)
        taken_for_dead, self._own = own <= self._own, own
        before, self._seen = self._seen, {}
        gone: list[str] = []
        for worker, count in sorted(beats.items()):
            was, looks = before.get(worker, (count, 0))
            looks = looks + 1 if was == count else 0
            if looks > SILENT:
                gone.append(worker)
            else:
                self._seen[worker] = (count, looks)
        self.alone = not self._seen
        now = self._clock.now()
        return gone, sum(leases.end_of(conn, worker, now) for worker in gone), taken_for_dead

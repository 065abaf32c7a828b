"""What has been kept long enough goes, in steps so small that nobody notices."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock
from tsbridge.core.retention import Retention
from tsbridge.store import retention
from tsbridge.store.db import Database
from tsbridge.work.looks import Turn
from tsbridge.work.retiring import Retiring

LOOK_AGAIN: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(seconds=1)
"""Between two steps: everybody else's writes go in between."""
TURN: Final = "retention_turn"
ROWS: Final = 200
BYTES: Final = 2 * 1024 * 1024
"""Of one step, so that its transaction is over in some milliseconds."""


class Removal:
    """One step of each class a round. One process at a time. It goes by what is there, so it goes on where it was stopped."""

    def __init__(self, database: Database, clock: Clock, kept: Retention, worker: str, retiring: Retiring) -> None:
        self._database = database
        self._clock = clock
        self._kept = kept
        self._retiring = retiring
        self._turn = Turn(database, clock, worker, TURN, LOOK_AGAIN, 3 * LOOK_AGAIN)

    async def round(self) -> datetime:
        if await self._turn.mine():
            now, more = self._clock.now(), False
            if (span := self._kept.bodies) is not None:
                step = partial(retention.empty_bodies, before=now - span, now=now, rows=ROWS, most_bytes=BYTES)
                more |= (await self._database.write(step)).more
            if (span := self._kept.texts) is not None:
                more |= (await self._retiring.step(now - span)).more
            if more:
                self._turn.next = now + PAUSE
        return self._turn.next

"""What is personal comes under the newest data key, in steps so small that nobody notices (ADR 24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock
from tsbridge.store import rekeying, stored_values
from tsbridge.store.db import Database

LOOK_AGAIN: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(milliseconds=200)
"""Between two steps: everybody else's writes go in between."""
TURN: Final = "rekeying_turn"


class Rekeying:
    """One step a round. One process at a time."""

    def __init__(self, database: Database, clock: Clock, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._worker = worker
        self._next = clock.now()

    async def round(self) -> datetime:
        now = self._clock.now()
        if now < self._next:
            return self._next
        self._next = now + LOOK_AGAIN
        vault = self._database.data_keys.vault
        if vault.newest is None:
            return self._next
        if await self._database.write(lambda conn: stored_values.take_turn(conn, TURN, self._worker, now, 3 * LOOK_AGAIN)):
            due = await self._database.write(partial(rekeying.step, vault=vault, now=now))
            if due is not None:
                self._next = max(now + PAUSE, min(due, self._next))
        return self._next

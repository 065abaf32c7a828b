"""What is personal comes under the newest data key, in steps so small that nobody notices (ADR 24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock
from tsbridge.store import rekeying
from tsbridge.store.db import Database
from tsbridge.work.looks import Turn

LOOK_AGAIN: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(milliseconds=200)
"""Between two steps: everybody else's writes go in between."""
TURN: Final = "rekeying_turn"


class Rekeying:
    """One step a round. One process at a time."""

    def __init__(self, database: Database, clock: Clock, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._turn = Turn(database, clock, worker, TURN, LOOK_AGAIN, 3 * LOOK_AGAIN)

    async def round(self) -> datetime:
        now, vault = self._clock.now(), self._database.data_keys.vault
        if await self._turn.mine() and vault.newest is not None:
            due = await self._database.write(partial(rekeying.step, vault=vault, now=now))
            if due is not None:
                self._turn.next = max(now + PAUSE, min(due, self._turn.next))
        return self._turn.next

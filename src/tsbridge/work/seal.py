"""The sealer: what was decided and committed gets its place in the chain within a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock
from tsbridge.store import sealing
from tsbridge.store.db import Database

LOOK: Final = timedelta(milliseconds=800)
"""How often it looks by itself: others decide, too."""
PACE: Final = timedelta(milliseconds=200)
"""The least time from one sealing to the next: what was decided meanwhile is sealed with one commit."""


class Sealer:
    """Seals everything that waits. Every process may have one; the database lets one at a time work."""

    def __init__(self, database: Database, clock: Clock, alarm: Callable[..., None]) -> None:
        self._database = database
        self._clock = clock
        self._alarm = alarm
        self._sealed_at: datetime | None = None
        self._refused: frozenset[int] = frozenset()

    async def round(self) -> datetime | None:
        """Seal what waits. Returns when it may seal again, None where nothing is known to wait."""
        now = self._clock.now()
        if self._sealed_at is not None and self._sealed_at <= now < self._sealed_at + PACE:
            return self._sealed_at + PACE
        if await self._database.read(sealing.any_wait):
            await self.seal()
            self._sealed_at = now
        return None

    async def seal(self) -> None:
        """Seal all that waits now."""
        refused: set[int] = set()
        after: int | None = sealing.LOWEST
        while after is not None:
            done = await self._database.write(partial(sealing.seal, after=after))
            refused.update(done.refused)
            after = done.last
        if more := refused - self._refused:
            self._alarm("seal_refused", count=len(more))
        self._refused = frozenset(refused)

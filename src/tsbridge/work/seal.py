"""The sealer: what was decided and committed gets its place in the chain within a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock
from tsbridge.store import sealing
from tsbridge.store.db import Database

LOOK: Final = timedelta(milliseconds=600)
"""How often it looks by itself: others decide, too."""
DELAY: Final = timedelta(milliseconds=300)
"""How long what is found waits, so that what is decided meanwhile is sealed by the same commit."""


class Sealer:
    """Seals everything that waits. Every process may have one; the database lets one at a time work."""

    def __init__(self, database: Database, clock: Clock, alarm: Callable[..., None]) -> None:
        self._database = database
        self._clock = clock
        self._alarm = alarm
        self._due: datetime | None = None
        self._refused: frozenset[int] = frozenset()

    async def round(self) -> datetime | None:
        """Seal what has waited. Returns when it seals what waits now, None where nothing is known to wait."""
        now = self._clock.now()
        if self._due is None:
            self._due = now + DELAY if await self._database.read(sealing.any_wait) else None
        elif not self._due - DELAY <= now < self._due:
            self._due = None
            await self.seal()
        return self._due

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

"""What no task of this process can know by itself: that another process has written to the database, and that the clock was set."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from tsbridge.core.ports import Clock

LOOK: Final = timedelta(seconds=1)
APART: Final = timedelta(seconds=1)
"""So far the clock parts from a steady one before tasks look what the time is."""

log = logging.getLogger("tsbridge.changes")


class Changes:
    """`steady`: seconds that pass evenly, whatever becomes of the clock. `look`: whether anybody has written. `clock_set`: called when the
    clock was set, or the machine has slept: what was to come at an instant may have come."""

    def __init__(
        self, clock: Clock, steady: Callable[[], float], look: Callable[[], Awaitable[None]], clock_set: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._look = look
        self._clock_set = clock_set
        self._begun = clock.now() - timedelta(seconds=steady())

    async def round(self) -> None:
        begun = self._clock.now() - timedelta(seconds=self._steady())
        if abs(by := begun - self._begun) > APART:
            self._begun = begun
            log.warning("the clock was set", extra={"seconds": by.total_seconds()})
            self._clock_set()
        await self._look()

"""When a task looks next. A clock that was set back holds nobody up: what was looked at later than now is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from tsbridge.core.ports import Clock
from tsbridge.store import stored_values
from tsbridge.store.db import Database


class Looks:
    """Every so often, from now on. `next`: when, and whoever looks may set it."""

    def __init__(self, clock: Clock, every: timedelta) -> None:
        self._clock = clock
        self._every = every
        self._looked = self.next = clock.now()

    def due(self) -> bool:
        """Whether it is time; then the next time is so much later."""
        now = self._clock.now()
        if self._looked <= now < self.next:
            return False
        self._looked, self.next = now, now + self._every
        return True


class Turn:
    """A look that one process at a time takes: whoever has the turn `name` keeps it `lasts` beyond each look."""

    def __init__(self, database: Database, clock: Clock, worker: str, name: str, every: timedelta, lasts: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._looks = Looks(clock, every)
        self._take = partial(stored_values.take_turn, name=name, who=worker, span=lasts)

    @property
    def next(self) -> datetime:
        return self._looks.next

    @next.setter
    def next(self, at: datetime) -> None:
        self._looks.next = at

    async def mine(self) -> bool:
        """Whether it is time, and ours to look."""
        return self._looks.due() and await self._database.write(partial(self._take, now=self._clock.now()))

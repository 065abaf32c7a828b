"""After a clock that was ahead is set right nothing waits for the wrong time (`store.misdated`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock
from tsbridge.store import misdated
from tsbridge.store.db import Database

EVERY: Final = timedelta(minutes=1)


class Misdated:
    """Looks at once when the clock was set back, and every minute for what a clock dated that was set right while nobody looked."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._looked = self._next = clock.now()

    async def round(self) -> datetime:
        """Have everything due that waits for a time which was wrong; returns when to look again."""
        now = self._clock.now()
        set_back = now < self._looked
        self._looked = now
        if set_back or now >= self._next:
            self._next = now + EVERY
            for kind in misdated.due(now) if set_back else await self._database.read(partial(misdated.found, now=now)):
                await self._database.write(partial(misdated.make_due, kind=kind, now=now, set_back=set_back))
            for kind in misdated.LEASES if set_back else ():
                await self._database.write(partial(misdated.end_soon, kind=kind, now=now))
            if set_back or await self._database.read(partial(misdated.is_closed, now=now)):
                await self._database.write(partial(misdated.open_again, now=now))
        return self._next

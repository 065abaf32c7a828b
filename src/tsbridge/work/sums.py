"""What history is asked about is summed up beside the work: what decisions are found by, and what connections counted that are gone."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

from tsbridge.core.ports import Clock
from tsbridge.store import counted, facets
from tsbridge.store.db import Database
from tsbridge.work.looks import Looks

FOLD_AGAIN: Final = timedelta(hours=1)


class Sums:
    """Sums up. Every process may have one; the database lets one at a time work."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._folds = Looks(clock, FOLD_AGAIN)

    async def round(self) -> bool:
        """Sum up a block of decisions; True where there may be another one."""
        now = self._clock.now()
        if self._folds.due():
            await self._database.write(counted.fold)
        return await self._database.read(facets.any_whole) and await self._database.write(partial(facets.sum_up, now=now))

"""Whether a vendor lets itself be read, noted for whoever looks how we are."""

from __future__ import annotations

from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.ports import Clock
from tsbridge.store import upstreams
from tsbridge.store.db import Database


class Answered:
    """Notes how the reads of one task end; a write only when that changes."""

    def __init__(self, database: Database, clock: Clock, task: str) -> None:
        self._database = database
        self._clock = clock
        self._task = task

    async def note(self, failure: VendorError | None) -> None:
        """How a read ended; None: well."""
        reason = None if failure is None else failure.reason
        known = await self._database.read(lambda conn: upstreams.failing(conn).get(self._task))
        if (known.reason if known is not None else None) == reason:
            return
        refused = failure is not None and not isinstance(failure, TryLater)
        now = self._clock.now()
        await self._database.write(lambda conn: upstreams.note(conn, self._task, reason, refused, now))

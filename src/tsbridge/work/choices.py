"""Reads the definitions of Zendesk's drop-downs now and then, so that their tags and values are planned as one thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.ports import Clock
from tsbridge.store import choices
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.tickets import choices_of
from tsbridge.work.reads import ReadBudget

EVERY: Final = timedelta(hours=1)
SOON: Final = timedelta(minutes=1)


class Zendesk(Protocol):
    """What is asked of Zendesk."""

    async def every(self, path: str, name: str) -> list[Mapping[str, Any]]: ...


class Definitions:
    """One look an hour, of all processes together; while Zendesk cannot be asked, what was read last goes on counting."""

    def __init__(self, database: Database, clock: Clock, zendesk: Zendesk, reads: ReadBudget) -> None:
        self._database = database
        self._clock = clock
        self._zendesk = zendesk
        self._reads = reads

    async def round(self) -> datetime:
        """Read the definitions when those kept are too old; returns when to come again."""
        now, at = self._clock.now(), await self._database.read(choices.read_at)
        if at is not None and at <= now < at + EVERY:
            return at + EVERY
        if not await self._reads.take("people", 1):
            return await self._reads.next_free("people")
        try:
            fields = await self._zendesk.every("ticket_fields.json", "ticket_fields")
        except TryLater as wait:
            return now + max(wait.after or SOON, SOON)
        except VendorError:
            return now + EVERY
        await self._database.write(lambda conn: choices.put(conn, choices_of(fields), now))
        return now + EVERY

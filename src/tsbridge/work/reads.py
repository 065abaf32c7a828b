"""The permits that reading Zendesk needs: one account's limit for every process and every reader, and waiting as told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core import reads as allowance
from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.ports import Clock
from tsbridge.store import budget
from tsbridge.store.db import Database

PER_MINUTE: Final = 120
EXPORTS_PER_MINUTE: Final = 7
"""Of the ten that Zendesk allows an account; the rest belongs to its other programs."""
ASK_AGAIN: Final = timedelta(seconds=5)
"""How long nobody reads after Zendesk did not answer: until then first impressions count at once."""
TOLD_NOTHING: Final = timedelta(seconds=10)
"""How long to wait when Zendesk told us to, and not how long."""
TOLD_TO_WAIT: Final = ("rate_limited", "unavailable")

Reader = Literal["severe", "rings", "facts", "people", "catching_up", "export"]
SHARE: Final[dict[Reader, float]] = {"severe": 1.0, "export": 1.0, "rings": 0.8, "facts": 0.8, "people": 0.8, "catching_up": 0.5}
"""Of a minute's reads, the part that each may use up: the rest is left to the more urgent. A severity 1 never waits for what was
missed yesterday."""


class ReadBudget:
    """The account's reads, `per_minute` for all processes together; what Zendesk tells of its own limit is obeyed besides."""

    def __init__(self, database: Database, clock: Clock, per_minute: int = PER_MINUTE) -> None:
        self._database = database
        self._clock = clock
        self.per_minute = per_minute

    async def take(self, reader: Reader, wanted: int) -> int:
        """How many of the wanted reads may be made now; these are counted as made."""
        if wanted < 1:
            return 0
        now = self._clock.now()
        return await self._database.write(lambda conn: self._take(conn, reader, wanted, now))

    async def next_free(self, reader: Reader) -> datetime:
        """When the next read may be made."""
        now = self._clock.now()

        def look(conn: Connection) -> datetime:
            due = allowance.next_free(budget.reads(conn), self._limit(conn, reader), now)
            if reader == "export":
                due = max(due, allowance.next_free(budget.reads(conn, budget.EXPORTS), EXPORTS_PER_MINUTE, now))
            return max(due, _told_to_wait(conn, now) or now)

        return await self._database.read(look)

    async def failed(self, failure: VendorError | None, reader: Reader = "rings") -> None:
        """A read was not answered (None: not in time). Nobody reads for a while, or as long as Zendesk told us to wait."""
        now = self._clock.now()
        told = isinstance(failure, TryLater) and failure.waiting
        until = now + (((failure.after if isinstance(failure, TryLater) else None) or TOLD_NOTHING) if told else ASK_AGAIN)

        def wait(conn: Connection) -> None:
            name = budget.EXPORTS if reader == "export" else budget.READS
            budget.change_reads(conn, name, lambda reads: allowance.wait_until(reads, until))
            if told and failure is not None and reader != "export":  # the account's limit is the writer's, too
                budget.change(conn, lambda shared: flow.wait_until(shared, until, failure.reason))

        await self._database.write(wait)

    def _take(self, conn: Connection, reader: Reader, wanted: int, now: datetime) -> int:
        if _told_to_wait(conn, now) is not None:
            return 0
        if reader == "export":
            wanted = self._change(conn, budget.EXPORTS, reader, EXPORTS_PER_MINUTE, wanted, now)
        return self._change(conn, budget.READS, reader, self._limit(conn, reader), wanted, now)

    def _change(self, conn: Connection, name: str, reader: Reader, limit: int, wanted: int, now: datetime) -> int:
        taken = 0

        def take(reads: allowance.Reads) -> allowance.Reads:
            nonlocal taken
            reads, taken = allowance.take(reads, reader, limit, wanted, now)
            return reads

        budget.change_reads(conn, name, take)
        return taken

    def _limit(self, conn: Connection, reader: Reader) -> int:
        """What of the minute's reads this reader may use, within our share of the account's own limit."""
        told = dict(budget.load(conn).limits).get("account")
        whole = self.per_minute if told is None else min(self.per_minute, told * flow.SHARE)
        return max(1, int(whole * SHARE[reader]))


def _told_to_wait(conn: Connection, now: datetime) -> datetime | None:
    """Until when Zendesk told anybody of us to wait."""
    shared = budget.load(conn)
    return flow.closed(shared, now) if shared.reason in TOLD_TO_WAIT else None

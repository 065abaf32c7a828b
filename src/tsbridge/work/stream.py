"""The export of ticket events: which updates nobody rang for, and in a storm what happened to every ticket, a thousand updates a call.

One process at a time reads it, from a place that is kept. Up to that place every update of every ticket was heard or its ticket is
noted to be read: so rows that tell all of their updates are heard from here, and a ticket of which one does not is noted to be
read alone. What a look finds is told when it has come to the end, for a ticket's rows may stand on several pages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.errors import GiveUp, VendorError
from tsbridge.core.failed_at import failed_at
from tsbridge.core.moments import Moment, instant_text
from tsbridge.core.ports import Clock
from tsbridge.store import intents, moments, stored_values
from tsbridge.store import wanted_facts as wanted
from tsbridge.store.db import Database
from tsbridge.vendors import reading
from tsbridge.vendors.reading import whole_id
from tsbridge.vendors.zendesk.event_export import audits_of, merger_in, says_anything
from tsbridge.vendors.zendesk.read_audits import Planned, moments_of
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.bound import Bound, unbound
from tsbridge.work.hearing import STREAM, Heard, storm
from tsbridge.work.histories import number
from tsbridge.work.loop import LEASE
from tsbridge.work.reads import ReadBudget

EVERY: Final = timedelta(minutes=2)
IN_A_STORM: Final = timedelta(seconds=20)
SOON: Final = timedelta(seconds=5)
OVERLAP: Final = timedelta(minutes=5)
"""How far back the first look goes."""
NEWEST: Final = timedelta(seconds=65)
"""The export leaves out the newest minute."""
SKEW: Final = timedelta(seconds=61)
"""How far Zendesk's clock and ours may be apart, where a page ends in the middle."""
MERGE: Final = timedelta(minutes=5)
"""So far apart the export may tell of the two tickets of a merge."""
LONG_AGO: Final = timedelta(days=1)
MOST: Final = 10_000
"""Rows with news that are kept in memory at most."""
TOGETHER: Final = 50
"""Tickets told in one transaction."""
Row = Mapping[str, Any]

log = logging.getLogger("tsbridge.stream")


class Zendesk(Protocol):
    """The question asked of Zendesk; the answer is its own JSON."""

    server_time: datetime | None
    """When it last answered, by its own clock."""

    async def ticket_events(self, start_time: int) -> Mapping[str, Any]: ...


class Stream:
    """Reads the export. `own`: whom we write as; `hear`: takes what was heard; `wake`: there are tickets to be read."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        zendesk: Zendesk,
        own: Callable[[], OwnUser],
        worker: str,
        reads: ReadBudget,
        hear: Callable[[Heard], Awaitable[None]],
        wake: Callable[[], None],
        bound: Bound = unbound,
    ) -> None:
        """`bound`: how long the rows of one ticket may be read."""
        self._bound = bound
        self._database = database
        self._clock = clock
        self._zendesk = zendesk
        self._own = own
        self._worker = worker
        self._reads = reads
        self._hear = hear
        self._wake = wake
        self._looked_at: datetime | None = None
        self._from: int | None = None
        self._news: dict[str, dict[str, Row]] = {}  # by ticket and audit
        self._newest: datetime | None = None  # of the rows seen
        self._mergers: dict[str, datetime] = {}  # who merged tickets, and when last

    async def round(self) -> datetime | bool:
        """Read one page when it is time to; returns when to look again, True for at once."""
        now = self._clock.now()
        if self._own().id is None:
            return now + SOON  # until we know who we are, our own updates would look like somebody's
        if self._looked_at is not None:
            stormy = await self._database.read(lambda conn: storm(conn, self._reads))
            look_at = self._looked_at + (IN_A_STORM if stormy else EVERY)
            if self._looked_at <= now < look_at:
                return look_at if stormy else min(look_at, now + IN_A_STORM)  # a storm may begin
        if not await self._database.write(lambda conn: stored_values.take_turn(conn, f"{STREAM}_lease", self._worker, now, LEASE)):
            self._looked_at, self._from, self._news = now, None, {}  # somebody else goes on from the place that is kept
            return now + EVERY
        if not await self._reads.take("export", 1):
            return await self._reads.next_free("export")
        try:
            return await self._page(now)
        except VendorError as failure:
            await self._reads.failed(failure, "export")
            if isinstance(failure, GiveUp):
                await self._database.write(lambda conn: self._refused(conn, now))
            self._looked_at = now
            return now + EVERY

    async def _page(self, now: datetime) -> datetime | bool:
        begin = self._from if self._from is not None else await self._place(now)
        shown = await self._zendesk.ticket_events(begin)
        if self._from is None and await self._place(now) < begin:
            return True  # a first look, and only by this answer Zendesk's clock is known
        await self._gather(shown.get("ticket_events") or ())
        self._from = reached = max(begin, _seconds(shown.get("end_time")) or 0)
        end = bool(shown.get("end_of_stream")) or reached == begin  # a page that leads nowhere would be read for ever
        if end:
            await self._tell_all(self._behind(now))
            self._looked_at = now
            return now + IN_A_STORM
        if self._rows() > MOST:
            await self._tell_ready(datetime.fromtimestamp(reached, UTC) - SKEW)
            await self._let_go()
        return True

    async def _place(self, now: datetime) -> int:
        """Where to go on; the first look begins a little before now."""
        kept = await self._database.read(lambda conn: stored_values.get(conn, STREAM))
        return int(kept["from"]) if kept else self._first(now)

    def _first(self, now: datetime) -> int:
        """A little before now. A clock of ours that is ahead would have what happens until then passed by: Zendesk's own counts, too."""
        return int((min(now, self._zendesk.server_time or now) - OVERLAP).timestamp())

    def _refused(self, conn: Connection, now: datetime) -> None:
        """Zendesk has no such export, or not for us: until it has, changes are told by the export of tickets, from this place on."""
        kept = stored_values.get(conn, STREAM) or {"from": self._first(now), "behind": None}
        stored_values.put(conn, STREAM, {**kept, "refused": True})

    def _behind(self, now: datetime) -> datetime:
        """What was received up to then is told by an export that has come to its end, unless its clock is another one than ours."""
        return min(now - NEWEST, self._newest + SKEW) if self._newest is not None else now - LONG_AGO

    async def _gather(self, rows: Sequence[Any]) -> None:
        """Keep the rows that tell something new."""
        tickets: dict[str, dict[str, Row]] = {}
        for row in rows:
            if isinstance(row, Mapping) and says_anything(row) and (ticket := whole_id(row.get("ticket_id"))) is not None:
                tickets.setdefault(ticket, {})[number(row)] = row
                at = reading.time(row.get("created_at"))
                self._newest = max((one for one in (self._newest, at) if one is not None), default=None)
                if at is not None and (merger := merger_in(row)) is not None:
                    self._mergers[merger] = at
        self._mergers = {who: at for who, at in self._mergers.items() if self._newest is not None and at >= self._newest - MERGE}
        known = await self._database.read(lambda conn: moments.audits_heard(conn, list(tickets)))
        for ticket, found in tickets.items():
            if news := {audit: row for audit, row in found.items() if audit not in known.get(ticket, ())}:
                self._news.setdefault(ticket, {}).update(news)

    async def _tell_all(self, behind: datetime) -> None:
        """At the end: tell everything, keep the place, and see to those that rang before and were told or not."""
        await self._tell(list(self._news), behind)
        left, known = await self._database.read(lambda conn: self._left(conn, behind))
        await self._told({ticket: () for ticket in left if ticket in known}, behind)
        alone = [ticket for ticket in left if ticket not in known]
        await self._database.write(lambda conn: self._keep(conn, behind, alone))
        if alone:
            self._wake()

    async def _tell_ready(self, behind: datetime) -> None:
        """On the way: tell the tickets of which no ring is known that may have rows to come. The place is kept only at the end."""
        open_ = await self._database.read(lambda conn: wanted.of(conn, list(self._news)))
        rang = {ticket: one.rang_at for ticket, one in open_.items() if one.rang_at is not None}
        await self._tell([ticket for ticket in self._news if ticket not in rang or rang[ticket] <= behind], behind)

    async def _let_go(self) -> None:
        """What is too much, once all is told that can be: those seen first have rung since then, and are read on their own instead."""
        over: list[str] = []
        rows = self._rows()
        while rows > MOST:
            over.append(next(iter(self._news)))
            rows -= len(self._news.pop(over[-1]))
        if over:
            now = self._clock.now()
            await self._database.write(lambda conn: wanted.want_read(conn, over, now, now, alone=True))
            log.warning("more of an export waits than is kept: tickets are read on their own", extra={"count": len(over)})
            self._wake()

    def _rows(self) -> int:
        return sum(map(len, self._news.values()))

    async def _tell(self, tickets: Sequence[str], behind: datetime) -> None:
        for start in range(0, len(tickets), TOGETHER):
            await self._tell_some(tickets[start : start + TOGETHER], behind)

    async def _tell_some(self, tickets: Sequence[str], behind: datetime) -> None:
        heard, alone = await self._read(tickets)
        await self._told(heard, behind)
        now = self._clock.now()
        if alone:
            await self._database.write(lambda conn: wanted.want_read(conn, alone, now, now, alone=True))
            self._wake()
        for ticket in tickets:
            del self._news[ticket]

    async def _told(self, heard: Mapping[str, Sequence[Moment]], behind: datetime) -> None:
        tickets = sorted(heard)
        for start in range(0, len(tickets), TOGETHER):
            await self._hear(Heard({ticket: heard[ticket] for ticket in tickets[start : start + TOGETHER]}, behind=behind))

    async def _read(self, tickets: Sequence[str]) -> tuple[dict[str, Sequence[Moment]], list[str]]:
        """What the rows of these tickets tell, and those of which they do not tell all, or which cannot be read."""

        def known(conn: Connection) -> tuple[Any, Any, dict[str, str | None]]:
            before = {ticket: moments.requester_before(conn, ticket, min(self._news[ticket])) for ticket in tickets}
            return wanted.of(conn, tickets), intents.plans_of(conn, tickets), before

        open_, plans, before = await self._database.read(known)
        heard: dict[str, Sequence[Moment]] = {}
        alone: list[str] = []
        for ticket in tickets:
            read = partial(self._moments, ticket, plans[ticket].get, before[ticket])
            try:
                told = None if ticket in open_ and open_[ticket].alone else self._bound(read)
            except Exception as failure:  # a fault of ours that this ticket met, and no other's affair: its audits are read
                log.error("rows could not be read", extra={"ticket": ticket, "kind": type(failure).__name__, "where": failed_at(failure)})
                await asyncio.sleep(0)  # should they all be like this: the door comes in between
                told = None
            if told is None:
                alone.append(ticket)
            else:
                heard[ticket] = told
        return heard, alone

    def _moments(self, ticket: str, planned: Planned, requester: str | None) -> Sequence[Moment] | None:
        audits = audits_of(self._news[ticket].values(), self._own().id, requester, self._mergers.keys())
        return None if audits is None else moments_of(ticket, audits, planned, requester)

    def _left(self, conn: Connection, behind: datetime) -> tuple[list[str], Mapping[str, object]]:
        left = wanted.behind(conn, behind, MOST)
        return left, moments.audits_heard(conn, left)

    def _keep(self, conn: Connection, behind: datetime, alone: Sequence[str]) -> None:
        now = self._clock.now()
        wanted.want_read(conn, alone, now, now, alone=True)
        stored_values.put(conn, STREAM, {"from": self._from, "behind": instant_text(behind)})


def _seconds(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else None

"""How tickets are heard: a delivery rings, the ticket's audits tell (ADR 9).

Each ticket that rang is read once for all its rings. When Zendesk cannot be asked soon enough, the deliveries' first
impression is judged, the ticket is noted, and the audits replace it when they come. When more tickets rang than a minute's reads
can tell, they are left to the export of ticket events (`work.stream`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from tsbridge.core.errors import GiveUp, VendorError
from tsbridge.core.failed_at import failed_at
from tsbridge.core.moments import Moment, read_instant
from tsbridge.core.ports import CLOCKS_APART, Clock
from tsbridge.store import intents, stored_values
from tsbridge.store import wanted_facts as wanted
from tsbridge.store.db import Database
from tsbridge.store.moments import audits_heard, requester_before
from tsbridge.store.wanted_facts import Wanted
from tsbridge.vendors.zendesk.read_audits import Planned, channel_warnings, moments_of, requester_at_first, tells_creation
from tsbridge.work.bound import Bound, unbound
from tsbridge.work.histories import CUT, History, Zendesk, history, number
from tsbridge.work.reads import ReadBudget, Reader

PATIENCE_S: Final = 2.0
"""How long a batch waits for Zendesk before first impressions count."""
LONGER_S: Final = 20.0
"""How long it may take where nobody waits for it."""
AT_ONCE: Final = 8
STREAM: Final = "zendesk_events"
"""Kept: how far the export of ticket events was read, `{"from": <unix seconds>, "behind": <time of receipt>}`, and `"refused": true`
while Zendesk refuses it."""

T = TypeVar("T")

log = logging.getLogger("tsbridge.hearing")


@dataclass(frozen=True, slots=True)
class Heard:
    """What reading some tickets brought.

    `moments`: what the audits of each tell; `gone`: tickets that have none to be read, ever; `unasked`: those that nobody asked
    for, for want of a permit; `known`: those whose rings the export had told before; `behind`: what was received up to then is told
    by what was read; `warnings`: what of a ticket's creation could not be taken as it was said.
    """

    moments: Mapping[str, Sequence[Moment]] = field(default_factory=dict, hash=False)
    gone: frozenset[str] = frozenset()
    unasked: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    behind: datetime | None = None
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


class Hearing:
    """Reads tickets' audits. Without a Zendesk to ask, deliveries are all there is and nothing is a first impression."""

    def __init__(self, database: Database, clock: Clock, zendesk: Zendesk | None, reads: ReadBudget, bound: Bound = unbound) -> None:
        """`bound`: how long the audits of one ticket may be read."""
        self._bound = bound
        self._database = database
        self._clock = clock
        self._zendesk = zendesk
        self._reads = reads

    @property
    def asks(self) -> bool:
        """Whether deliveries about tickets are only first impressions here."""
        return self._zendesk is not None

    async def answer(self, rung: Mapping[str, str | None], received: Mapping[str, datetime]) -> Heard:
        """What the audits of tickets that rang tell. `rung`: whose each is as far as its deliveries tell; `received`: when it rang last.

        What the export told behind a ring is not read again; in a storm nothing is read here.
        """
        if not self.asks or not rung:
            return Heard()
        stormy, known = await self._database.read(lambda conn: self._look(conn, list(rung), received))
        rest = {ticket: requester for ticket, requester in rung.items() if ticket not in known}
        heard = Heard(unasked=frozenset(rest)) if stormy else await self.read(rest)
        return replace(heard, known=known)

    async def catch_up(self, unread: Sequence[Wanted]) -> Heard:
        """What the audits of tickets that were left tell; in a storm only of those that the export cannot tell."""
        if not unread:
            return Heard()
        stormy = await self._database.read(lambda conn: storm(conn, self._reads))
        now = [one.ticket for one in unread if not one.alone]
        alone = [one.ticket for one in unread if one.alone]
        first = Heard(unasked=frozenset(now)) if stormy else await self.read(dict.fromkeys(now), patience=LONGER_S)
        then = await self.read(dict.fromkeys(alone), "catching_up", LONGER_S)
        earliest = min((one.behind for one in (first, then) if one.behind is not None), default=None)
        return Heard(
            {**first.moments, **then.moments},
            first.gone | then.gone,
            first.unasked | then.unasked,
            behind=earliest,
            warnings={**first.warnings, **then.warnings},
        )

    def _look(self, conn: Connection, tickets: Sequence[str], received: Mapping[str, datetime]) -> tuple[bool, frozenset[str]]:
        kept = stored_values.get(conn, STREAM)
        behind = read_instant(kept["behind"]) if kept and kept["behind"] else None
        if behind is not None and behind > self._clock.now() + CLOCKS_APART:
            behind = None  # so said a clock that was ahead
        early = [ticket for ticket in tickets if behind is not None and received[ticket] <= behind]
        unread = wanted.of(conn, early).keys()
        known = frozenset(audits_heard(conn, early).keys() - unread)
        return storm(conn, self._reads, len(tickets) - len(known)), known

    async def read(self, requesters: Mapping[str, str | None], reader: Reader = "rings", patience: float = PATIENCE_S) -> Heard:
        """What the audits of these tickets tell; tickets that could not be read, or not yet, are left out.

        `requesters`: of each ticket to read, whose it is as far as its deliveries tell.
        """
        tickets = list(requesters)
        if self._zendesk is None or not tickets:
            return Heard(unasked=frozenset(tickets))
        behind = self._clock.now()
        allowed = tickets[: await self._reads.take(reader, len(tickets))]
        found, gone = await self._ask(self._zendesk, allowed, reader, patience) if allowed else ({}, set())
        unasked = frozenset(tickets) - frozenset(allowed)
        if not found:
            return Heard(gone=frozenset(gone), unasked=unasked)
        told, warnings = await self._told(found, requesters)
        nothing = {ticket for ticket, moments in told.items() if not moments}
        heard = {ticket: moments for ticket, moments in told.items() if moments}
        return Heard(heard, frozenset(gone | nothing), unasked, behind=behind, warnings=warnings)

    async def _told(
        self, found: Mapping[str, History], requesters: Mapping[str, str | None]
    ) -> tuple[dict[str, tuple[Moment, ...]], dict[str, tuple[str, ...]]]:
        """What these audits tell of each ticket, and what of it could not be taken as it was said."""
        first = await self._each({ticket: partial(_begins, read) for ticket, read in found.items()})

        def known(conn: Connection) -> tuple[Mapping[str, Mapping[str, Any]], dict[str, str | None]]:
            before = {ticket: requester_before(conn, ticket, audit) for ticket, audit in first.items() if audit is not None}
            return intents.plans_of(conn, list(first)), before

        plans, before = await self._database.read(known)
        read = {
            ticket: partial(_says, ticket, found[ticket], plans[ticket].get, first[ticket], before.get(ticket), requesters[ticket])
            for ticket in first
        }
        said = await self._each(read)
        return {ticket: one[0] for ticket, one in said.items()}, {ticket: one[1] for ticket, one in said.items()}

    async def _each(self, work: Mapping[str, Callable[[], T]]) -> dict[str, T]:
        """What comes of reading each ticket's audits, of those that can be read, and within the time there is for one."""
        done: dict[str, T] = {}
        for ticket, reads in work.items():
            try:
                done[ticket] = self._bound(reads)
            except Exception as failure:  # a fault of ours that this ticket met: as if it could not be read yet, and no other's affair
                log.error("audits could not be read", extra={"ticket": ticket, "kind": type(failure).__name__, "where": failed_at(failure)})
                await asyncio.sleep(0)  # should they all be like this: the door comes in between
        return done

    async def _ask(self, zendesk: Zendesk, tickets: Sequence[str], reader: Reader, patience: float) -> tuple[dict[str, History], set[str]]:
        """The audits of these tickets, as many as come in time; and which tickets are gone."""
        found: dict[str, History] = {}
        gone: set[str] = set()
        failed: list[VendorError | None] = []
        gate = asyncio.Semaphore(AT_ONCE)

        async def permit() -> bool:
            return await self._reads.take(reader, 1) == 1

        async def one(ticket: str) -> None:
            async with gate:
                if failed:
                    return
                try:
                    if (read := await history(zendesk, ticket, self._heard, permit)) is not None:
                        found[ticket] = read
                except GiveUp as final:
                    if final.reason == "deleted":
                        gone.add(ticket)
                except VendorError as failure:
                    failed.append(failure)

        try:
            async with asyncio.timeout(patience), asyncio.TaskGroup() as group:
                for ticket in tickets:
                    group.create_task(one(ticket))
        except TimeoutError:  # what came in time counts
            if not (found or gone):
                failed.append(None)
        if failed:
            await self._reads.failed(failed[0])
        return found, gone

    async def _heard(self, ticket: str) -> set[str]:
        return await self._database.read(lambda conn: audits_heard(conn, [ticket]).get(ticket, set()))


def _begins(read: History) -> str | None:
    """The first of these audits where they begin in the middle of a ticket's life; None where they begin with it."""
    return None if tells_creation(read.audits) else min(map(number, read.audits), default="")


def _says(
    ticket: str, read: History, planned: Planned, first: str | None, before: str | None, otherwise: str | None
) -> tuple[tuple[Moment, ...], tuple[str, ...]]:
    """The moments of a ticket's audits, and warnings. Whose it is, where they begin in the middle: as heard `before` them, else as the
    first change says, else as the deliveries told."""
    requester = None if first is None else before or requester_at_first(read.audits) or otherwise
    warnings = (*channel_warnings(read.audits), *((CUT,) if read.cut else ()))
    return moments_of(ticket, read.audits, planned, requester), warnings


def storm(conn: Connection, reads: ReadBudget, more: int = 0) -> bool:
    """Whether more tickets wait to be read, with as many `more`, than a minute's reads can tell, and the export may tell them."""
    if wanted.waiting(conn, int(reads.per_minute) + 1) + more <= reads.per_minute:
        return False
    kept = stored_values.get(conn, STREAM)
    return not (kept and kept.get("refused"))

"""From wishes to confirmed tickets, round by round: claim, read the tickets as they are, have them written together or alone.

No transaction is open while Zendesk is asked. How one ticket is written stands in `writing`, what trouble with Zendesk means
for everybody in `trouble`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core.choices import Choices
from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.errors import GiveUp, Unauthorized, VendorError
from tsbridge.core.helpdesk import Current, hold
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.wish_origins import askers, held
from tsbridge.store import budget, choices, decisions, desired, intents, links, stored_values, writemode
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.store.desired import ClaimedWish
from tsbridge.store.rulebooks import LiveRulebook, newest
from tsbridge.vendors.zendesk.tickets import current_of
from tsbridge.work import batch_updates, unheard, writing
from tsbridge.work.batch_updates import BatchWriter
from tsbridge.work.conclude import Conclusions
from tsbridge.work.loop import LEASE
from tsbridge.work.pace import Pace
from tsbridge.work.trouble import Alarm, Trouble
from tsbridge.work.unheard import Story
from tsbridge.work.writing import FIGHT_WINDOW, FIGHT_WRITES, Writing

BATCH: Final = 25
AT_ONCE: Final = 8
LOOK_AGAIN: Final = timedelta(seconds=30)
"""A backlog of which nothing can be written together is not looked at for a while."""
SAY_AGAIN: Final = timedelta(seconds=2)
"""How long wishes may wait without saying why, where nobody writes them."""


class Zendesk(batch_updates.Zendesk, writing.Zendesk, Protocol):
    """What the writer needs of the client."""


class _Ways(NamedTuple):
    """How Zendesk is asked and written to."""

    zendesk: Zendesk
    together: BatchWriter
    alone: Writing


class _Round(NamedTuple):
    """What a round goes by: the common row, whether it writes at all, whether many are written together, how many calls it may make."""

    shared: flow.Budget
    live: bool
    backlog: bool
    permits: int


class _Known(NamedTuple):
    """What is known of claimed tickets: of which it has to be found out first whether an earlier call happened or whether somebody
    fights over them, what was last heard of each, and Zendesk's drop-downs."""

    unclear: set[str]
    stories: dict[str, Story]
    choices: Choices


class Writeback:
    """Writes what is wished. One per process; several processes share the rows by leases and the budget by its row."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        zendesk: Zendesk | None,
        pace: Pace,
        worker: str,
        alarm: Alarm,
        conclusions: Conclusions,
        rulebooks: LiveRulebook,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._pace = pace
        self._worker = worker
        self._conclusions = conclusions
        self._rulebooks = rulebooks
        self._trouble = Trouble(database, clock, alarm, jitter)
        self._ways: _Ways | None = None
        if zendesk is not None:
            alone = Writing(database, clock, ids, zendesk, pace, alarm, self._trouble)
            self._ways = _Ways(zendesk, BatchWriter(database, clock, ids, zendesk, pace), alone)
        self._last_mode: str | None = None
        self._alone_until = clock.now()
        self._stranded = False  # whether claims may be ours that nobody works on: the next claim ends them first
        self._said: tuple[str | None, datetime] = (None, clock.now())

    async def round(self) -> datetime | None:
        """Write one batch. Returns when to come again: now when there may be more, None when nothing waits."""
        now = self._clock.now()
        mode, shared, backlog = await self._database.read(
            lambda conn: (self._pace.mode(conn), budget.load(conn), self._ways is not None and batch_updates.waiting(conn, now))
        )
        if mode != self._last_mode:
            await self._database.write(lambda conn: writemode.enter(conn, self._pace.setting, now))
            self._last_mode = mode
        ways = self._ways
        if ways is None or mode == "paused":
            return await self._nobody_writes("no_zendesk" if ways is None else "paused", now)
        if (until := flow.closed(shared, now)) is not None:
            return until
        count, at = (BATCH, now) if mode == "dry-run" else flow.free(shared, self._pace.per_minute, now)
        if count == 0:
            return at
        backlog = backlog and mode == "live" and not shared.open and not now < self._alone_until <= now + LOOK_AGAIN
        claimed = await self._claim(1 if shared.open else batch_updates.MANY if backlog else min(count, BATCH), now, mode)
        if claimed:
            crashpoint("writeback.claimed")
            await self._see_to(ways, claimed, _Round(shared, mode == "live", backlog, count))
        self._stranded = False
        return self._clock.now() if claimed else await self._database.read(desired.next_due)

    async def _nobody_writes(self, reason: str, now: datetime) -> datetime | None:
        """Have what waits say why. All of it is gone through for that, so not each time that something more is wished."""
        said, at = self._said
        if said == reason and at <= now < at + SAY_AGAIN:
            return at + SAY_AGAIN
        await self._database.write(lambda conn: desired.nobody_writes(conn, reason))
        self._said = reason, now
        return None

    async def _see_to(self, ways: _Ways, claimed: list[ClaimedWish], about: _Round) -> None:
        """Write them. Where that fails in a way that nobody foresaw each is written by itself: one that cannot be holds no other."""
        try:
            await self._write(ways, claimed, about)
        except Exception as failure:
            if unavailable(failure):
                raise
            if len(claimed) == 1:
                await ways.alone.stumbled(claimed[0], failure)
                return
            for wish in claimed:
                await self._see_to(ways, [wish], about._replace(backlog=False))

    async def _write(self, ways: _Ways, claimed: list[ClaimedWish], about: _Round) -> None:
        now, shared = self._clock.now(), about.shared
        try:
            found = await ways.zendesk.tickets([c.ticket for c in claimed], once=shared.open)
        except GiveUp as failure:
            if failure.reason == "rejected":  # something in the asking is not as Zendesk wants it, of one of them perhaps
                raise
            return await self._trouble.all_later(claimed, failure)
        except VendorError as failure:
            return await self._trouble.all_later(claimed, failure)
        if shared.open or shared.in_a_row:
            await self._trouble.note(flow.succeeded)
        current = {ticket.id: ticket for ticket in map(current_of, found)}
        known = await self._known(claimed, now)
        if about.backlog:
            claimed = await self._write_together(ways.together, claimed, current, known, about.permits)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(wish: ClaimedWish) -> None:
            async with gate:
                story, unclear = known.stories.get(wish.ticket, unheard.NOTHING), wish.ticket in known.unclear
                await ways.alone.write(wish, current.get(wish.ticket), story, known.choices, live=about.live, unclear=unclear)

        ended = await asyncio.gather(*(one(wish) for wish in claimed), return_exceptions=True)
        for wish, end in zip(claimed, ended, strict=True):
            if isinstance(end, Exception) and not unavailable(end):
                await ways.alone.stumbled(wish, end)
        for end in ended:
            if isinstance(end, BaseException) and (not isinstance(end, Exception) or unavailable(end)):
                raise end  # said only when the others have finished
        return None

    async def _claim(self, limit: int, now: datetime, mode: str) -> list[ClaimedWish]:
        """Take wishes, as many as may be written. With the breaker open one of all processes takes one, as a probe.

        What names the groups of an earlier rulebook is planned anew first. None once another mode counts than the
        round began with: what is asked while live is never only planned.
        """

        def work(conn: Connection) -> list[ClaimedWish]:
            if stranded:
                desired.unclaim(conn, self._worker, now)
            if self._pace.mode(conn) != mode:
                return []
            shared = budget.load(conn)
            if shared.open:
                if desired.next_due(conn) is None or flow.closed(budget.change(conn, lambda b: b), now) is not None:
                    return []
                budget.change(conn, lambda b: flow.probing(b, now))
            version = newest(conn)
            if old := desired.outdated(conn, version, now, limit):
                for case_id in dict.fromkeys(case_id for _, case_id in old):
                    self._conclusions.replan(conn, case_id, now)
                desired.brought_up(conn, [ticket for ticket, _ in old], version)
            claimed = desired.claim(conn, self._worker, now, LEASE, limit, version)
            paused = frozenset(stored_values.get(conn, desired.PAUSED_RULES) or ()) if claimed else frozenset()
            return [self._without(conn, wish, paused) for wish in claimed] if paused else claimed

        stranded, self._stranded = self._stranded, True  # until it is heard what became of it
        return await self._database.write(work)

    def _without(self, conn: Connection, claimed: ClaimedWish, paused: frozenset[str]) -> ClaimedWish:
        """A claimed wish without what only paused rules ask for."""
        asked = [
            each
            for decision in decisions.in_force(conn, links.members(conn, claimed.case_id)).values()
            for each in askers(self._rulebooks.version(conn, decision.version).book, decision.matched, decision.outcome)
        ]
        wish = hold(claimed.wish, claimed.ours, held(asked, paused))
        return replace(claimed, wish=wish, held=desired.RULE_PAUSED if wish != claimed.wish else None)

    async def _known(self, claimed: Sequence[ClaimedWish], now: datetime) -> _Known:
        tickets = [wish.ticket for wish in claimed]

        def read(conn: Connection) -> _Known:
            unclear = intents.unsettled(conn, tickets, now - FIGHT_WINDOW, FIGHT_WRITES)
            return _Known(unclear, unheard.stories(conn, claimed), choices.load(conn))

        return await self._database.read(read)

    async def _write_together(
        self,
        jobs: BatchWriter,
        claimed: list[ClaimedWish],
        current: Mapping[str, Current],
        known: _Known,
        permits: int,
    ) -> list[ClaimedWish]:
        """Write what many tickets need alike. Returns whom to write alone now: as many as there are permits left for; the others wait."""
        now = self._clock.now()
        found = batch_updates.batches(claimed, current, known.unclear, known.stories, known.choices)[:permits]
        if not found:
            self._alone_until = now + LOOK_AGAIN
        for batch in found:
            try:
                await jobs.write(batch)
            except Unauthorized:
                await self._trouble.unauthorized([])
            except VendorError as failure:
                await self._trouble.told(failure)
        done = {wish.ticket for batch in found for wish, _ in batch.members}
        rest = [wish for wish in claimed if wish.ticket not in done]
        left = permits - len(found)

        def give_back(conn: Connection) -> None:
            for wish in rest[left:]:
                desired.later(conn, wish, now, reason="pace", counted=False)

        await self._database.write(give_back)
        return rest[:left]

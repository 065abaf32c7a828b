"""From kept deliveries to concluded cases: claim, read, look up what is missing, then one transaction for the batch.

Nothing is asked of a vendor while a transaction is open. A batch that fails is tried again one delivery at a time, so
that one bad delivery never holds the others; one that broke its worker twice, or takes too long to read, is left to `isolated`. What
is no delivery's own fault, a database that cannot be used above all, is counted against none: the claims are given back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.failed_at import failed_at
from tsbridge.core.moments import Moment
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import claiming, decisions, isolated, lanes, stored_values
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.work.accounts import ACCOUNT, without_foreign
from tsbridge.work.applying import Applying, Batch
from tsbridge.work.background_facts import Background
from tsbridge.work.bound import Bound, TookTooLong, unbound
from tsbridge.work.conclude import Conclusions
from tsbridge.work.hearing import Heard, Hearing
from tsbridge.work.loop import LOOK_AGAIN
from tsbridge.work.reading import Reader, tell_fault
from tsbridge.work.reading import read as read_delivery
from tsbridge.work.rings import Read, beside, newest_ring, only, received, rung
from tsbridge.work.transactions import Turns
from tsbridge.work.verdicts import Concluded

BATCH = 50
"""Enough that a round's own costs do not show in what a delivery costs, and few enough that nobody waits long for one."""
LEASE = timedelta(seconds=150)
AHEAD = timedelta(seconds=20)
"""What was claimed longer before its round is claimed anew: the lease is to outlive the round."""
PAUSE = timedelta(seconds=5)
"""How long deliveries rest that were given back."""
GIVEN_BACK = "given_back"

log = logging.getLogger("tsbridge.ingest")


class Unapplied(NamedTuple):
    """What went wrong with a batch, or with what was left of it; nothing of that was applied."""

    batch: Batch
    failure: Exception


class Claims(NamedTuple):
    """Deliveries to work on, how the team told us to read those of their sources, whose account is heard, and until when their round is to
    begin."""

    rows: Sequence[claiming.Claimed] = ()
    mappings: Mapping[str, Any] = {}
    accounts: Mapping[str, str] = {}
    until: datetime = datetime.max.replace(tzinfo=UTC)


NONE: Final = Claims()


class Ingest:
    """Works through the inbox, and takes up again what was judged before everything was known."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        readers: Mapping[str, Reader],
        conclusions: Conclusions,
        background: Background,
        hearing: Hearing,
        worker: str,
        wake_for: Callable[[Concluded], None],
        bound: Bound = unbound,
        wake_alone: Callable[[], None] = lambda: None,
        sole: Callable[[], bool] = lambda: False,
        is_woken: Callable[[], bool] = lambda: False,
    ) -> None:
        """`bound`: how long one delivery may be read; what is not done then is read alone, elsewhere. `sole`: whether no other worker is
        known: what a batch touches is not worth finding out then. `is_woken`: whether more came meanwhile."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._readers = readers
        self._conclusions = conclusions
        self._applying = Applying(conclusions, background)
        self._turns = Turns(database, conclusions.rulebooks)
        self._background = background
        self._hearing = hearing
        self._worker = worker
        self._wake_for = wake_for
        self._bound = bound
        self._wake_alone = wake_alone
        self._sole = sole
        self._is_woken = is_woken
        self._batch, self._full = BATCH, False
        self._ahead = NONE  # claimed by the transaction that concluded the batch before
        self._stranded = False  # whether claims may be ours that nobody works on: the next claim gives them back first

    async def go_on(self) -> datetime | bool | None:
        """Work on one batch. Returns when to come again: at once when more is due; what is due and was not to be claimed others have in
        hand."""
        worked = await self.round()
        if self._ahead.rows or (worked and (self._full or self._is_woken())):
            return True
        due = await self._database.read(lanes.next_due)
        if due is None or due > (now := self._clock.now()):
            return due
        return True if worked else now + LOOK_AGAIN

    async def round(self) -> bool:
        """Work on one batch. True when there was something to do."""
        claims, self._ahead = self._ahead, NONE
        stranded, self._stranded = self._stranded or self._clock.now() > claims.until, True  # until it is heard what became of it
        if stranded or not claims.rows:
            claims = await self._database.write(lambda conn: self._claim(conn, self._batch, stranded=stranded))
        self._full = len(claims.rows) >= self._batch
        if claims.rows:
            crashpoint("ingest.claimed")
            try:
                await self._work_on(claims)
            except Exception:  # none of them is known to be at fault; fewer next time, should one of them be
                self._batch = max(1, self._batch // 2)
                await self._give_back(claims.rows)
                raise
            self._batch = self._more
        self._stranded = False
        return bool(claims.rows)

    @property
    def _more(self) -> int:
        """How many the next batch may have when this one does not fail."""
        return min(BATCH, 2 * self._batch)

    async def _work_on(self, claims: Claims) -> None:
        """Read and apply claimed deliveries. Raises what is no delivery's own fault; those not settled are still claimed then."""
        if read := await self._read_all(claims.rows, claims.mappings):
            await self._take_all(without_foreign(read, claims.accounts), ahead=True)

    async def leave(self) -> None:
        """No round follows: what was claimed for it is free at once."""
        if self._ahead.rows:
            await self._give_back((), timedelta(0))

    async def take(self, one: Read, accounts: Mapping[str, str]) -> None:
        """Apply a claimed delivery that was read elsewhere. Raises what is not its own fault."""
        await self._take_all(without_foreign([tell_fault(one)], accounts))

    @property
    def impressions(self) -> bool:
        """Whether deliveries about tickets are only first impressions here."""
        return self._hearing.asks

    async def _read_all(self, claimed: Sequence[claiming.Claimed], mappings: Mapping[str, Any]) -> list[Read]:
        """What claimed deliveries say; those that take too long to say it are left to be read alone."""
        read: list[Read] = []
        slow: list[claiming.Claimed] = []
        for row in claimed:
            try:
                read.append(tell_fault(self._bound(partial(self._read, row, mappings))))
            except TookTooLong:
                slow.append(row)
                await asyncio.sleep(0)  # should they all be like this: the door comes in between
        crashpoint("ingest.read")
        if slow:
            await self._database.write(lambda conn: isolated.leave(conn, slow))
            log.warning("deliveries take too long to read", extra={"count": len(slow), "event_id": slow[0].id})
            self._wake_alone()
        return read

    async def _take_all(self, read: Sequence[Read], *, ahead: bool = False) -> None:
        rang = rung([m for one in read for m in one.moments])
        heard = await self._hearing.answer(rang, received(read))
        told = [m for one in read for m in beside(one, heard).moments]
        facts = await self._background.look_up([*told, *(m for moments in heard.moments.values() for m in moments)])
        rings = newest_ring(read)
        if (left := await self._apply(Batch(read, facts, heard, rings), ahead=ahead)) is not None:
            # One by one, so that the delivery that cannot be applied is known and the others go on.
            for one in left.batch.read:
                tickets = {moment.interaction for moment in one.moments}
                own = [moment for moment in facts if moment.interaction in tickets]
                if (failed := await self._apply(Batch([one], own, only(heard, tickets), rings))) is not None:
                    await self._postpone(one, failed.failure)
        await self._read_severe({ticket: whose for ticket, whose in rang.items() if ticket not in heard.moments.keys() | heard.known})

    async def _read_severe(self, unread: Mapping[str, str | None]) -> None:
        """What is a severity 1 by first impression does not wait for its turn to be read."""
        if unread and (severe := await self._database.read(lambda conn: decisions.severe(conn, sorted(unread)))):
            await self.hear(await self._hearing.read({ticket: unread[ticket] for ticket in severe}, "severe"))

    async def hear(self, heard: Heard) -> None:
        """Tell what reading brought beside deliveries. A ticket that cannot be told is left for later and holds no other."""
        if heard.moments or heard.gone:
            await self._tell(await self._background.look_up([m for moments in heard.moments.values() for m in moments]), heard)

    async def _tell(self, facts: Sequence[Moment], heard: Heard) -> None:
        if await self._apply(Batch([], facts, heard, {})) is None:
            return
        for ticket in sorted(heard.moments.keys() | heard.gone | {moment.interaction for moment in facts}):
            own = [moment for moment in facts if moment.interaction == ticket]
            if (failed := await self._apply(Batch([], own, only(heard, {ticket}), {}))) is not None:
                kind, where = type(failed.failure).__name__, failed_at(failed.failure)
                log.error("a ticket could not be told", extra={"ticket": ticket, "kind": kind, "where": where})
                await self._background.try_again(ticket)

    async def complete(self) -> datetime | None:
        """Take up again what was judged without background facts; returns when to try next."""
        due = await self._background.due()
        heard = await self._hearing.catch_up([one for one in due if one.rang_at is not None])
        facts = await self._background.take_up(due, heard)
        if facts or heard.moments or heard.gone:
            await self._tell(facts, heard)
        return await self._background.next_due(heard.unasked)

    def _claim(self, conn: Connection, most: int, *, stranded: bool = False) -> Claims:
        now = self._clock.now()
        for row in claiming.taken(conn, self._worker) if stranded else ():
            claiming.later(conn, row, now, GIVEN_BACK)
        rows = claiming.claim(conn, self._worker, now, LEASE, most)
        if not rows:
            return NONE
        names = {source: stored_values.mappings(source) for source in sorted({row.source for row in rows})}
        kept = stored_values.several(conn, [*names.values(), ACCOUNT])
        return Claims(rows, {source: kept.get(name) for source, name in names.items()}, kept.get(ACCOUNT) or {}, now + AHEAD)

    def _read(self, row: claiming.Claimed, mappings: Mapping[str, Any]) -> Read:
        return read_delivery(row, self._readers[row.source], mappings.get(row.source), impressions=self.impressions)

    async def _apply(self, batch: Batch, *, ahead: bool = False) -> Unapplied | None:
        """Apply deliveries together; what of it could not be applied, if anything. `ahead`: what has come meanwhile is claimed as well.

        What others have at the moment comes second: whoever waited with the whole batch would hold up those behind in turn. It comes with
        the next batch, where nothing was read that would have to be read once more: a transaction of its own takes half as long as one for
        fifty. Raises what says nothing about deliveries: the database cannot be used.
        """
        now, some = self._clock.now(), len(batch.read) > 1
        todo: Batch | None = batch
        while todo is not None:
            try:
                rest, concluded, claims = await self._turn(todo, now, some=some, ahead=ahead)
            except Exception as failure:  # whatever it is, the delivery must not be lost and must not hold the others
                if unavailable(failure):
                    raise
                return Unapplied(todo, failure)
            crashpoint("ingest.committed")
            if claims.rows:
                self._ahead = claims
            self._wake_for(concluded)
            todo, some = rest, False
        return None

    async def _turn(self, batch: Batch, now: datetime, *, some: bool, ahead: bool) -> tuple[Batch | None, Concluded, Claims]:
        """Apply a batch, or of `some` what nobody else has, in one transaction; what is left of it, what was concluded, and, where more
        waits, what was claimed by the same commit."""
        known = None if self._sole() else batch.keys

        def work(conn: Connection, keys: frozenset[int] | None) -> tuple[Batch | None, Concluded, Claims]:
            wait = not some or keys != known  # one that begins anew has met others already
            rest, concluded = self._apply_in(conn, batch, keys, now, some=some, wait=wait)
            more = ahead and rest is None and (self._full or self._is_woken())
            return rest, concluded, self._claim(conn, self._more) if more else NONE

        return await self._turns.write(work, known)

    def _apply_in(
        self, conn: Connection, batch: Batch, keys: frozenset[int] | None, now: datetime, *, some: bool, wait: bool
    ) -> tuple[Batch | None, Concluded]:
        live, held = self._conclusions.begin_beside(conn, keys, wait=wait)
        part, rest = batch.parted(held) if some and not held.everything else (batch, None)  # anew it has what the part needs, no more
        concluded = self._applying.apply(conn, live, part, now, held)
        if rest is not None and part.read and rest.only_said:
            claiming.release(conn, [one.row for one in rest.read])
            rest = None
        crashpoint("ingest.concluded")
        return rest, concluded

    async def _give_back(self, claimed: Sequence[claiming.Claimed], pause: timedelta = PAUSE) -> None:
        """Give back those of these claims that we still have, and what was claimed ahead, uncounted; when not even that can be written, the
        next claim does it."""
        rows, self._ahead, due_at = [*claimed, *self._ahead.rows], NONE, self._clock.now() + pause

        def write(conn: Connection) -> None:
            for row in rows:
                claiming.later(conn, row, due_at, GIVEN_BACK)

        try:
            await self._database.write(write)
        except Exception as failure:
            log.error("claims could not be given back", extra={"kind": type(failure).__name__, "count": len(rows)})

    async def _postpone(self, one: Read, failure: Exception) -> None:
        """Leave a delivery that could not be applied for later; the inbox sets it aside after its last attempt."""
        now = self._clock.now()
        await self._database.write(lambda conn: claiming.failed(conn, one.row, now, type(failure).__name__))

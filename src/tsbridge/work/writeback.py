"""From wishes to confirmed tickets: claim, read the ticket as it is, plan, write down the intent, one guarded call, settle.

No transaction is open while Zendesk is asked. A wish that changes meanwhile is not settled but written again. What ends a
try decides what comes next: told to wait costs nothing, a conflict is planned anew, an unknown outcome is read before
anything is written again, and what is final (closed, deleted, refused) is said so.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core import helpdesk
from tsbridge.core.asking import askers, held
from tsbridge.core.budget import Budget
from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.drift import undone_by
from tsbridge.core.helpdesk import Current, Edit, Ours, edit_json, hold, ours_from, ours_json, overwritten, plan, settled, yielding
from tsbridge.core.moments import Value
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import budget, decisions, desired, keep, links
from tsbridge.store.db import Database
from tsbridge.store.desired import ClaimedWish
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors.errors import Conflict, GiveUp, OutcomeUnknown, TryLater, Unauthorized, VendorError
from tsbridge.vendors.zendesk.audits import changes_of
from tsbridge.vendors.zendesk.client import Updated
from tsbridge.vendors.zendesk.tickets import before_of, body_of, current_of, intents_in, marker_of, properties_of
from tsbridge.work import together, unheard
from tsbridge.work.pace import Pace, Stopped
from tsbridge.work.together import Together

BATCH: Final = 25
AT_ONCE: Final = 8
LEASE: Final = timedelta(seconds=60)
"""Held anew before each call, which takes at most fifteen seconds."""
TRIES: Final = 4
"""Of one ticket in one go: the first and at most three that are planned anew."""
FIRST_PAUSE: Final = timedelta(seconds=5)
LAST_PAUSE: Final = timedelta(minutes=15)
TOLD_NOTHING: Final = timedelta(seconds=10)
GIVE_UP_AFTER: Final = timedelta(hours=72)
GIVE_UP_TRIES: Final = 10
FIGHT_WINDOW: Final = timedelta(minutes=10)
FIGHT_WRITES: Final = 20
"""Writes to one ticket within the window that make a loop (Zendesk itself refuses the 31st)."""
LOOK_AGAIN: Final = timedelta(seconds=30)
"""A backlog of which nothing can be written together is not looked at for a while."""
PAUSED_RULES: Final = "paused_rules"


class Zendesk(together.Zendesk, Protocol):
    """What the writer needs of the client."""

    async def tickets(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]: ...
    async def audits(self, ticket: str) -> list[Mapping[str, Any]]: ...
    async def update(self, ticket: str, changes: Mapping[str, Any], stamp: str) -> Updated: ...


class Alarm(Protocol):
    """Tells the operator; `what` and the named values are codes and ids, never what people wrote."""

    def __call__(self, what: str, **named: object) -> None: ...


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
        rulebooks: LiveRulebook,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._zendesk = zendesk
        self._pace = pace
        self._worker = worker
        self._alarm = alarm
        self._rulebooks = rulebooks
        self._together = None if zendesk is None else Together(database, clock, ids, zendesk, pace)
        self._jitter = jitter
        self._last_mode: str | None = None
        self._alone_until = clock.now()

    async def round(self) -> datetime | None:
        """Write one batch. Returns when to come again: now when there may be more, None when nothing waits."""
        now = self._clock.now()
        mode, shared, backlog = await self._database.read(
            lambda conn: (self._pace.mode(conn), budget.load(conn), together.waiting(conn, now))
        )
        if self._zendesk is None or mode == "paused":
            reason = "no_zendesk" if self._zendesk is None else "paused"
            await self._database.write(lambda conn: desired.nobody_writes(conn, reason))
            self._last_mode = mode
            return None
        if mode != self._last_mode:
            if mode == "live":
                await self._database.write(lambda conn: desired.resume(conn, now))
            self._last_mode = mode
        if (until := flow.closed(shared, now)) is not None:
            return until
        count, at = (BATCH, now) if mode == "dry-run" else flow.free(shared, self._pace.per_minute, now)
        if count == 0:
            return at
        backlog = backlog and mode == "live" and not shared.open and now >= self._alone_until
        claimed = await self._claim(1 if shared.open else together.MANY if backlog else min(count, BATCH), now)
        if not claimed:
            return await self._database.read(desired.next_due)
        crashpoint("writeback.claimed")
        try:
            found = await self._zendesk.tickets([c.ticket for c in claimed], once=shared.open)
        except VendorError as failure:
            await self._all_later(claimed, failure)
            return self._clock.now()
        if shared.open or shared.in_a_row:
            await self._note(flow.succeeded)
        current = {ticket.id: ticket for ticket in map(current_of, found)}
        unclear, known = await self._known(claimed, now)
        if backlog:
            claimed = await self._write_together(claimed, current, unclear, known, count)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(wish: ClaimedWish) -> None:
            async with gate:
                heard = known.get(wish.ticket, {})
                await self._write(wish, current.get(wish.ticket), heard, live=mode == "live", unclear=wish.ticket in unclear)

        ended = await asyncio.gather(*(one(wish) for wish in claimed), return_exceptions=True)
        for end in ended:
            if isinstance(end, BaseException):  # said only when the others have finished
                raise end
        return self._clock.now()

    async def _claim(self, limit: int, now: datetime) -> list[ClaimedWish]:
        """Take wishes, as many as may be written. With the breaker open one of all processes takes one, as a probe."""

        def work(conn: Connection) -> list[ClaimedWish]:
            shared = budget.load(conn)
            if shared.open:
                if desired.next_due(conn) is None or flow.closed(budget.change(conn, lambda b: b), now) is not None:
                    return []
                budget.change(conn, lambda b: flow.probing(b, now))
            claimed = desired.claim(conn, self._worker, now, LEASE, limit)
            paused = frozenset(keep.get(conn, PAUSED_RULES) or ()) if claimed else frozenset()
            return [self._without(conn, wish, paused) for wish in claimed] if paused else claimed

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

    async def _known(self, claimed: Sequence[ClaimedWish], now: datetime) -> tuple[set[str], dict[str, Mapping[str, Value]]]:
        """Tickets of which it has to be found out first whether an earlier call happened, or whether somebody fights over them;
        and what each was last heard to read."""
        tickets = [wish.ticket for wish in claimed]
        return await self._database.read(
            lambda conn: (desired.unsettled(conn, tickets, now - FIGHT_WINDOW, FIGHT_WRITES), unheard.known(conn, claimed))
        )

    async def _write_together(
        self,
        claimed: list[ClaimedWish],
        current: Mapping[str, Current],
        unclear: set[str],
        known: Mapping[str, Mapping[str, Value]],
        permits: int,
    ) -> list[ClaimedWish]:
        """Write what many tickets need alike. Returns whom to write alone now: as many as there are permits left for; the others wait."""
        now = self._clock.now()
        found = together.batches(claimed, current, unclear, known)[:permits]
        if not found:
            self._alone_until = now + LOOK_AGAIN
        for batch in found:
            try:
                await self._asked_together().write(batch)
            except Unauthorized:
                await self._unauthorized([])
            except VendorError as failure:
                await self._trouble(failure)
        done = {wish.ticket for batch in found for wish, _ in batch.members}
        rest = [wish for wish in claimed if wish.ticket not in done]
        left = permits - len(found)

        def give_back(conn: Connection) -> None:
            for wish in rest[left:]:
                desired.later(conn, wish, now, reason="pace", counted=False)

        await self._database.write(give_back)
        return rest[:left]

    async def _write(self, claimed: ClaimedWish, current: Current | None, known: Mapping[str, Value], *, live: bool, unclear: bool) -> None:
        """One ticket, from what it is to how its wish ends for now. `known`: what it was last heard to read."""
        ours = claimed.ours
        try:
            for _ in range(TRIES):
                if unclear:
                    ours = await self._learn(claimed, ours)
                if current is None or current.frozen is not None:
                    reason = "deleted" if current is None else current.frozen
                    return await self._settle(claimed, "refused", ours, reason=reason)
                edit = plan(current, claimed.wish, ours)
                if live and (parts := helpdesk.unheard(edit, current, ours, known)) and not await self._heard(current):
                    claimed = replace(claimed, wish=hold(claimed.wish, ours, parts), held=desired.UNHEARD)
                    edit = plan(current, claimed.wish, ours)
                if not edit:
                    before = bool(claimed.ours.tags or claimed.ours.values or ours.notes or claimed.ours.absent or ours.put)
                    done = settled(ours, claimed.wish, current, edit)
                    return await self._settle(claimed, "confirmed" if before else "unneeded", done, plan=edit_json(edit))
                if not live:
                    return await self._settle(claimed, "dry_run", ours, plan=edit_json(edit))
                if unclear and await self._fought_over(claimed, edit, ours):
                    return None
                unclear = True
                again = await self._send(claimed, current, edit, ours)
                if again is None:
                    return None
                current, ours = again
            return await self._later(claimed, ours, "conflict", self._pause(claimed.attempts))
        except TryLater as told:
            await self._told_to_wait(claimed, told, ours)
        except Unauthorized:
            await self._unauthorized([claimed])
        except GiveUp as final:
            await self._settle(claimed, "refused", ours, reason=final.reason)
        except VendorError as failure:
            await self._try_again(claimed, failure.reason, ours)

    async def _send(self, claimed: ClaimedWish, current: Current, edit: Edit, ours: Ours) -> tuple[Current | None, Ours] | None:
        """The one call. Returns the ticket as it is now when it has to be planned again; None when its wish has ended for now."""
        intent = self._ids.new("int")
        after = settled(ours, claimed.wish, current, edit)
        meant = {**edit_json(edit), "texts": [body_of(edit)] if edit.notes else [], "ours": ours_json(after)}
        properties = properties_of(current, edit, intent)
        if "tags" in properties:
            meant["tags"] = properties["tags"]
        stopped = await self._database.write(lambda conn: self._intend(conn, claimed, intent, meant))
        if stopped is not None:
            if stopped.due is not None:
                await self._later(claimed, ours, stopped.reason, stopped.due - self._clock.now(), counted=False)
            return None
        crashpoint("writeback.intended")
        try:
            updated = await self._asked().update(claimed.ticket, properties, current.updated_at)
        except Conflict:
            await self._intent(intent, "conflict")
            now = await self._read_again(claimed)
            return now, ours if now is None else yielding(ours, claimed.wish, current, now)
        except (TryLater, Unauthorized):
            await self._intent(intent, "later")
            raise
        except GiveUp as final:
            await self._intent(intent, "refused")
            await self._settle(claimed, "refused", ours, reason=final.reason, plan=edit_json(edit))
            return None
        except OutcomeUnknown:
            crashpoint("writeback.sent")
            await self._intent(intent, "unknown")
            raise
        crashpoint("writeback.answered")
        owed = overwritten(current, edit, before_of(current, updated.events))
        if owed:
            # Stamps have whole seconds: somebody was there in the second of our read. Give it back at once.
            self._alarm("foreign_edit_restored", ticket=claimed.ticket, tags=len(owed.add) + len(owed.remove), values=len(owed.values))
            after = replace(after, owed=owed)
        await self._database.write(lambda conn: self._done(conn, intent, claimed, edit, after))
        crashpoint("writeback.settled")
        return (current_of(updated.ticket), after) if owed else None

    def _intend(self, conn: Connection, claimed: ClaimedWish, intent: str, meant: Mapping[str, Any]) -> Stopped | None:
        """The last look before a call: a permit, the mode, the lease; then the intent. Why not, when not."""
        now = self._clock.now()
        if (stopped := self._pace.permit(conn, now)) is not None:
            return stopped
        if not desired.hold(conn, claimed, now, LEASE):
            return Stopped("lost", None)
        desired.intend(conn, intent, claimed, meant, now)
        return None

    def _done(self, conn: Connection, intent: str, claimed: ClaimedWish, edit: Edit, ours: Ours) -> None:
        now, told = self._clock.now(), self._pace.told()
        budget.change(conn, lambda b: flow.heard(flow.succeeded(b, now), told, now))
        kept = (
            desired.keep_ours(conn, claimed, ours)
            if ours.owed
            else desired.settle(conn, claimed, "confirmed", now, ours, plan=edit_json(edit), wrote=True)
        )
        # When somebody else has the ticket by now, they learn from the intent what we did.
        desired.intent_done(conn, intent, "done" if kept else "unknown", now)

    async def _learn(self, claimed: ClaimedWish, ours: Ours) -> Ours:
        """Earlier calls whose answer never came: the audits tell whether they happened, so that no note is written twice."""
        unknown = await self._database.read(lambda conn: desired.open_intents(conn, claimed.ticket))
        if not unknown:
            return ours
        try:
            written = intents_in(await self._asked().audits(claimed.ticket))
        except GiveUp:
            written = set()
        for intent, meant in unknown:
            if marker_of(intent) in written:
                after = ours_from(meant["ours"])
                ours = replace(after, notes=after.notes | ours.notes)
        now = self._clock.now()

        def know(conn: Connection) -> None:
            desired.keep_ours(conn, claimed, ours)
            for intent, _ in unknown:
                desired.intent_done(conn, intent, "done" if marker_of(intent) in written else "lost", now)

        await self._database.write(know)
        return ours

    async def _heard(self, current: Current) -> bool:
        """Whether what stands on the ticket now was heard; else it will be."""
        now = self._clock.now()
        return await self._database.write(lambda conn: unheard.heard(conn, self._ids, current, now))

    async def _read_again(self, claimed: ClaimedWish) -> Current | None:
        found = await self._asked().tickets([claimed.ticket])
        return current_of(found[0]) if found else None

    async def _fought_over(self, claimed: ClaimedWish, edit: Edit, ours: Ours) -> bool:
        """Park a ticket whose tags somebody keeps undoing, and say who; other tickets go on."""
        since = self._clock.now() - FIGHT_WINDOW
        if await self._database.read(lambda conn: desired.writes_since(conn, claimed.ticket, since)) < FIGHT_WRITES:
            return False
        by = list(undone_by(edit, changes_of(await self._asked().audits(claimed.ticket))))
        fields = [name for name, _ in edit.values]
        self._alarm("loop_suspected", ticket=claimed.ticket, tags=[*edit.add, *edit.remove], fields=fields, by=by)
        await self._settle(claimed, "parked", ours, reason="loop_suspected", plan={**edit_json(edit), "undone_by": by})
        return True

    # -- when it did not work --------------------------------------------------------------------------------------------

    async def _told_to_wait(self, claimed: ClaimedWish, told: TryLater, ours: Ours) -> None:
        """Told to wait: everybody waits, and it was nobody's attempt. Else Zendesk is in trouble."""
        if told.waiting:
            wait = told.after or TOLD_NOTHING
            await self._trouble(told)
            await self._later(claimed, ours, told.reason, wait, counted=False)
        else:
            await self._try_again(claimed, told.reason, ours, told.after)

    async def _try_again(self, claimed: ClaimedWish, reason: str, ours: Ours, after: timedelta | None = None) -> None:
        """Later, twice as late each time; after three days of trying a person has to look."""
        now = self._clock.now()
        if claimed.attempts >= GIVE_UP_TRIES and now - claimed.asked_at > GIVE_UP_AFTER:
            self._alarm("writeback_given_up", ticket=claimed.ticket)
            await self._settle(claimed, "parked", ours, reason="gave_up")
            return
        opened = await self._trouble(TryLater(reason))
        await self._later(claimed, ours, reason, after or self._pause(claimed.attempts), counted=not opened)

    def _pause(self, attempts: int) -> timedelta:
        """Full jitter, so that many tickets do not come back at once."""
        longest = min(LAST_PAUSE, FIRST_PAUSE * (1 << min(attempts, 12)))
        return max(timedelta(seconds=1), longest * self._jitter())

    async def _all_later(self, claimed: Sequence[ClaimedWish], failure: VendorError) -> None:
        """Zendesk cannot be asked at all: nobody's fault, so nobody's attempt."""
        if isinstance(failure, Unauthorized):
            return await self._unauthorized(claimed)
        if not isinstance(failure, TryLater):
            self._alarm("zendesk_refuses_to_be_read", reason=failure.reason)
        await self._trouble(failure)
        told = failure.after if isinstance(failure, TryLater) else None
        now, wait = self._clock.now(), told or self._pause(0)

        def give_back(conn: Connection) -> None:
            budget.change(conn, lambda b: flow.wait_until(b, now + wait, failure.reason))
            for wish in claimed:
                desired.later(conn, wish, now, reason=failure.reason, counted=False)

        await self._database.write(give_back)

    async def _unauthorized(self, claimed: Sequence[ClaimedWish]) -> None:
        """Our credentials are refused: everything waits, and somebody has to look."""
        now = self._clock.now()
        self._alarm("zendesk_refuses_our_credentials")

        def give_back(conn: Connection) -> None:
            budget.change(conn, lambda b: flow.wait_until(b, now + flow.PROBE, "unauthorized"))
            for wish in claimed:
                desired.later(conn, wish, now, reason="unauthorized", counted=False)

        await self._database.write(give_back)

    async def _trouble(self, failure: VendorError) -> bool:
        """Note what Zendesk's trouble means for everybody; True while the breaker is open."""
        now = self._clock.now()
        before: list[bool] = []

        def note(shared: Budget) -> Budget:
            before.append(shared.open)
            if isinstance(failure, TryLater) and failure.waiting:
                shared = flow.wait_until(shared, now + (failure.after or TOLD_NOTHING), failure.reason)
                if failure.reason == "rate_limited":
                    return shared
            return flow.failed(shared, now, failure.reason)

        shared = await self._note_all(note)
        if shared.open and not before[0]:
            self._alarm("zendesk_in_trouble", reason=failure.reason)
        return shared.open

    async def _note(self, how: Callable[[Budget, datetime], Budget]) -> None:
        now = self._clock.now()
        await self._note_all(lambda shared: how(shared, now))

    async def _note_all(self, how: Callable[[Budget], Budget]) -> Budget:
        return await self._database.write(lambda conn: budget.change(conn, how))

    async def _later(self, claimed: ClaimedWish, ours: Ours, reason: str, wait: timedelta, *, counted: bool = True) -> None:
        due_at = self._clock.now() + wait
        await self._database.write(lambda conn: desired.later(conn, claimed, due_at, reason=reason, counted=counted, ours=ours))

    async def _settle(self, claimed: ClaimedWish, status: str, ours: Ours, *, reason: str | None = None, plan: Any = None) -> None:
        now = self._clock.now()
        await self._database.write(lambda conn: desired.settle(conn, claimed, status, now, ours, reason=reason, plan=plan))

    async def _intent(self, intent: str, outcome: str) -> None:
        now = self._clock.now()
        await self._database.write(lambda conn: desired.intent_done(conn, intent, outcome, now))

    def _asked_together(self) -> Together:
        if self._together is None:
            raise TryLater("no_zendesk")
        return self._together

    def _asked(self) -> Zendesk:
        if self._zendesk is None:
            raise TryLater("no_zendesk")
        return self._zendesk

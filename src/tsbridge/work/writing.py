"""One ticket, from what it is to how its wish ends for now: plan, write down the intent, one guarded call, settle.

A wish that changes meanwhile is not settled but written again. What ends a try decides what comes next: told to wait costs
nothing, a conflict is planned anew, an unknown outcome is read before anything is written again, and what is final (closed,
deleted, refused) is said so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core import refusals
from tsbridge.core.choices import Choices, chosen_otherwise, joined
from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.drift import undone_by
from tsbridge.core.errors import Conflict, GiveUp, Invalid, OutcomeUnknown, TryLater, Unauthorized, VendorError
from tsbridge.core.failed_at import failed_at
from tsbridge.core.helpdesk import Current, Edit, Ours, hold, overwritten, plan, settled, still_owed, yielding
from tsbridge.core.helpdesk_json import edit_from, edit_json, ours_from, ours_json, read_from, read_json
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import budget, desired, intents
from tsbridge.store.db import Database
from tsbridge.store.desired import ClaimedWish
from tsbridge.store.rulebooks import newest
from tsbridge.vendors.zendesk.audits import changes_of
from tsbridge.vendors.zendesk.client import Updated
from tsbridge.vendors.zendesk.tickets import before_of, body_of, current_of, intents_in, marker_of, parts_meant, passed_over, properties_of
from tsbridge.work import unheard
from tsbridge.work.loop import LEASE
from tsbridge.work.pace import Pace, Stopped
from tsbridge.work.reads import TOLD_NOTHING
from tsbridge.work.trouble import Alarm, Trouble
from tsbridge.work.unheard import Story

log = logging.getLogger("tsbridge.work.writing")

TRIES: Final = 4
"""Of one ticket in one go: the first and at most three that are planned anew."""
GIVE_UP_AFTER: Final = timedelta(hours=72)
GIVE_UP_TRIES: Final = 10
FIGHT_WINDOW: Final = timedelta(minutes=10)
FIGHT_WRITES: Final = 20
"""Writes to one ticket within the window that make a loop (Zendesk itself refuses the 31st)."""


class Zendesk(Protocol):
    """What is needed of the client."""

    async def tickets(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]: ...
    async def audits(self, ticket: str) -> list[Mapping[str, Any]]: ...
    async def update(self, ticket: str, changes: Mapping[str, Any], stamp: str) -> Updated: ...


class Again(NamedTuple):
    """A ticket that has to be planned anew, as it is now. `wrote`: a call went through; `counted`: it was one of the few tries."""

    current: Current | None
    ours: Ours
    wrote: bool = False
    counted: bool = True


class Writing:
    """Writes one ticket at a time for the wish that was claimed."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, zendesk: Zendesk, pace: Pace, alarm: Alarm, trouble: Trouble) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._zendesk = zendesk
        self._pace = pace
        self._alarm = alarm
        self._trouble = trouble

    async def write(
        self, claimed: ClaimedWish, current: Current | None, story: Story, choices: Choices, *, live: bool, unclear: bool
    ) -> None:
        """One ticket, from what it is to how its wish ends for now."""
        ours, tries, wrote = claimed.ours, 0, False
        try:
            while tries < TRIES:
                if unclear:
                    ours = await self._learn(claimed, ours, current)
                if current is None or current.frozen is not None:
                    reason = "deleted" if current is None else current.frozen
                    return await self._settle(claimed, "refused", ours, reason=reason)
                meant = _without_refused(claimed, ours)
                edit = plan(current, meant.wish, ours)
                if live and (parts := await self._too_early(claimed, current, edit, ours, story)):
                    claimed = replace(claimed, wish=hold(claimed.wish, ours, parts), held=desired.UNHEARD)
                    meant = _without_refused(claimed, ours)
                    edit = plan(current, meant.wish, ours)
                edit = joined(edit, current, meant.wish, choices, ours.owed)
                if not edit:
                    before = wrote or bool(claimed.ours.tags or claimed.ours.values or ours.notes or claimed.ours.absent or ours.put)
                    done = settled(ours, meant.wish, current, edit)
                    return await self._settle(meant, "confirmed" if before else "unneeded", done, plan=edit_json(edit))
                if not live:
                    return await self._settle(meant, "dry_run", ours, plan=edit_json(edit))
                if unclear and await self._fought_over(meant, edit, ours):
                    return None
                unclear = True
                again = await self._send(claimed, meant, current, edit, ours, choices)
                if again is None:
                    return None
                current, ours, wrote = again.current, again.ours, wrote or again.wrote
                tries += again.counted
            return await self._later(claimed, ours, "conflict", self._trouble.pause(claimed.attempts))
        except TryLater as told:
            await self._told_to_wait(claimed, told, ours)
        except Unauthorized:
            await self._trouble.unauthorized([claimed])
        except GiveUp as final:
            await self._settle(claimed, "refused", ours, reason=final.reason)
        except VendorError as failure:
            await self._try_again(claimed, failure.reason, ours)

    async def stumbled(self, claimed: ClaimedWish, failure: Exception) -> None:
        """This wish fails and nobody knows why: later, twice as late each time, until a person has to look."""
        kind = type(failure).__name__
        log.error("a wish stumbled", extra={"ticket": claimed.ticket, "kind": kind, "where": failed_at(failure)})
        now = self._clock.now()
        if claimed.attempts >= GIVE_UP_TRIES and now - claimed.asked_at > GIVE_UP_AFTER:
            self._alarm("writeback_given_up", ticket=claimed.ticket)
            await self._settle(claimed, "parked", claimed.ours, reason="gave_up")
        else:
            await self._later(claimed, None, "stumbled", self._trouble.pause(claimed.attempts))

    async def _send(
        self, claimed: ClaimedWish, meant: ClaimedWish, current: Current, edit: Edit, ours: Ours, choices: Choices
    ) -> Again | None:
        """The one call. `meant`: the wish without what was refused. None when the wish has ended for now."""
        if waiting := refusals.left_out(edit, ours):
            meant = replace(meant, wish=hold(meant.wish, ours, waiting))
            edit = joined(plan(current, meant.wish, ours), current, meant.wish, choices, ours.owed)
        intent = self._ids.new("int")
        after = refusals.accepted(ours, edit, settled(ours, meant.wish, current, edit))
        told = {
            **edit_json(edit),
            "texts": [body_of(edit)] if edit.notes else [],
            "ours": ours_json(after),
            "read": read_json(current, edit),
        }
        properties = properties_of(current, edit, intent)
        if "tags" in properties:
            told["tags"] = properties["tags"]
        stopped = await self._database.write(lambda conn: self._intend(conn, claimed, intent, told))
        if stopped is not None:
            if stopped.due is not None:
                await self._later(claimed, ours, stopped.reason, stopped.due - self._clock.now(), counted=False)
            return None
        crashpoint("writeback.intended")
        try:
            updated = await self._zendesk.update(claimed.ticket, properties, current.updated_at)
        except Conflict:
            await self._intent(intent, "conflict")
            now = await self._read_again(claimed)
            return Again(now, ours if now is None else yielding(ours, meant.wish, current, now, chosen_otherwise(current, now, choices)))
        except (TryLater, Unauthorized):
            await self._intent(intent, "later")
            raise
        except Invalid as invalid:
            named = parts_meant(edit, invalid.fields)
            wished = joined(plan(current, meant.wish, replace(ours, owed=Edit())), current, meant.wish, choices, Edit())
            narrowed = refusals.owed_refused(ours, edit, wished, named) or refusals.refused(ours, claimed.wish, edit, named)
            if narrowed is not None and narrowed.owed != ours.owed:
                log.warning("what somebody had set is not given back", extra={"ticket": claimed.ticket})
            return await self._refused(claimed, intent, current, edit, ours, narrowed)
        except GiveUp as final:
            await self._intent(intent, "refused")
            await self._settle(claimed, "refused", ours, reason=final.reason, plan=edit_json(edit))
            return None
        except OutcomeUnknown:
            crashpoint("writeback.sent")
            await self._intent(intent, "unknown")
            raise
        crashpoint("writeback.answered")
        after = self._passed_over(claimed, edit, current_of(updated.ticket), updated.events, after)
        meant = _without_refused(meant, after)
        owed = overwritten(current, edit, before_of(current, edit, updated.events))
        if owed:
            after = self._giving_back(claimed, after, owed)
        goes_on = bool(owed or waiting)
        await self._database.write(lambda conn: self._done(conn, intent, meant, edit, after, goes_on=goes_on))
        crashpoint("writeback.settled")
        return Again(current_of(updated.ticket), after, wrote=True, counted=bool(owed)) if goes_on else None

    async def _refused(
        self, claimed: ClaimedWish, intent: str, current: Current, edit: Edit, ours: Ours, narrowed: Ours | None
    ) -> Again | None:
        """Zendesk did not accept what we sent: park the parts at fault, by name, and go on with the others."""
        await self._intent(intent, "refused")
        if narrowed is None:
            await self._settle(claimed, "refused", ours, reason="invalid", plan=edit_json(edit))
            return None
        await self._database.write(lambda conn: desired.keep_ours(conn, claimed, narrowed))
        self._at_fault(claimed, ours, narrowed)
        return Again(current, narrowed, counted=False)

    def _passed_over(self, claimed: ClaimedWish, edit: Edit, now: Current, events: Sequence[Mapping[str, Any]], ours: Ours) -> Ours:
        """What is ours without the parts that Zendesk took no notice of: they are parked, by name."""
        after = refusals.not_kept(ours, claimed.wish, passed_over(edit, now, events))
        self._at_fault(claimed, ours, after)
        return after

    def _at_fault(self, claimed: ClaimedWish, before: Ours, after: Ours) -> None:
        """Say which parts were found out to be refused."""
        if at_fault := sorted(after.refused.items() - before.refused.items()):
            self._alarm("part_refused", ticket=claimed.ticket, writeback_id=claimed.id, parts=[part for part, _ in at_fault])

    def _intend(self, conn: Connection, claimed: ClaimedWish, intent: str, meant: Mapping[str, Any]) -> Stopped | None:
        """The last look before a call: a permit, the mode, the lease; then the intent. Why not, when not."""
        now = self._clock.now()
        if (stopped := self._pace.permit(conn, now)) is not None:
            return stopped
        if claimed.version < newest(conn):
            return Stopped("rulebook", now)
        if not desired.hold(conn, claimed, now, LEASE):
            return Stopped("lost", None)
        intents.add(conn, intent, claimed, meant, now)
        return None

    def _done(self, conn: Connection, intent: str, claimed: ClaimedWish, edit: Edit, ours: Ours, *, goes_on: bool) -> None:
        now, told = self._clock.now(), self._pace.told()
        budget.change(conn, lambda b: flow.heard(flow.succeeded(b, now), told, now))
        kept = (
            desired.keep_ours(conn, claimed, ours)
            if goes_on
            else desired.settle(conn, claimed, "confirmed", now, ours, plan=edit_json(edit), wrote=True)
        )
        # When somebody else has the ticket by now, they learn from the intent what we did.
        intents.ended(conn, intent, "done" if kept else "unknown", now)

    def _giving_back(self, claimed: ClaimedWish, ours: Ours, owed: Edit) -> Ours:
        """Stamps have whole seconds: somebody was there in the second of our read, and what they did is to be given back at once."""
        self._alarm("foreign_edit_restored", ticket=claimed.ticket, tags=len(owed.add) + len(owed.remove), values=len(owed.values))
        return replace(ours, owed=owed)

    async def _learn(self, claimed: ClaimedWish, ours: Ours, current: Current | None) -> Ours:
        """Earlier calls whose answer never came: the audits tell whether they happened, so that no note is written twice, and what they
        took from people. `current`: the ticket as it is now."""
        unknown = await self._database.read(lambda conn: intents.unknown(conn, claimed.ticket))
        if not unknown:
            return ours
        try:
            written = intents_in(await self._zendesk.audits(claimed.ticket))
        except GiveUp:
            written = {}
        for intent, meant in unknown:
            if (events := written.get(marker_of(intent))) is not None:
                after = ours_from(meant["ours"])
                ours = replace(after, notes=after.notes | ours.notes)
                if current is not None:
                    ours = self._passed_over(claimed, edit_from(meant), current, events, ours)
                    if owed := _owed_by(meant, events, current):
                        ours = self._giving_back(claimed, ours, owed)
        now = self._clock.now()

        def know(conn: Connection) -> None:
            desired.keep_ours(conn, claimed, ours)
            for intent, _ in unknown:
                intents.ended(conn, intent, "done" if marker_of(intent) in written else "lost", now)

        await self._database.write(know)
        return ours

    async def _too_early(self, claimed: ClaimedWish, current: Current, edit: Edit, ours: Ours, story: Story) -> frozenset[str]:
        """Parts of an edit that wait until more was heard of the ticket. What nobody has heard yet is rung for."""
        now = self._clock.now()
        waited = story.impression and now - claimed.asked_at >= unheard.UNSURE_FOR
        long = waited and await self._database.read(lambda conn: unheard.cannot_be_had(conn, now))
        strange, doubtful = unheard.parts(edit, current, ours, story, long)
        if strange:
            read = await self._database.write(lambda conn: unheard.heard(conn, self._ids, current, now))
            strange = frozenset() if read else strange
        return strange | doubtful

    async def _read_again(self, claimed: ClaimedWish) -> Current | None:
        found = await self._zendesk.tickets([claimed.ticket])
        return current_of(found[0]) if found else None

    async def _fought_over(self, claimed: ClaimedWish, edit: Edit, ours: Ours) -> bool:
        """Park a ticket whose tags somebody keeps undoing, and say who; other tickets go on."""
        since = self._clock.now() - FIGHT_WINDOW
        if await self._database.read(lambda conn: intents.writes_since(conn, claimed.ticket, since)) < FIGHT_WRITES:
            return False
        by = list(undone_by(edit, changes_of(await self._zendesk.audits(claimed.ticket))))
        fields = [name for name, _ in edit.values]
        self._alarm("loop_suspected", ticket=claimed.ticket, tags=[*edit.add, *edit.remove], fields=fields, by=by)
        await self._settle(claimed, "parked", ours, reason="loop_suspected", plan={**edit_json(edit), "undone_by": by})
        return True

    async def _told_to_wait(self, claimed: ClaimedWish, told: TryLater, ours: Ours) -> None:
        """Told to wait: everybody waits, and it was nobody's attempt. Else Zendesk is in trouble."""
        if told.waiting:
            wait = told.after or TOLD_NOTHING
            await self._trouble.told(told)
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
        opened = await self._trouble.told(TryLater(reason))
        await self._later(claimed, ours, reason, after or self._trouble.pause(claimed.attempts), counted=not opened)

    async def _later(self, claimed: ClaimedWish, ours: Ours | None, reason: str, wait: timedelta, *, counted: bool = True) -> None:
        due_at = self._clock.now() + wait
        await self._database.write(lambda conn: desired.later(conn, claimed, due_at, reason=reason, counted=counted, ours=ours))

    async def _settle(self, claimed: ClaimedWish, status: str, ours: Ours, *, reason: str | None = None, plan: Any = None) -> None:
        now = self._clock.now()
        await self._database.write(lambda conn: desired.settle(conn, claimed, status, now, ours, reason=reason, plan=plan))

    async def _intent(self, intent: str, outcome: str) -> None:
        now = self._clock.now()
        await self._database.write(lambda conn: intents.ended(conn, intent, outcome, now))


def _owed_by(meant: Mapping[str, Any], events: Sequence[Mapping[str, Any]], now: Current) -> Edit:
    """What an intent took from people and they have not got back by now. Nothing is known of those that were kept without what was read."""
    if "read" not in meant:
        return Edit()
    edit, read = edit_from(meant), read_from(meant["read"])
    return still_owed(overwritten(read, edit, before_of(read, edit, events)), edit, now)


def _without_refused(claimed: ClaimedWish, ours: Ours) -> ClaimedWish:
    """A claimed wish without the parts that Zendesk refused for this very asking."""
    parts = refusals.standing(claimed.wish, ours)
    if not parts:
        return claimed
    held = desired.UNHEARD if claimed.held == desired.UNHEARD else desired.PART_REFUSED
    return replace(claimed, wish=hold(claimed.wish, ours, parts), held=held)

"""From wishes to confirmed tickets: claim, read the ticket as it is, plan, write down the intent, one guarded call, settle.

No transaction is open while Zendesk is asked. A wish that changes meanwhile is not settled but written again. What ends a
try decides what comes next: told to wait costs nothing, a conflict is planned anew, an unknown outcome is read before
anything is written again, and what is final (closed, deleted, refused) is said so.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.helpdesk import Current, Edit, Ours, apply, edit_json, plan, settled
from tsbridge.core.moments import Value
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import desired, keep
from tsbridge.store.db import Database
from tsbridge.store.desired import ClaimedWish
from tsbridge.vendors.errors import Conflict, GiveUp, OutcomeUnknown, TryLater, Unauthorized
from tsbridge.vendors.zendesk.client import Updated

BATCH: Final = 25
AT_ONCE: Final = 8
LEASE: Final = timedelta(seconds=120)
REPLANS: Final = 3
FIRST_PAUSE: Final = timedelta(seconds=5)
LAST_PAUSE: Final = timedelta(minutes=15)
GIVE_UP_AFTER: Final = timedelta(hours=72)
FIGHT_WINDOW: Final = timedelta(minutes=10)
FIGHT_WRITES: Final = 20
"""Writes to one ticket within the window that make a loop (Zendesk itself refuses the 31st)."""
MODE: Final = "writeback_mode"
SINGLES: Final = ("priority", "group_id", "assignee_id")


class Zendesk(Protocol):
    """What the writer needs of the client."""

    async def tickets(self, ids: Sequence[str]) -> list[dict[str, Any]]: ...
    async def audits(self, ticket: str) -> list[Mapping[str, Any]]: ...
    async def update(self, ticket: str, changes: Mapping[str, Any], stamp: str) -> Updated: ...
    async def add_tags(self, ticket: str, tags: Sequence[str]) -> None: ...


class Alarm(Protocol):
    """Tells the operator; `what` and the named values are codes and ids, never what people wrote."""

    def __call__(self, what: str, **named: object) -> None: ...


@dataclass(slots=True)
class Pace:
    """How fast this installation writes: a bucket of `per_minute` updates, a quarter of it at once at most."""

    per_minute: float
    tokens: float = 0.0
    filled_at: datetime | None = None
    closed_until: datetime | None = None

    def take(self, now: datetime) -> timedelta:
        """Take one update; returns how long to wait when there is none to take."""
        if self.closed_until is not None and now < self.closed_until:
            return self.closed_until - now
        most = max(1.0, self.per_minute / 4)
        if self.filled_at is None:
            self.tokens = most
        else:
            self.tokens = min(most, self.tokens + (now - self.filled_at).total_seconds() * self.per_minute / 60)
        self.filled_at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return timedelta()
        return timedelta(seconds=(1 - self.tokens) * 60 / self.per_minute)

    def close(self, until: datetime) -> None:
        """Zendesk told everybody to wait."""
        self.closed_until = max(until, self.closed_until or until)


class Writeback:
    """Writes what is wished. One per process; several processes share the rows by leases."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        zendesk: Zendesk | None,
        pace: Pace,
        worker: str,
        alarm: Alarm,
        default_mode: str = "live",
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._zendesk = zendesk
        self._pace = pace
        self._worker = worker
        self._alarm = alarm
        self._default_mode = default_mode
        self._jitter = jitter

    async def round(self) -> datetime | None:
        """Write one batch. Returns when to come again: now when there may be more, None when nothing waits."""
        mode = await self._database.read(lambda conn: keep.get(conn, MODE)) or self._default_mode
        if self._zendesk is None or mode == "paused":
            return None
        now = self._clock.now()
        if mode == "live":
            wait = self._waiting(now)
            if wait is not None:
                return wait
            await self._resume(now)
        claimed = await self._database.write(lambda conn: desired.claim(conn, self._worker, now, LEASE, BATCH))
        if not claimed:
            return await self._database.read(desired.next_due)
        crashpoint("writeback.claimed")
        try:
            current = {t.id: t for t in map(current_of, await self._zendesk.tickets([c.ticket for c in claimed]))}
        except (TryLater, Unauthorized) as failure:
            await self._all_later(claimed, failure)
            return await self._database.read(desired.next_due)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(wish: ClaimedWish) -> None:
            async with gate:
                await self._write(wish, current.get(wish.ticket), live=mode == "live")

        await asyncio.gather(*(one(wish) for wish in claimed))
        return self._clock.now()

    def _waiting(self, now: datetime) -> datetime | None:
        until = self._pace.closed_until
        return until if until is not None and now < until else None

    async def _resume(self, now: datetime) -> None:
        """Back in live mode, what was only planned is planned again and sent."""
        if await self._database.read(desired.any_dry_run):
            await self._database.write(lambda conn: desired.resume(conn, now))

    async def _write(self, claimed: ClaimedWish, current: Current | None, *, live: bool) -> None:
        """One ticket, from what it is to how its wish ends for now."""
        ours = claimed.ours
        if await self._unsettled(claimed):
            learnt = await self._learn(claimed, ours)
            if learnt is None:
                return
            ours = learnt
        for _ in range(REPLANS):
            if current is None:
                return await self._settle(claimed, "refused", claimed.ours, reason="deleted")
            if current.frozen is not None:
                return await self._settle(claimed, "refused", ours, reason=current.frozen)
            edit = plan(current, claimed.wish, ours)
            shown = edit_json(edit)
            if not edit:
                before = bool(ours.tags or ours.values or ours.notes or ours.absent)
                return await self._settle(claimed, "confirmed" if before else "unneeded", settled(ours, claimed.wish), plan=shown)
            if not live:
                return await self._settle(claimed, "dry_run", ours, plan=shown)
            if await self._fought_over(claimed, shown):
                return None
            outcome = await self._send(claimed, current, edit, ours)
            if outcome != "conflict":
                return None
            current = await self._read_again(claimed)
        now = self._clock.now()
        await self._later(claimed, now + self._pause(claimed.attempts), "conflict", ours=ours)

    async def _send(self, claimed: ClaimedWish, current: Current, edit: Edit, ours: Ours) -> str:
        """The one call. Returns `conflict` when the ticket has to be read again; every other end is settled here."""
        now = self._clock.now()
        wait = self._pace.take(now)
        if wait > timedelta():
            await self._later(claimed, now + wait, "pace", counted=False, ours=ours)
            return "later"
        intent = self._ids.new("int")
        shown = {**edit_json(edit), "texts": [body_of(edit)] if edit.notes else []}
        await self._database.write(lambda conn: desired.intend(conn, intent, claimed, shown, now))
        zendesk = self._asked()
        crashpoint("writeback.intended")
        try:
            updated = await zendesk.update(claimed.ticket, changes_of(current, edit, intent), current.updated_at)
        except Conflict:
            await self._intent(intent, "conflict")
            return "conflict"
        except TryLater as told:
            await self._intent(intent, "later")
            await self._told_to_wait(claimed, told, ours)
            return "later"
        except Unauthorized:
            await self._intent(intent, "later")
            self._alarm("zendesk_refuses_our_credentials")
            self._pace.close(self._clock.now() + timedelta(seconds=30))
            await self._later(claimed, self._clock.now() + timedelta(seconds=30), "unauthorized", counted=False, ours=ours)
            return "later"
        except GiveUp as final:
            await self._intent(intent, "refused")
            await self._settle(claimed, "refused", ours, reason=final.reason, plan=edit_json(edit))
            return "refused"
        except OutcomeUnknown:
            crashpoint("writeback.sent_not_settled")
            await self._intent(intent, "unknown")
            await self._try_again(claimed, "outcome_unknown", ours)
            return "unknown"
        crashpoint("writeback.answered")
        await self._restore(claimed, current, edit, updated)
        await self._database.write(lambda conn: self._done(conn, intent, claimed, edit, ours))
        crashpoint("writeback.settled")
        return "done"

    def _done(self, conn: Connection, intent: str, claimed: ClaimedWish, edit: Edit, ours: Ours) -> None:
        now = self._clock.now()
        desired.intent_done(conn, intent, "done", now)
        desired.settle(conn, claimed, "confirmed", now, settled(ours, claimed.wish), plan=edit_json(edit))

    async def _restore(self, claimed: ClaimedWish, current: Current, edit: Edit, updated: Updated) -> None:
        """Stamps have whole seconds: a tag somebody added within the second of our read was overwritten. Put it back."""
        lost = sorted(tags_before(updated.events) - current.tags - set(edit.remove))
        if lost:
            self._alarm("foreign_tag_restored", ticket=claimed.ticket, count=len(lost))
            await self._asked().add_tags(claimed.ticket, lost)

    async def _unsettled(self, claimed: ClaimedWish) -> list[str]:
        return await self._database.read(lambda conn: desired.unsettled_intents(conn, claimed.ticket))

    async def _learn(self, claimed: ClaimedWish, ours: Ours) -> Ours | None:
        """An earlier call's answer never came: look in the audits whether it happened, so that no note is written twice.

        None when that cannot be found out now; the wish is given back.
        """
        open_intents = await self._unsettled(claimed)
        try:
            audits = await self._asked().audits(claimed.ticket)
        except (TryLater, Unauthorized) as failure:
            await self._told_to_wait(claimed, failure if isinstance(failure, TryLater) else TryLater("unauthorized"), ours)
            return None
        except GiveUp:
            audits = []
        written = markers(audits)
        happened = [intent for intent in open_intents if intent in written]
        notes = {key for intent in happened for key in written[intent]}
        known = Ours(ours.tags, ours.absent, ours.values, ours.notes | notes)
        now = self._clock.now()

        def settle(conn: Connection) -> None:
            for intent in open_intents:
                desired.intent_done(conn, intent, "done" if intent in happened else "lost", now)

        await self._database.write(settle)
        return known

    async def _read_again(self, claimed: ClaimedWish) -> Current | None:
        found = await self._asked().tickets([claimed.ticket])
        return current_of(found[0]) if found else None

    async def _fought_over(self, claimed: ClaimedWish, shown: Mapping[str, Any]) -> bool:
        """Park a ticket whose tags somebody keeps undoing; other tickets go on."""
        since = self._clock.now() - FIGHT_WINDOW
        if await self._database.read(lambda conn: desired.writes_since(conn, claimed.ticket, since)) < FIGHT_WRITES:
            return False
        self._alarm("loop_suspected", ticket=claimed.ticket, tags=[*shown["add"], *shown["remove"]])
        await self._settle(claimed, "parked", claimed.ours, reason="loop_suspected", plan=shown)
        return True

    async def _told_to_wait(self, claimed: ClaimedWish, told: TryLater, ours: Ours) -> None:
        now = self._clock.now()
        if told.waiting:
            until = now + (told.after or timedelta(seconds=10))
            self._pace.close(until)
            await self._later(claimed, until, told.reason, counted=False, ours=ours)
        else:
            await self._try_again(claimed, told.reason, ours, told.after)

    async def _try_again(self, claimed: ClaimedWish, reason: str, ours: Ours, after: timedelta | None = None) -> None:
        """Later, twice as late each time; after three days a person has to look."""
        now = self._clock.now()
        if now - claimed.asked_at > GIVE_UP_AFTER:
            self._alarm("writeback_given_up", ticket=claimed.ticket)
            await self._settle(claimed, "parked", ours, reason="gave_up")
        else:
            await self._later(claimed, now + (after or self._pause(claimed.attempts)), reason, ours=ours)

    def _pause(self, attempts: int) -> timedelta:
        """Full jitter, so that many tickets do not come back at once."""
        longest = min(LAST_PAUSE, FIRST_PAUSE * (1 << min(attempts, 12)))
        return max(timedelta(seconds=1), longest * self._jitter())

    async def _all_later(self, claimed: Sequence[ClaimedWish], failure: TryLater | Unauthorized) -> None:
        """Zendesk cannot be asked at all: nobody's fault, so nobody's attempt; one probe in half a minute."""
        now = self._clock.now()
        told = failure.after if isinstance(failure, TryLater) else None
        until = now + (told or timedelta(seconds=30))
        if isinstance(failure, Unauthorized):
            self._alarm("zendesk_refuses_our_credentials")
        self._pace.close(until)

        def give_back(conn: Connection) -> None:
            for wish in claimed:
                desired.later(conn, wish, until, reason=failure.reason, counted=False)

        await self._database.write(give_back)

    async def _later(self, claimed: ClaimedWish, due_at: datetime, reason: str, *, counted: bool = True, ours: Ours | None = None) -> None:
        await self._database.write(lambda conn: desired.later(conn, claimed, due_at, reason=reason, counted=counted, ours=ours))

    async def _settle(self, claimed: ClaimedWish, status: str, ours: Ours, *, reason: str | None = None, plan: Any = None) -> None:
        now = self._clock.now()
        await self._database.write(lambda conn: desired.settle(conn, claimed, status, now, ours, reason=reason, plan=plan))

    async def _intent(self, intent: str, outcome: str) -> None:
        now = self._clock.now()
        await self._database.write(lambda conn: desired.intent_done(conn, intent, outcome, now))

    def _asked(self) -> Zendesk:
        if self._zendesk is None:
            raise TryLater("no_zendesk")
        return self._zendesk


def current_of(ticket: Mapping[str, Any]) -> Current:
    """A REST ticket as what we compare wishes with. Ids become text, as everywhere inside."""
    values: dict[str, Value] = {"priority": ticket.get("priority") or None}
    for name in ("group_id", "assignee_id"):
        values[name] = str(ticket[name]) if ticket.get(name) else None
    for entry in ticket.get("custom_fields") or ():
        if isinstance(entry, Mapping) and entry.get("id") is not None:
            value = entry.get("value")
            values[f"custom:{entry['id']}"] = tuple(value) if isinstance(value, list) else value
    tags = frozenset(str(tag) for tag in ticket.get("tags") or ())
    return Current(str(ticket.get("id")), str(ticket.get("status") or ""), tags, values, str(ticket.get("updated_at") or ""))


def changes_of(current: Current, edit: Edit, intent: str) -> dict[str, Any]:
    """An edit as Zendesk's ticket properties: everything in one update, so that it lands whole or not at all."""
    changes: dict[str, Any] = {}
    if edit.add or edit.remove:
        changes["tags"] = sorted(apply(current, edit).tags)
    customs = []
    for name, value in edit.values:
        if name in SINGLES:
            changes[name] = int(value) if name.endswith("_id") and isinstance(value, str) else value
        else:
            customs.append({"id": int(name.removeprefix("custom:")), "value": list(value) if isinstance(value, tuple) else value})
    if customs:
        changes["custom_fields"] = customs
    if edit.notes:
        changes["comment"] = {"body": body_of(edit), "public": False}
    changes["metadata"] = {"tsbridge": intent, "notes": [key for key, _ in edit.notes]}
    return changes


def body_of(edit: Edit) -> str:
    return "\n\n".join(text for _, text in edit.notes)


def tags_before(events: Sequence[Mapping[str, Any]]) -> set[str]:
    """The tags a ticket had when our update was applied, as its audit tells."""
    for event in events:
        if event.get("type") == "Change" and event.get("field_name") == "tags":
            before = event.get("previous_value")
            return set(before.split() if isinstance(before, str) else map(str, before or ()))
    return set()


def markers(audits: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Our intents found in audits, each with the note keys it wrote."""
    found: dict[str, list[str]] = {}
    for audit in audits:
        metadata = audit.get("metadata")
        custom = metadata.get("custom") if isinstance(metadata, Mapping) else None
        if isinstance(custom, Mapping) and isinstance(custom.get("tsbridge"), str):
            notes = custom.get("notes")
            found[custom["tsbridge"]] = [str(key) for key in notes] if isinstance(notes, list) else []
    return found

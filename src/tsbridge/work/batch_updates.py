"""Large backlogs: tickets that need the same tags on or off share one job, a hundred tickets for one permit.

Only tags: they go on and off without touching what else is on a ticket, so the job needs no guard and may be repeated. A ticket
that needs more, whose job failed, that does not show what the job did, or with whom anything is unclear is written alone.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core.choices import Choices, joined
from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.errors import Conflict, GiveUp, OutcomeUnknown, VendorError
from tsbridge.core.helpdesk import Current, Edit, Ours, plan, settled
from tsbridge.core.helpdesk_json import edit_json, ours_json
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import budget, desired, intents
from tsbridge.store.db import Database
from tsbridge.store.desired import ClaimedWish
from tsbridge.store.rulebooks import newest
from tsbridge.vendors.zendesk.tickets import current_of
from tsbridge.work import unheard
from tsbridge.work.loop import LEASE
from tsbridge.work.pace import Pace
from tsbridge.work.unheard import Story

MANY: Final = 100
"""Tickets of one job, and due wishes that make a backlog."""
FEW: Final = 5
"""Fewer tickets with the same edit are written alone."""
NOT_SHOWN: Final = "not_shown"


class Zendesk(Protocol):
    """What is needed of the client."""

    async def tag_many(self, tickets: Sequence[str], add: Sequence[str], remove: Sequence[str], marker: str) -> str: ...
    async def follow(self, job: str) -> Mapping[str, str | None]: ...
    async def tickets(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Tickets that need the same tags-only edit; of each what will be ours once it is done."""

    edit: Edit
    members: tuple[tuple[ClaimedWish, Ours], ...]


def batches(
    claimed: Iterable[ClaimedWish], current: Mapping[str, Current], alone: Set[str], known: Mapping[str, Story], choices: Choices
) -> list[Batch]:
    """What can be written together, in the order of the claim. `alone`: tickets to be left out; `known`: what was heard of each."""
    same: dict[Edit, list[tuple[ClaimedWish, Ours]]] = defaultdict(list)
    for wish in claimed:
        ticket = current.get(wish.ticket)
        if ticket is None or ticket.frozen is not None or wish.attempts or wish.ticket in alone or wish.ours.refused:
            continue
        edit = joined(plan(ticket, wish.wish, wish.ours), ticket, wish.wish, choices, wish.ours.owed)
        story = known.get(wish.ticket, unheard.NOTHING)
        if any(unheard.parts(edit, ticket, wish.ours, story, False)):
            continue
        if edit and not edit.values and not edit.notes and wish.ours.owed == Edit():
            same[edit].append((wish, settled(wish.ours, wish.wish, ticket, edit)))
    return [Batch(edit, tuple(members)) for edit, members in same.items() if len(members) >= FEW]


class BatchWriter:
    """Writes batches. Every member is settled or given back when `write` returns or raises."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, zendesk: Zendesk, pace: Pace) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._zendesk = zendesk
        self._pace = pace

    async def write(self, batch: Batch) -> None:
        """One job, followed to its end. Raises the vendor's error, when Zendesk could not be asked or did not say how it ended."""
        marker = self._ids.new("int")
        held = await self._database.write(lambda conn: self._intend(conn, batch, marker))
        if not held:
            return
        crashpoint("writeback.intended")
        tickets = [wish.ticket for wish, _ in held]
        try:
            ended = await self._zendesk.follow(await self._zendesk.tag_many(tickets, batch.edit.add, batch.edit.remove, marker))
        except VendorError as failure:
            await self._database.write(functools.partial(self._failed, held=held, marker=marker, failure=failure))
            if not isinstance(failure, (GiveUp, Conflict)):
                raise
            return
        crashpoint("writeback.answered")
        otherwise = await self._otherwise(tickets, batch.edit)
        await self._database.write(lambda conn: self._ended(conn, batch.edit, held, marker, {**ended, **otherwise}))
        crashpoint("writeback.settled")

    async def _otherwise(self, tickets: Sequence[str], edit: Edit) -> Mapping[str, str]:
        """The tickets that are not as the job said it left them: looked at alone, their audits tell whether Zendesk kept nothing of it or
        somebody else was there. Where they cannot be read, the job's word counts.
        """
        try:
            found = await self._zendesk.tickets(tickets)
        except VendorError:
            return {}
        return {
            ticket.id: NOT_SHOWN for ticket in map(current_of, found) if not set(edit.add) <= ticket.tags or ticket.tags & set(edit.remove)
        }

    def _intend(self, conn: Connection, batch: Batch, marker: str) -> list[tuple[ClaimedWish, Ours]]:
        """The last look before the call. Returns the members that still are ours; without a permit they wait for one."""
        now = self._clock.now()
        if (stopped := self._pace.permit(conn, now)) is not None:
            for wish, _ in batch.members:
                desired.later(conn, wish, stopped.due or now, reason=stopped.reason, counted=False)
            return []
        version = newest(conn)
        for wish in [wish for wish, _ in batch.members if wish.version < version]:
            desired.later(conn, wish, now, reason="rulebook", counted=False)
        current = [(wish, after) for wish, after in batch.members if wish.version >= version]
        held = [(wish, after) for wish, after in current if desired.hold(conn, wish, now, LEASE)]
        for wish, after in held:
            meant = {**edit_json(batch.edit), "texts": [], "ours": ours_json(after)}
            intents.add(conn, intent_of(marker, wish), wish, meant, now)
        return held

    def _failed(self, conn: Connection, held: Sequence[tuple[ClaimedWish, Ours]], marker: str, failure: VendorError) -> None:
        """Nothing is known of the job, or it was not taken: each ticket is looked at alone."""
        now = self._clock.now()
        unknown = isinstance(failure, OutcomeUnknown)
        for wish, _ in held:
            intents.ended(conn, intent_of(marker, wish), "unknown" if unknown else "later", now)
            desired.later(conn, wish, now, reason=failure.reason, counted=unknown or isinstance(failure, (GiveUp, Conflict)))

    def _ended(
        self, conn: Connection, edit: Edit, held: Sequence[tuple[ClaimedWish, Ours]], marker: str, ended: Mapping[str, str | None]
    ) -> None:
        now, told = self._clock.now(), self._pace.told()
        budget.change(conn, lambda b: flow.heard(flow.succeeded(b, now), told, now))
        for wish, after in held:
            intent, error = intent_of(marker, wish), ended.get(wish.ticket, "not_reported")
            if error is None:
                kept = desired.settle(conn, wish, "confirmed", now, after, plan=edit_json(edit), wrote=True)
                intents.ended(conn, intent, "done" if kept else "unknown", now)
            else:
                intents.ended(conn, intent, "unknown" if error in ("not_reported", NOT_SHOWN) else "refused", now)
                desired.later(conn, wish, now, reason=error)


def intent_of(marker: str, wish: ClaimedWish) -> str:
    """The intent of one ticket of a job. Its audit carries the job's marker alone."""
    return f"{marker}:{wish.ticket}"


def waiting(conn: Connection, now: datetime) -> bool:
    """Whether so many wishes are due that writing together is worth its while."""
    return desired.due(conn, now, MANY) >= MANY

"""Catching up: the export of changed tickets, page by page, shows what has drifted, what is gone, and what was never heard.

One process at a time reads it. The place in the export is kept in the same transaction as what was found up to there, and within a
page which tickets are done, so nothing is skipped and nothing told twice, whenever it is killed and however little may be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.choices import outdone
from tsbridge.core.drift import Drift, drifts
from tsbridge.core.errors import GiveUp, TryLater, VendorError
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.wish_origins import parts
from tsbridge.store import choices, drift_rows, inbox, moments, stored_values
from tsbridge.store import wanted_facts as wanted
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors import reading
from tsbridge.vendors.reading import whole_id
from tsbridge.vendors.zendesk.audits import changes_of
from tsbridge.vendors.zendesk.client import AuditPage
from tsbridge.vendors.zendesk.missed import gone
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.vendors.zendesk.tickets import current_of
from tsbridge.work.answered import Answered
from tsbridge.work.hearing import STREAM
from tsbridge.work.looks import Turn
from tsbridge.work.loop import LEASE
from tsbridge.work.reads import ReadBudget
from tsbridge.work.trouble import Alarm

NAME: Final = "reconciler"
EVERY: Final = timedelta(minutes=2)
PAGE: Final = 100
OUR_PACE: Final = "reads"
"""The reason of waiting because we have read enough for now."""
SOON: Final = timedelta(seconds=5)
RECENT: Final = timedelta(minutes=2)
"""How far back from now nothing counts as history: it may have rung, and be on its way."""
OVERLAP: Final = timedelta(minutes=5)
"""How far back the first look goes."""


class Zendesk(Protocol):
    """What is asked of Zendesk; answers are its own JSON."""

    server_time: datetime | None
    """When it last answered, by its own clock: one of ours that is ahead would have a first look pass by what happens until then."""

    async def incremental(self, *, cursor: str | None = None, start_time: int | None = None, per_page: int = 1000) -> Mapping[str, Any]: ...
    async def audit_page(self, ticket: str, after: str | None = None) -> AuditPage: ...


@dataclass(frozen=True, slots=True)
class Look:
    """How far somebody is: a cursor, or the time to begin at.

    `seen`: tickets of the page there that are done, with their stamps. `instead`: the export of ticket events is refused, and what
    changed is told from here.
    """

    name: str
    since: datetime
    cursor: str | None
    tickets: int = 0
    told: int = 0
    done: bool = False
    seen: frozenset[str] = frozenset()
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What one page came to: how many tickets were looked at, and how many of them are to be read. `whole`: none of it is left."""

    tickets: int
    told: int
    end: bool
    whole: bool = True


class Reconciler:
    """Reads the export. `own`: whom we write as; `wake`: there are deliveries; `wake_writer`: something is to be written again.

    `tells`: whether tickets that changed after what was heard of them are noted to be read; the running service has the export of
    ticket events for that, as long as Zendesk does not refuse it. `quiet`: what is found is history: it tells nobody and fires no step
    that is overdue (ADR 14).
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        zendesk: Zendesk,
        own: Callable[[], OwnUser],
        worker: str,
        alarm: Alarm,
        rulebooks: LiveRulebook,
        reads: ReadBudget,
        wake: Callable[[], None],
        wake_writer: Callable[[], None],
        *,
        tells: bool = False,
        quiet: bool = False,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._zendesk = zendesk
        self._own = own
        self._alarm = alarm
        self._rulebooks = rulebooks
        self._reads = reads
        self._wake = wake
        self._wake_writer = wake_writer
        self._tells = tells
        self._quiet = quiet
        self._turn = Turn(database, clock, worker, f"{NAME}_lease", EVERY, LEASE)
        self._answered = Answered(database, clock, "reconcile")

    async def round(self) -> datetime | bool:
        """Read one page when it is time to; returns when to look again, True for at once."""
        now = self._clock.now()
        if self._own().id is None:
            return now + SOON  # until we know who we are, our own updates would look like somebody's
        if not await self._turn.mine():
            return self._turn.next
        try:
            found = await self.page(NAME)
        except VendorError as failure:
            if failure.reason != OUR_PACE:
                await self._answered.note(failure)
            if isinstance(failure, TryLater):
                self._turn.next = now + max(failure.after or EVERY, EVERY)
            return self._turn.next
        await self._answered.note(None)
        if not found.whole:
            self._turn.next = max(now + SOON, await self._reads.next_free("catching_up"))
        elif not found.end:
            self._turn.next = now
            return True
        return self._turn.next

    async def page(self, name: str, begin: datetime | None = None) -> Found:
        """Read the next page of the look called `name`, or what is left of it. Raises the vendors' errors.

        `begin`: where the look begins; None: a little before now, by Zendesk's clock where ours is ahead."""
        first = begin or self._first()
        look = await self._database.read(lambda conn: self._look(conn, name, first))
        if not await self._reads.take("export", 1):
            raise TryLater(OUR_PACE, await self._reads.next_free("export") - self._clock.now())
        shown = await self._zendesk.incremental(
            cursor=look.cursor, start_time=None if look.cursor else int(look.since.timestamp()), per_page=PAGE
        )
        if (
            begin is None
            and look.cursor is None
            and (await self._database.read(lambda conn: self._look(conn, name, self._first()))).since < look.since
        ):
            return Found(0, 0, end=False, whole=True)  # a first look, and only by this answer Zendesk's clock is known
        tickets = [t for t in shown.get("tickets") or () if isinstance(t, Mapping) and whole_id(t.get("id")) and _stamp(t) not in look.seen]
        drifted = await self._database.read(lambda conn: self._drifted(conn, tickets))
        audits = await self._audits(drifted)
        ready = [ticket for ticket in tickets if str(ticket["id"]) not in drifted or str(ticket["id"]) in audits]
        whole = len(ready) == len(tickets)
        cursor, end = shown.get("after_cursor"), bool(shown.get("end_of_stream"))
        place = replace(look, cursor=str(cursor) if cursor else look.cursor, done=end, seen=frozenset()) if whole else look
        told, healed = await self._database.write(lambda conn: self._keep(conn, place, whole, ready, audits))
        if told:
            self._wake()
        if healed:
            self._wake_writer()
        return Found(len(ready), told, end and whole, whole)

    def _first(self) -> datetime:
        """Where a first look begins: a little before now, by Zendesk's clock where ours is ahead."""
        now = self._clock.now()
        return min(now, self._zendesk.server_time or now) - OVERLAP

    def _look(self, conn: Connection, name: str, begin: datetime) -> Look:
        look = look_of(conn, name, begin)
        if self._tells:
            return look
        events = stored_values.get(conn, STREAM)
        refused = bool(events and events.get("refused"))
        if refused and not look.instead:  # from where the other one stopped: what came since was passed by here
            return Look(name, datetime.fromtimestamp(events["from"], UTC), None, look.tickets, look.told, instead=True)
        return replace(look, instead=refused)

    async def _audits(self, drifted: Sequence[str]) -> dict[str, Sequence[Mapping[str, Any]]]:
        """The newest audits of tickets that read otherwise than we saw to, as far as reading is free."""
        found: dict[str, Sequence[Mapping[str, Any]]] = {}
        for ticket in drifted[: await self._reads.take("catching_up", len(drifted))]:
            try:
                found[ticket] = (await self._zendesk.audit_page(ticket)).audits
            except GiveUp:  # gone since the export was made; its next page will say so
                found[ticket] = ()
        return found

    def _drifted(self, conn: Connection, tickets: Sequence[Mapping[str, Any]]) -> list[str]:
        """Those that read otherwise than we saw to: their audits tell why."""
        shown = {str(ticket["id"]): ticket for ticket in tickets}
        alive = [one for one in drift_rows.settled(conn, shown) if shown[one.ticket].get("status") != "deleted"]
        known, own = choices.load(conn) if alive else {}, self._own().id
        return sorted(
            one.ticket
            for one in alive
            if drifts(current_of(shown[one.ticket]), one.wish, one.ours, (), own, outdone=outdone(one.wish, known))
        )

    def _keep(
        self,
        conn: Connection,
        place: Look,
        whole: bool,
        tickets: Sequence[Mapping[str, Any]],
        audits: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> tuple[int, bool]:
        now, own = self._clock.now(), self._own().id
        known = moments.last_heard(conn, [str(ticket["id"]) for ticket in tickets])
        since = None if self._quiet else place.since
        bodies = [gone(ticket) for ticket in tickets if ticket.get("status") == "deleted" and _may_be_told(ticket, known, since)]
        rows = [
            inbox.Delivery(self._ids.new("evt"), "zendesk", key, now, {}, json.dumps(body, ensure_ascii=False).encode(), polled=True)
            for key, body in bodies
        ]
        receipts = inbox.keep(conn, rows) if rows else []
        told = sum(receipt.status == "accepted" for receipt in receipts)
        if self._tells or place.instead:
            unheard = [str(ticket["id"]) for ticket in tickets if _unheard(ticket, known)]
            wanted.want_read(conn, unheard, now, now, alone=True, quiet_before=now - RECENT if self._quiet else None)
            told += len(unheard)
        healed = self._review(conn, tickets, audits, own, now)
        seen = frozenset() if whole else place.seen | {_stamp(ticket) for ticket in tickets}
        kept = replace(place, tickets=place.tickets + len(tickets), told=place.told + told, seen=seen)
        stored_values.put(conn, place.name, look_json(kept))
        return told, healed

    def _review(
        self,
        conn: Connection,
        tickets: Iterable[Mapping[str, Any]],
        audits: Mapping[str, Sequence[Mapping[str, Any]]],
        own: str | None,
        now: datetime,
    ) -> bool:
        """Compare what the tickets read with what we saw to; have written again what was lost. True when there is something to write."""
        shown = {str(ticket["id"]): ticket for ticket in tickets}
        healed = False
        settled = drift_rows.settled(conn, shown)
        live = parts(self._rulebooks.live(conn).book) if settled else frozenset()
        known = choices.load(conn) if settled else {}
        for one in settled:
            current = current_of(shown[one.ticket])
            differences = drifts(current, one.wish, one.ours, changes_of(audits.get(one.ticket, ())), own, live, outdone(one.wish, known))
            fresh = drift_rows.found(conn, one, differences, now, self._ids.new)
            lost = [each for each in fresh if each.policy == "heal"]
            healed |= bool(lost) and drift_rows.heal(conn, one, lost, now)
            self._tell(one.ticket, [each for each in fresh if each.policy == "ask"])
        return healed

    def _tell(self, ticket: str, asked: Sequence[Drift]) -> None:
        if asked:
            self._alarm("a rule in Zendesk undoes what ours ask for", ticket=ticket, tags=[each.what for each in asked])


def look_of(conn: Connection, name: str, begin: datetime) -> Look:
    """Where a look is; a new one begins at `begin`."""
    kept = stored_values.get(conn, name)
    if kept is None:
        return Look(name, begin, None)
    since, seen = read_instant(kept["since"]), frozenset(kept.get("seen", ()))
    return Look(name, since, kept["cursor"], kept["tickets"], kept["told"], kept["done"], seen, kept.get("instead", False))


def look_json(look: Look) -> dict[str, Any]:
    told = {
        "cursor": look.cursor,
        "tickets": look.tickets,
        "told": look.told,
        "done": look.done,
        "seen": sorted(look.seen),
        "instead": look.instead,
    }
    return {"since": instant_text(look.since), **told}


def _stamp(ticket: Mapping[str, Any]) -> str:
    """A ticket as the export shows it: changed again it is another one."""
    return f"{ticket.get('id')}:{ticket.get('updated_at')}:{ticket.get('generated_timestamp')}"


def _unheard(ticket: Mapping[str, Any], known: Mapping[str, datetime | None]) -> bool:
    """Whether a ticket changed after the newest of its audits that was heard."""
    heard, changed = known.get(str(ticket["id"])), reading.time(ticket.get("updated_at"))
    return ticket.get("status") != "deleted" and (heard is None or (changed is not None and heard < changed))


def _may_be_told(ticket: Mapping[str, Any], known: Mapping[str, datetime | None], since: datetime | None) -> bool:
    """Whether a ticket that is gone was heard of, or may be yet: one made since we look, whose ring or row of events comes after this."""
    made = reading.time(ticket.get("created_at"))
    return str(ticket["id"]) in known or (since is not None and made is not None and made >= since)

"""Catching up: the export of changed tickets, page by page, gives what webhooks missed to the inbox and shows what has drifted.

One process at a time reads it. The place in the export is kept in the same transaction as what was found up to there, so
nothing is skipped and nothing told twice, whenever it is killed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.asking import parts
from tsbridge.core.drift import Drift, drifts
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import drift, inbox, keep, moments
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors.errors import GiveUp, TryLater, VendorError
from tsbridge.vendors.zendesk.audits import changes_of
from tsbridge.vendors.zendesk.missed import Heard, gone, missed
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.vendors.zendesk.tickets import current_of

NAME: Final = "reconciler"
EVERY: Final = timedelta(minutes=2)
PAGE: Final = 100
SOON: Final = timedelta(seconds=5)
LEASE: Final = timedelta(minutes=5)
OVERLAP: Final = timedelta(minutes=5)
"""How far back the first look goes, and how much older than the place in the export an audit may be."""
Alarm = Callable[..., None]


class Zendesk(Protocol):
    """What is asked of Zendesk; answers are its own JSON."""

    async def incremental(self, *, cursor: str | None = None, start_time: int | None = None, per_page: int = 1000) -> Mapping[str, Any]: ...
    async def audits(self, ticket: str) -> list[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Look:
    """How far somebody is: a cursor, or the time to begin at. `since`: older audits are history, not missed."""

    name: str
    since: datetime
    cursor: str | None
    tickets: int = 0
    told: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What one page came to: how many tickets it showed and how many deliveries it told."""

    tickets: int
    told: int
    end: bool


class Reconciler:
    """Reads the export. `own`: whom we write as; `wake`: there are deliveries; `wake_writer`: something is to be written again."""

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
        wake: Callable[[], None],
        wake_writer: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._zendesk = zendesk
        self._own = own
        self._worker = worker
        self._alarm = alarm
        self._rulebooks = rulebooks
        self._wake = wake
        self._wake_writer = wake_writer
        self._look_at: datetime | None = None

    async def round(self) -> datetime | bool:
        """Read one page when it is time to; returns when to look again, True for at once."""
        now = self._clock.now()
        if self._look_at is not None and now < self._look_at:
            return self._look_at
        if self._own().id is None:
            return now + SOON  # until we know who we are, our own updates would look like somebody's
        self._look_at = now + EVERY
        if not await self._database.write(lambda conn: keep.take_turn(conn, f"{NAME}_lease", self._worker, now, LEASE)):
            return self._look_at
        try:
            found = await self.page(NAME, now - OVERLAP)
        except TryLater as wait:
            self._look_at = max(self._look_at, now + (wait.after or EVERY))
            return self._look_at
        except VendorError:
            return self._look_at
        if not found.end:
            self._look_at = None
            return True
        return self._look_at

    async def page(self, name: str, begin: datetime) -> Found:
        """Read the next page of the look called `name`, which begins at `begin`. Raises the vendors' errors."""
        look = await self._database.read(lambda conn: look_of(conn, name, begin))
        shown = await self._zendesk.incremental(
            cursor=look.cursor, start_time=None if look.cursor else int(look.since.timestamp()), per_page=PAGE
        )
        tickets = [ticket for ticket in shown.get("tickets") or () if isinstance(ticket, Mapping) and ticket.get("id")]
        audits = {str(ticket["id"]): await self._audits(ticket) for ticket in tickets}
        cursor, end = shown.get("after_cursor"), bool(shown.get("end_of_stream"))
        since = look.since - OVERLAP
        told, healed = await self._database.write(lambda conn: self._keep(conn, look, tickets, audits, since, cursor, end))
        if told:
            self._wake()
        if healed:
            self._wake_writer()
        return Found(len(tickets), told, end)

    async def _audits(self, ticket: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        if ticket.get("status") == "deleted":
            return []
        try:
            return await self._zendesk.audits(str(ticket["id"]))
        except GiveUp:  # gone since the export was made; its next page will say so
            return []

    def _keep(
        self,
        conn: Connection,
        look: Look,
        tickets: Sequence[Mapping[str, Any]],
        audits: Mapping[str, list[Mapping[str, Any]]],
        since: datetime,
        cursor: Any,
        end: bool,
    ) -> tuple[int, bool]:
        now = self._clock.now()
        known = moments.heard_of(conn, [str(ticket["id"]) for ticket in tickets])
        heard = {ticket: [Heard(at, text, audit) for at, text, audit in told] for ticket, told in known.items()}
        bodies: list[tuple[str, dict[str, Any]]] = []
        for ticket in tickets:
            before = heard.get(str(ticket["id"]), [])
            if ticket.get("status") != "deleted":
                bodies += missed(ticket, audits[str(ticket["id"])], before, since)
            elif before:
                bodies.append(gone(ticket))
        rows = [
            inbox.Delivery(self._ids.new("evt"), "zendesk", key, now, {}, json.dumps(body, ensure_ascii=False).encode(), polled=True)
            for key, body in bodies
        ]
        receipts = inbox.keep(conn, rows) if rows else []
        told = sum(receipt.status == "accepted" for receipt in receipts)
        healed = self._review(conn, tickets, audits, self._own().id, now)
        place = Look(look.name, look.since, str(cursor) if cursor else look.cursor, look.tickets + len(tickets), look.told + told, end)
        keep.put(conn, look.name, look_json(place))
        return told, healed

    def _review(
        self,
        conn: Connection,
        tickets: Iterable[Mapping[str, Any]],
        audits: Mapping[str, list[Mapping[str, Any]]],
        own: str | None,
        now: datetime,
    ) -> bool:
        """Compare what the tickets read with what we saw to; have written again what was lost. True when there is something to write."""
        shown = {str(ticket["id"]): ticket for ticket in tickets}
        healed = False
        settled = drift.settled(conn, shown)
        live = parts(self._rulebooks.live(conn).book) if settled else frozenset()
        for one in settled:
            current = current_of(shown[one.ticket])
            differences = drifts(current, one.wish, one.ours, changes_of(audits[one.ticket]), own, live)
            fresh = drift.found(conn, one, differences, now, self._ids.new)
            lost = [each for each in fresh if each.policy == "heal"]
            healed |= bool(lost) and drift.heal(conn, one, lost, now)
            self._tell(one.ticket, [each for each in fresh if each.policy == "ask"])
        return healed

    def _tell(self, ticket: str, asked: Sequence[Drift]) -> None:
        if asked:
            self._alarm("a rule in Zendesk undoes what ours ask for", ticket=ticket, tags=[each.what for each in asked])


def look_of(conn: Connection, name: str, begin: datetime) -> Look:
    """Where a look is; a new one begins at `begin`."""
    kept = keep.get(conn, name)
    if kept is None:
        return Look(name, begin, None)
    return Look(name, read_instant(kept["since"]), kept["cursor"], kept["tickets"], kept["told"], kept["done"])


def look_json(look: Look) -> dict[str, Any]:
    return {"since": instant_text(look.since), "cursor": look.cursor, "tickets": look.tickets, "told": look.told, "done": look.done}

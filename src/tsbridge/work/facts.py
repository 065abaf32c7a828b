"""Background facts: what a delivery does not carry and the live rulebook reads, looked up at Zendesk.

Asked once for a ticket, in batches, never inside a transaction; of a ticket whose audits were read from its creation on only
the requester's user record, for the audits tell the rest. They become moments of the story (`facts`, at the
ticket's creation), so a judgement sees them like anything else. When Zendesk cannot be asked, judging goes ahead with
what is known; the ticket is noted, and its case judged again when the facts arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.moments import UNJUDGED, Moment, instant_text
from tsbridge.core.ports import Clock
from tsbridge.store import facts as wanted
from tsbridge.store import moments
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors.errors import VendorError
from tsbridge.vendors.zendesk.client import MANY
from tsbridge.vendors.zendesk.facts import facts_of
from tsbridge.work.reads import ReadBudget, Reader

REQUESTER = frozenset(f"requester.{name}" for name in ("email", "phone", "name", "domain", "country", "tags"))
TEXT = frozenset({"text", "subject"})
FIRST_RETRY = timedelta(seconds=5)
LAST_RETRY = timedelta(minutes=15)
NOTHING: Final[Mapping[str, Mapping[str, Any]]] = {}


class Ask(Protocol):
    """One of the questions below."""

    async def __call__(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]: ...


class Zendesk(Protocol):
    """The two questions asked of Zendesk; answers are its own JSON, missing ids are left out."""

    async def tickets(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]: ...
    async def users(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]: ...


class Background:
    """Looks up background facts. Without a Zendesk to ask there are none, and none are missed."""

    def __init__(
        self, database: Database, clock: Clock, rulebooks: LiveRulebook, zendesk: Zendesk | None, phone_region: str, reads: ReadBudget
    ) -> None:
        self._database = database
        self._clock = clock
        self._rulebooks = rulebooks
        self._zendesk = zendesk
        self._phone_region = phone_region
        self._permits = reads

    async def look_up(self, heard: Sequence[Moment]) -> list[Moment]:
        """Facts for the tickets among `heard` that lack some; empty when nothing is lacking or Zendesk cannot be asked."""
        if self._zendesk is None:
            return []
        reads = await self._reads()
        lacking = sorted({m.interaction for m in heard if lacks(m, reads)})
        if not lacking:
            return []
        known = await self._database.read(lambda conn: moments.has_facts(conn, lacking))
        changed = {m.interaction for m in heard if any(c.field == "requester.id" for c in m.changes)}
        return await self._ask([ticket for ticket in lacking if ticket not in known or ticket in changed], _born(heard))

    async def due(self) -> list[str]:
        """Tickets judged without their facts or audits whose time to ask has come."""
        if self._zendesk is None:
            return []
        now = self._clock.now()
        return await self._database.read(lambda conn: wanted.due(conn, now, 100))

    async def take_up(self, tickets: Sequence[str], audits: Mapping[str, object], gone: Set[str]) -> tuple[list[Moment], datetime | None]:
        """Facts for tickets that were `due`, and when to ask next.

        `audits`: those of them whose audits were read just now; `gone`: those that are never to be read.
        """
        if self._zendesk is None:
            return [], None
        now = self._clock.now()
        found = await self._ask([ticket for ticket in tickets if ticket not in gone])
        if tickets:
            told = {moment.interaction for moment in found} & audits.keys()
            missed = [ticket for ticket in tickets if ticket not in told and ticket not in gone]

            def note(conn: Connection) -> None:
                wanted.forget(conn, sorted(gone))
                wanted.later(conn, missed, now, FIRST_RETRY, LAST_RETRY)

            await self._database.write(note)
        return [m for m in found if m.interaction in audits], await self._database.read(wanted.next_due)

    def settle(self, conn: Connection, found: Iterable[Moment]) -> None:
        """The facts of these tickets have arrived."""
        wanted.forget(conn, [moment.interaction for moment in found])

    def note_missing(self, conn: Connection, heard: Sequence[Moment], found: Iterable[Moment], now: datetime) -> None:
        """Remember the tickets that were judged without their facts, to ask again soon."""
        if self._zendesk is None or not heard:
            return
        reads = self._rulebooks.live(conn).book.reads
        lacking = {m.interaction for m in heard if lacks(m, reads)} - {m.interaction for m in found}
        unread = {m.interaction for m in heard if m.impression}  # their audits are still to come
        missing = sorted(unread | (lacking - moments.has_facts(conn, sorted(lacking)))) if lacking or unread else []
        if missing:
            wanted.want(conn, missing, now, now + FIRST_RETRY)

    async def _reads(self) -> frozenset[str]:
        return await self._database.read(lambda conn: self._rulebooks.live(conn).book.reads)

    async def _ask(self, tickets: Sequence[str], born: Mapping[str, Mapping[str, Any]] = NOTHING) -> list[Moment]:
        """`born`: tickets that the audits tell of from their creation on."""
        if self._zendesk is None or not tickets:
            return []
        try:
            _, found = await self._some("facts", [ticket for ticket in tickets if ticket not in born], self._zendesk.tickets)
            found += [dict(born[ticket]) for ticket in tickets if ticket in born]
            people = sorted({str(t["requester_id"]) for t in found if t.get("requester_id")})
            asked, rows = await self._some("people", people, self._zendesk.users)
        except VendorError as failure:
            await self._permits.failed(failure)
            return []  # noted as missing by the caller; asked again later
        users = {str(user["id"]): user for user in rows}
        found = [t for t in found if not t.get("requester_id") or str(t["requester_id"]) in asked]
        now = self._clock.now()
        told = (facts_of(ticket, users.get(str(ticket.get("requester_id"))), self._phone_region, now) for ticket in found)
        return [moment for moment in told if moment is not None]

    async def _some(self, reader: Reader, ids: list[str], ask: Ask) -> tuple[set[str], list[dict[str, Any]]]:
        """Ask for as many of these as there are permits for; which were asked for, and what came."""
        allowed = ids[: MANY * await self._permits.take(reader, -(-len(ids) // MANY))]
        return set(allowed), await ask(allowed, once=True) if allowed else []


def _born(heard: Sequence[Moment]) -> dict[str, Mapping[str, Any]]:
    """Tickets that were heard of from their creation on, as Zendesk would show them as far as background facts go."""
    found: dict[str, Mapping[str, Any]] = {}
    for moment in sorted(heard, key=lambda m: m.vendor_order):
        if moment.source != "zendesk" or not moment.vendor_order:
            continue
        if moment.event == "ticket.created":
            found[moment.interaction] = {"id": moment.interaction, "created_at": instant_text(moment.at)}
        if moment.interaction in found and (requester := dict(moment.facts).get("requester.id")):
            found[moment.interaction] = {**found[moment.interaction], "requester_id": requester}
    return found


def lacks(moment: Moment, reads: frozenset[str]) -> bool:
    """Whether the rulebook reads something about this ticket that its delivery does not carry."""
    if moment.source != "zendesk" or moment.event in (*UNJUDGED, "ticket.deleted"):
        return False
    told = {name for name, _ in moment.facts}
    if reads & REQUESTER - told:
        return True
    if any(name.startswith("ticket.custom.") and name not in told for name in reads):
        return True
    return bool(reads & TEXT) and "subject" not in {text.role for text in moment.texts} and "subject" not in told

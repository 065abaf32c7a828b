"""Background facts: what a delivery does not carry and the live rulebook reads, looked up at Zendesk.

Asked once for a ticket, in batches, never inside a transaction; of a ticket whose audits were read from its creation on only
the requester's user record, for the audits tell the rest. They become moments of the story (`facts`, at the
ticket's creation), so a judgement sees them like anything else. When Zendesk cannot be asked, judging goes ahead with
what is known; the ticket is noted, and its case judged again when the facts arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.errors import VendorError
from tsbridge.core.moments import UNJUDGED, Moment, instant_text
from tsbridge.core.ports import Clock
from tsbridge.store import moments
from tsbridge.store import wanted_facts as wanted
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.store.wanted_facts import Wanted
from tsbridge.vendors.zendesk.background_facts import facts_of
from tsbridge.vendors.zendesk.client import MANY
from tsbridge.work.hearing import LONGER_S, Heard
from tsbridge.work.reads import ReadBudget, Reader

REQUESTER = frozenset(f"requester.{name}" for name in ("email", "phone", "name", "domain", "country", "tags"))
HANDLES = frozenset({"requester.email", "requester.phone"})
"""What people are known again by, on calls and in other tickets, whether or not a rule reads it."""
TEXT = frozenset({"text", "subject"})
AT_ONCE = 100
PATIENCE_S: Final = 1.0
"""How long judging waits for them, after it may have waited for audits."""
FIRST_RETRY = timedelta(seconds=5)
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

    async def look_up(self, heard: Sequence[Moment], patience: float = PATIENCE_S) -> list[Moment]:
        """Facts for the tickets among `heard` that lack some; empty when nothing is lacking or Zendesk does not tell in time."""
        if self._zendesk is None:
            return []
        reads = await self._reads()
        lacking = sorted({m.interaction for m in heard if lacks(m, reads)})
        if not lacking:
            return []
        known = await self._database.read(lambda conn: moments.has_facts(conn, lacking))
        changed = {m.interaction for m in heard if any(c.field == "requester.id" for c in m.changes)}
        return await self._ask([ticket for ticket in lacking if ticket not in known or ticket in changed], patience, _born(heard))

    async def due(self) -> list[Wanted]:
        """Tickets judged without their facts or audits whose time to ask has come."""
        if self._zendesk is None:
            return []
        now = self._clock.now()
        return await self._database.read(lambda conn: wanted.due(conn, now, AT_ONCE))

    async def take_up(self, due: Sequence[Wanted], heard: Heard) -> list[Moment]:
        """Facts for tickets that were `due`, or whose audits were `heard` now; those for which nothing came are asked for later."""
        found = await self.look_up([moment for moments in heard.moments.values() for moment in moments], LONGER_S)
        found += await self._ask([one.ticket for one in due if one.rang_at is None], LONGER_S)
        told = {moment.interaction for moment in found} | heard.moments.keys() | heard.gone | heard.unasked
        await self.postpone([one.ticket for one in due if one.ticket not in told])
        return found

    async def postpone(self, tickets: Sequence[str]) -> None:
        """Nothing came for these: they are asked for later, twice as late each time."""
        now = self._clock.now()
        if tickets:
            await self._database.write(lambda conn: wanted.later(conn, tickets, now))

    async def try_again(self, ticket: str) -> None:
        """What was read of a ticket could not be told: it is read again later."""
        now = self._clock.now()
        await self._database.write(lambda conn: wanted.want_read(conn, [ticket], now, now, alone=True))
        await self.postpone([ticket])

    async def next_due(self, unasked: Set[str]) -> datetime | None:
        """When to ask again. Those that nobody asked for, for want of a permit, come when there is one."""
        free = max(await self._permits.next_free("rings"), self._clock.now() + FIRST_RETRY)

        def put_off(conn: Connection) -> datetime | None:
            if unasked:
                wanted.put_off(conn, sorted(unasked), free)
            return wanted.next_due(conn)

        return await (self._database.write(put_off) if unasked else self._database.read(put_off))

    def settle(self, conn: Connection, found: Iterable[Moment], heard: Heard, now: datetime) -> None:
        """The facts of these tickets have arrived, and the audits of those heard; those that are gone are never to be read."""
        wanted.told(conn, sorted({moment.interaction for moment in found}))
        wanted.read(conn, sorted(heard.moments), heard.behind or now)
        wanted.forget(conn, sorted(heard.gone))

    def note_missing(self, conn: Connection, heard: Sequence[Moment], found: Iterable[Moment], now: datetime) -> None:
        """Remember the tickets that were judged without their facts or audits, to ask again soon."""
        if self._zendesk is None or not heard:
            return
        wanted.want_read(conn, {m.interaction for m in heard if m.impression}, now, now + FIRST_RETRY)
        reads = self._rulebooks.live(conn).book.reads
        lacking = {m.interaction for m in heard if lacks(m, reads)} - {m.interaction for m in found}
        if missing := sorted(lacking - moments.has_facts(conn, sorted(lacking))) if lacking else []:
            wanted.want(conn, missing, now, now + FIRST_RETRY)

    async def _reads(self) -> frozenset[str]:
        return await self._database.read(lambda conn: self._rulebooks.live(conn).book.reads)

    async def _ask(self, tickets: Sequence[str], patience: float, born: Mapping[str, Mapping[str, Any]] = NOTHING) -> list[Moment]:
        """`born`: tickets that the audits tell of from their creation on."""
        if self._zendesk is None or not tickets:
            return []
        try:
            async with asyncio.timeout(patience):
                _, found = await self._some("facts", [ticket for ticket in tickets if ticket not in born], self._zendesk.tickets)
                found += [dict(born[ticket]) for ticket in tickets if ticket in born]
                people = sorted({str(t["requester_id"]) for t in found if t.get("requester_id")})
                asked, rows = await self._some("people", people, self._zendesk.users)
        except TimeoutError:
            return []  # the same; one slow answer stops no other reader
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
    """Whether the rulebook, or whoever links, reads something about this ticket that its delivery does not carry."""
    if moment.source != "zendesk" or moment.event in (*UNJUDGED, "ticket.deleted"):
        return False
    told = {name for name, _ in moment.facts}
    if reads & REQUESTER - told or not HANDLES & told:
        return True
    if any(name.startswith("ticket.custom.") and name not in told for name in reads):
        return True
    return bool(reads & TEXT) and "subject" not in {text.role for text in moment.texts} and "subject" not in told

"""How tickets are heard: a delivery rings, the ticket's audits tell (ADR 9).

Each ticket that rang is read once for all its rings. When Zendesk cannot be asked soon enough, the deliveries' first
impression is judged, the ticket is noted, and the audits replace it when they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.moments import Moment
from tsbridge.core.ports import Clock
from tsbridge.store import desired
from tsbridge.store.db import Database
from tsbridge.vendors.errors import GiveUp, TryLater, VendorError
from tsbridge.vendors.zendesk.read_audits import moments_of

PATIENCE_S: Final = 2.0
"""How long a batch waits for Zendesk before first impressions count."""
AT_ONCE: Final = 8
READS_PER_MINUTE: Final = 120
"""What this process allows itself; the account's other programs share Zendesk's limit."""


class Zendesk(Protocol):
    """The question asked of Zendesk; the answer is its own JSON."""

    async def audits(self, ticket: str) -> list[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What reading some tickets brought. `moments`: what the audits of each tell; `gone`: tickets that have none to be read, ever."""

    moments: Mapping[str, Sequence[Moment]] = field(default_factory=dict, hash=False)
    gone: frozenset[str] = frozenset()


class Hearing:
    """Reads tickets' audits. Without a Zendesk to ask, deliveries are all there is and nothing is a first impression."""

    def __init__(self, database: Database, clock: Clock, zendesk: Zendesk | None, *, per_minute: int = READS_PER_MINUTE) -> None:
        self._database = database
        self._clock = clock
        self._zendesk = zendesk
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._counted_at = clock.now()
        self._wait_until = clock.now()

    @property
    def asks(self) -> bool:
        """Whether deliveries about tickets are only first impressions here."""
        return self._zendesk is not None

    async def read(self, requesters: Mapping[str, str | None]) -> Heard:
        """What the audits of these tickets tell; tickets that could not be read, or not yet, are left out.

        `requesters`: of each ticket to read, whose it is as far as its deliveries tell.
        """
        if self._zendesk is None or not requesters or self._clock.now() < self._wait_until:
            return Heard()
        allowed = list(requesters)[: self._permits(len(requesters))]
        found: dict[str, list[Mapping[str, Any]]] = {}
        gate = asyncio.Semaphore(AT_ONCE)
        stopped = asyncio.Event()
        gone: set[str] = set()

        async def one(ticket: str, zendesk: Zendesk) -> None:
            async with gate:
                if stopped.is_set():
                    return
                try:
                    found[ticket] = await zendesk.audits(ticket)
                except GiveUp as final:
                    if final.reason == "deleted":
                        gone.add(ticket)
                except VendorError as failure:
                    stopped.set()
                    if isinstance(failure, TryLater) and failure.after is not None:
                        self._wait_until = self._clock.now() + failure.after

        try:
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                for ticket in allowed:
                    group.create_task(one(ticket, self._zendesk))
        except TimeoutError:
            pass  # what came in time counts
        if not found:
            return Heard(gone=frozenset(gone))
        plans = await self._database.read(lambda conn: _plans(conn, list(found)))
        read = {ticket: moments_of(ticket, audits, plans[ticket].get, requesters[ticket]) for ticket, audits in found.items()}
        told = {ticket: moments for ticket, moments in read.items() if moments}
        return Heard(told, frozenset(gone | (read.keys() - told.keys())))

    def _permits(self, wanted: int) -> int:
        """How many reads are free now, of the wanted ones; they are taken."""
        now = self._clock.now()
        gained = (now - self._counted_at) / timedelta(minutes=1) * self._per_minute
        self._left, self._counted_at = min(self._left + max(gained, 0.0), float(self._per_minute)), now
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken


def _plans(conn: Connection, tickets: Sequence[str]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """For each ticket what our own updates of it planned, by the marker their audits carry."""
    return {ticket: desired.plans_of(conn, ticket) for ticket in tickets}

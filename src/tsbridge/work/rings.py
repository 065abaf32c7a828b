"""Deliveries that ring for a ticket: which ones, what is left of them once the ticket was read, which wait for that (ADR 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.moments import Moment
from tsbridge.store import claiming
from tsbridge.work.hearing import Heard

SOONEST: Final = timedelta(seconds=2)
LATEST: Final = timedelta(minutes=5)
"""How long a ring without a first impression waits for the next try to read its ticket: as long as it has waited, within these."""


@dataclass(frozen=True, slots=True)
class Read:
    """A claimed delivery and what it says, or why it cannot be read. `fault`: which failure of its reader's, and where."""

    row: claiming.Claimed
    event_type: str | None
    moments: tuple[Moment, ...]
    ignored: str | None = None
    malformed: str | None = None
    account: str | None = None
    merged: tuple[str, str] | None = None
    deleted: str | None = None
    warnings: tuple[str, ...] = ()
    fault: tuple[str, str] | None = None

    @property
    def rings_for(self) -> str | None:
        """The ticket whose audits tell what happened; None for a delivery that says itself all there is."""
        return next((moment.interaction for moment in self.moments if moment.impression), None)


Rings = Mapping[str, str]
"""For each ticket the newest delivery of a batch that rang for it."""


def rung(moments: Iterable[Moment]) -> dict[str, str | None]:
    """The tickets that deliveries ring for, and whose they are as far as these tell."""
    found: dict[str, str | None] = {}
    for moment in moments:
        if moment.impression:
            requester = dict(moment.facts).get("requester.id")
            found[moment.interaction] = str(requester) if requester is not None else found.get(moment.interaction)
    return found


def received(read: Iterable[Read]) -> dict[str, datetime]:
    """For each ticket when it rang last."""
    rang = sorted((one.row.received_at, one.rings_for) for one in read if one.rings_for is not None)
    return {ticket: at for at, ticket in rang}


def newest_ring(read: Iterable[Read]) -> dict[str, str]:
    """For each ticket the newest delivery that rang for it."""
    rang = sorted((one.row.received_at, one.row.id, one.rings_for) for one in read if one.rings_for is not None)
    return {ticket: id_ for _, id_, ticket in rang}


def beside(one: Read, heard: Heard) -> Read:
    """A delivery without the first impressions of tickets whose audits were read, and without those that say nothing."""
    kept = [m for m in one.moments if not (m.impression and (m.interaction in heard.moments.keys() | heard.known or _says_nothing(m)))]
    return one if len(kept) == len(one.moments) else replace(one, moments=tuple(kept))


def only(heard: Heard, tickets: Set[str]) -> Heard:
    """What reading brought of these tickets."""
    moments = {ticket: told for ticket, told in heard.moments.items() if ticket in tickets}
    return replace(heard, moments=moments, gone=heard.gone & tickets)


def unheard(one: Read, heard: Heard) -> bool:
    """Whether a ring has no first impression to judge and its ticket is still to be read."""
    return any(
        m.impression and _says_nothing(m) and m.interaction not in heard.moments.keys() | heard.known | heard.gone for m in one.moments
    )


def _says_nothing(moment: Moment) -> bool:
    """Whether all it says is that something happened: of a body that was broken behind its leading members."""
    return not (moment.facts or moment.texts or moment.changes or moment.names or moment.people)


def pause(waited: timedelta) -> timedelta:
    """When to try again for a ring that has waited so long."""
    return min(max(waited, SOONEST), LATEST)

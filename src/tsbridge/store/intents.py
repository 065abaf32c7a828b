"""Intents: what is about to be written to a ticket, kept before each call; and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, or_, select, update

from tsbridge.store.desired import ClaimedWish
from tsbridge.store.statements import Keyed
from tsbridge.store.writing_tables import intents

_OF_TICKETS: Final = Keyed(intents, ("ticket",), ("ticket", "at", "plan", "outcome"))
_UNKNOWN: Final = or_(intents.c.outcome.is_(None), intents.c.outcome == "unknown")
_MAY_HAVE_HAPPENED: Final = or_(_UNKNOWN, intents.c.outcome == "done")


def add(conn: Connection, id: str, claimed: ClaimedWish, plan: Mapping[str, Any], now: datetime) -> None:
    """Write down what is about to be sent, before it is."""
    conn.execute(insert(intents).values(id=id, ticket=claimed.ticket, revision=claimed.revision, at=now, plan=plan))


def ended(conn: Connection, id: str, outcome: str, now: datetime) -> None:
    """What became of a call: `done`, `unknown`, `later`, `conflict`, `refused` or `lost` (it never happened)."""
    conn.execute(update(intents).where(intents.c.id == id).values(outcome=outcome, settled_at=now))


class Written(NamedTuple):
    """What we wrote to a ticket, or meant to."""

    at: datetime
    plan: Mapping[str, Any]
    may_have_happened: bool

    @property
    def notes(self) -> list[str]:
        return [str(text).strip() for text in self.plan.get("texts", ())]


def written(conn: Connection, tickets: Iterable[str]) -> dict[str, list[Written]]:
    """What we ever wrote to each of these tickets, oldest first; tickets to which we wrote nothing are left out."""
    found: dict[str, list[Written]] = {}
    for ticket, at, plan, outcome in sorted(_OF_TICKETS.rows(conn, sorted(tickets)), key=lambda row: row[1]):
        found.setdefault(ticket, []).append(Written(at, plan, outcome in (None, "unknown", "done")))
    return found


def plans_of(conn: Connection, tickets: Sequence[str]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """For each ticket what our updates of it planned, by the marker that their audits carry: an intent's id up to its first colon."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {ticket: {} for ticket in tickets}
    for row in conn.execute(select(intents.c.ticket, intents.c.id, intents.c.plan).where(intents.c.ticket.in_(tickets))):
        found[row.ticket][row.id.partition(":")[0]] = row.plan
    return found


def unknown(conn: Connection, ticket: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Intents of a ticket whose outcome is not known, with their plans, oldest first: cut off, or on their way when a process died."""
    rows = conn.execute(
        select(intents.c.id, intents.c.plan).where(intents.c.ticket == ticket, _UNKNOWN).order_by(intents.c.at, intents.c.id)
    )
    return [(row.id, row.plan) for row in rows]


def writes_since(conn: Connection, ticket: str, since: datetime) -> int:
    """Our writes to a ticket since an instant: those that happened, and those that may have."""
    return conn.execute(
        select(func.count()).select_from(intents).where(intents.c.ticket == ticket, intents.c.at >= since, _MAY_HAVE_HAPPENED)
    ).scalar_one()


def unsettled(conn: Connection, tickets: Sequence[str], since: datetime, most: int) -> set[str]:
    """Those of these tickets with an intent of unknown outcome, or with `most` or more writes since an instant."""
    unclear = select(intents.c.ticket).where(intents.c.ticket.in_(tickets), _UNKNOWN)
    lately = select(intents.c.ticket).where(intents.c.ticket.in_(tickets), intents.c.at >= since, _MAY_HAVE_HAPPENED)
    often = lately.group_by(intents.c.ticket).having(func.count() >= most)
    return {row.ticket for query in (unclear, often) for row in conn.execute(query)}

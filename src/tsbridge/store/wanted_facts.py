"""Tickets that were judged without their audits or their background facts, and when to ask for these again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from tsbridge.core.backoff import TICKET
from tsbridge.store.statements import parts
from tsbridge.store.wanted_tables import facts_wanted


@dataclass(frozen=True, slots=True)
class Wanted:
    """A ticket to ask for. `rang_at`: when it rang last without being read since; None when only background facts lack.

    `alone`: the export of ticket events does not tell all of it. `quiet_before`: what happened up to then is history, and no news.
    """

    ticket: str
    since: datetime
    rang_at: datetime | None
    alone: bool
    quiet_before: datetime | None = None


def want(conn: Connection, tickets: Sequence[str], since: datetime, due_at: datetime) -> None:
    """Remember tickets whose background facts lack (once each)."""
    _add(conn, {ticket: {"since": since, "due_at": due_at} for ticket in tickets})


def want_read(
    conn: Connection,
    tickets: Iterable[str],
    now: datetime,
    due_at: datetime,
    *,
    alone: bool = False,
    quiet_before: datetime | None = None,
) -> None:
    """Remember tickets whose audits are to be read: something happened up to `now`. What is wanted already is as quiet as it was."""
    rang = {"rang_at": now, **({"alone": True} if alone else {})}
    wanted = sorted(set(tickets))
    known = _add(conn, {ticket: {"since": now, "due_at": due_at, "quiet_before": quiet_before, **rang} for ticket in wanted})
    for part in parts(known):
        conn.execute(update(facts_wanted).where(facts_wanted.c.ticket.in_(part)).values(**rang))


def due(conn: Connection, now: datetime, limit: int) -> list[Wanted]:
    """Those whose time has come; the ones that rang before those that do not wait for news."""
    found: list[Wanted] = []
    for alone in (False, True):  # one after the other, each along its index
        mine = select(facts_wanted).where(facts_wanted.c.alone.is_(alone), facts_wanted.c.due_at <= now)
        rows = conn.execute(mine.order_by(facts_wanted.c.due_at, facts_wanted.c.ticket).limit(limit - len(found)))
        found += [_wanted(row) for row in rows]
    return found


def of(conn: Connection, tickets: Sequence[str]) -> dict[str, Wanted]:
    """Those of these tickets that are wanted."""
    found: dict[str, Wanted] = {}
    for part in parts(tickets):
        rows = conn.execute(select(facts_wanted).where(facts_wanted.c.ticket.in_(part)))
        found.update({row.ticket: _wanted(row) for row in rows})
    return found


def waiting(conn: Connection, most: int | None = None) -> int:
    """How many tickets rang and were not read since, and may be told by the export; counted up to `most` where that is enough to know."""
    rang = select(facts_wanted.c.ticket).where(facts_wanted.c.rang_at.is_not(None), facts_wanted.c.alone.is_(False)).limit(most)
    return int(conn.execute(select(func.count()).select_from(rang.subquery())).scalar_one())


def behind(conn: Connection, until: datetime, limit: int) -> list[str]:
    """Tickets that rang up to `until`, were not read since, and may be told by the export."""
    rang = select(facts_wanted.c.ticket).where(facts_wanted.c.rang_at <= until, facts_wanted.c.alone.is_(False))
    return list(conn.execute(rang.order_by(facts_wanted.c.rang_at, facts_wanted.c.ticket).limit(limit)).scalars())


def later(conn: Connection, tickets: Sequence[str], now: datetime) -> None:
    """Ask for these again, each time after a longer time than before."""
    for part in parts(tickets):
        for row in conn.execute(select(facts_wanted.c.ticket, facts_wanted.c.attempts).where(facts_wanted.c.ticket.in_(part))).all():
            again = {"attempts": row.attempts + 1, "due_at": now + TICKET.after(row.attempts + 1)}
            conn.execute(update(facts_wanted).where(facts_wanted.c.ticket == row.ticket).values(**again))


def put_off(conn: Connection, tickets: Sequence[str], due_at: datetime) -> None:
    """Nobody asked for these: no attempt of theirs."""
    for part in parts(tickets):
        conn.execute(update(facts_wanted).where(facts_wanted.c.ticket.in_(part)).values(due_at=due_at))


def read(conn: Connection, tickets: Sequence[str], until: datetime) -> None:
    """The audits of these tickets were read: what rang up to `until` is told."""
    for part in parts(tickets):
        conn.execute(delete(facts_wanted).where(facts_wanted.c.ticket.in_(part), facts_wanted.c.rang_at <= until))


def told(conn: Connection, tickets: Sequence[str]) -> None:
    """The background facts of these tickets have come."""
    for part in parts(tickets):
        conn.execute(delete(facts_wanted).where(facts_wanted.c.ticket.in_(part), facts_wanted.c.rang_at.is_(None)))


def forget(conn: Connection, tickets: Sequence[str]) -> None:
    for part in parts(tickets):
        conn.execute(delete(facts_wanted).where(facts_wanted.c.ticket.in_(part)))


def next_due(conn: Connection) -> datetime | None:
    first = (
        conn.execute(select(facts_wanted.c.due_at).where(facts_wanted.c.alone.is_(alone)).order_by(facts_wanted.c.due_at).limit(1)).scalar()
        for alone in (False, True)
    )
    return min((at for at in first if at is not None), default=None)


def _add(conn: Connection, tickets: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Add those that are not there; returns the others."""
    known = of(conn, list(tickets))
    fresh = [
        {"ticket": ticket, "attempts": 0, "rang_at": None, "alone": False, "quiet_before": None, **row}
        for ticket, row in tickets.items()
        if ticket not in known
    ]
    if fresh:
        conn.execute(insert(facts_wanted), fresh)
    return sorted(known)


def _wanted(row: Row[tuple[object, ...]]) -> Wanted:
    return Wanted(row.ticket, row.since, row.rang_at, row.alone, row.quiet_before)

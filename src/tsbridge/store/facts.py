"""Tickets that were judged without background facts, and when to ask for them again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from tsbridge.store.tables import facts_wanted


def want(conn: Connection, tickets: Sequence[str], since: datetime, due_at: datetime) -> None:
    """Remember tickets (once each)."""
    known = {row.ticket for row in conn.execute(select(facts_wanted.c.ticket).where(facts_wanted.c.ticket.in_(tickets)))}
    fresh = [{"ticket": t, "since": since, "attempts": 0, "due_at": due_at} for t in tickets if t not in known]
    if fresh:
        conn.execute(insert(facts_wanted), fresh)


def due(conn: Connection, now: datetime, limit: int) -> list[str]:
    rows = conn.execute(
        select(facts_wanted.c.ticket)
        .where(facts_wanted.c.due_at <= now)
        .order_by(facts_wanted.c.due_at, facts_wanted.c.ticket)
        .limit(limit)
    )
    return [row.ticket for row in rows]


def later(conn: Connection, tickets: Sequence[str], now: datetime, first: timedelta, last: timedelta) -> None:
    """Ask for these again after twice the time as before, `last` at most."""
    for row in conn.execute(select(facts_wanted.c.ticket, facts_wanted.c.attempts).where(facts_wanted.c.ticket.in_(tickets))).all():
        pause = min(first * 2 ** min(row.attempts + 1, 16), last)
        conn.execute(update(facts_wanted).where(facts_wanted.c.ticket == row.ticket).values(attempts=row.attempts + 1, due_at=now + pause))


def forget(conn: Connection, tickets: Sequence[str]) -> None:
    if tickets:
        conn.execute(delete(facts_wanted).where(facts_wanted.c.ticket.in_(tickets)))


def next_due(conn: Connection) -> datetime | None:
    row = conn.execute(select(facts_wanted.c.due_at).order_by(facts_wanted.c.due_at).limit(1)).first()
    return None if row is None else row.due_at

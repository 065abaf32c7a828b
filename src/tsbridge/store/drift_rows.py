"""Differences between what we saw to and what tickets read, found by the sweep; one row for each while it lasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from tsbridge.core.drift import Drift
from tsbridge.core.helpdesk import Ours, Wish
from tsbridge.core.helpdesk_json import ours_from, ours_json, wish_from
from tsbridge.store.desired import PART_REFUSED
from tsbridge.store.replay_tables import drift
from tsbridge.store.writing_tables import desired

RESTING: Final = ("confirmed", "unneeded", "parked", "refused")
"""Wishes in one of these states are settled: what reads otherwise now has drifted."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A ticket we have written to, and what we saw to."""

    ticket: str
    case_id: str
    wish: Wish
    ours: Ours


def settled(conn: Connection, tickets: Iterable[str]) -> list[Settled]:
    """Those of these tickets whose wish is settled."""
    rows = conn.execute(select(desired).where(desired.c.ticket.in_(sorted(tickets)), desired.c.status.in_(RESTING)))
    return [Settled(row.ticket, row.case_id, wish_from(row.wish), ours_from(row.ours)) for row in rows]


def found(conn: Connection, one: Settled, drifts: Sequence[Drift], now: datetime, new_id: Any) -> list[Drift]:
    """Keep what was found about a ticket, forget what has gone; returns what is new."""
    stands = {row.what: row for row in conn.execute(select(drift).where(drift.c.ticket == one.ticket))}
    seen = {each.what for each in drifts}
    for what in sorted(stands.keys() - seen):
        conn.execute(delete(drift).where(drift.c.ticket == one.ticket, drift.c.what == what))
    fresh = []
    for each in drifts:
        row = stands.get(each.what)
        if row is not None and (row.wanted, row.actual, row.since) == (each.wanted, each.actual, each.since):
            continue
        values = {
            "case_id": one.case_id,
            "wanted": each.wanted,
            "actual": each.actual,
            "cause": each.cause,
            "policy": each.policy,
            "by": each.by,
            "since": each.since,
            "found_at": now,
        }
        if row is None:
            conn.execute(insert(drift).values(id=new_id("drf"), ticket=one.ticket, what=each.what, **values))
        else:
            conn.execute(update(drift).where(drift.c.id == row.id).values(**values))
        fresh.append(each)
    return fresh


def heal(conn: Connection, one: Settled, drifts: Sequence[Drift], now: datetime) -> bool:
    """Have what was lost written again: it counts as not seen to any more. False when the wish moved on meanwhile."""
    lost = {each.what for each in drifts}
    tags = {tag: by for tag, by in one.ours.tags.items() if f"tag:{tag}" not in lost}
    absent = {tag: by for tag, by in one.ours.absent.items() if f"tag:{tag}" not in lost}
    values = {name: asked for name, asked in one.ours.values.items() if name not in lost}
    ours = replace(one.ours, tags=tags, absent=absent, values=values)
    rests = or_(desired.c.status.in_(("confirmed", "unneeded")), desired.c.reason == PART_REFUSED)
    mine = and_(desired.c.ticket == one.ticket, rests, desired.c.ours == ours_json(one.ours))
    again = {"ours": ours_json(ours), "status": "waiting", "due_at": now, "reason": "drifted", "revision": desired.c.revision + 1}
    return conn.execute(update(desired).where(mine).values(**again)).rowcount == 1


def listed(
    conn: Connection, limit: int, before: tuple[datetime, str] | None, ticket: str | None, cause: str | None
) -> list[dict[str, Any]]:
    """Newest first."""
    query = select(drift).order_by(drift.c.found_at.desc(), drift.c.id.desc()).limit(limit)
    if ticket is not None:
        query = query.where(drift.c.ticket == ticket)
    if cause is not None:
        query = query.where(drift.c.cause == cause)
    if before is not None:
        at, id_ = before
        query = query.where(or_(drift.c.found_at < at, and_(drift.c.found_at == at, drift.c.id < id_)))
    return [dict(row._mapping) for row in conn.execute(query)]

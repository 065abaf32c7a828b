"""What waits in the inbox, in lanes that have an index each: what may be claimed, and when. It costs the same however much waits."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    outerjoin,
    select,
    union_all,
)

from tsbridge.store.inbox_tables import WAITS, WAITS_ALONE, WAITS_LARGE, inbox, inbox_claims
from tsbridge.store.statements import Fixed

SOURCES: Final = ("zendesk", "talkdesk")
LARGE_AT_ONCE: Final = 4
_AMONG_OTHERS: Final = (WAITS_LARGE, WAITS)
_INSTANT: Final = inbox.c.due_at.type
WITH_CLAIMS: Final = outerjoin(inbox, inbox_claims, inbox_claims.c.seq == inbox.c.seq)
CLAIM: Final = (
    inbox_claims.c.claimed_by,
    *(func.coalesce(inbox_claims.c[name], inbox.c[name]).label(name) for name in ("attempts", "deaths")),
)


class Waiting(NamedTuple):
    """A delivery that may be claimed. `claimed_by`: whose claim on it ran out; that one is among its attempts."""

    seq: int
    source: str
    due_at: datetime
    claimed_by: str | None
    attempts: int
    deaths: int
    lane: int


def due(conn: Connection, now: datetime, limit: int) -> list[list[Waiting]]:
    """By source up to `limit` due deliveries: few large ones, then the oldest; locked against other workers where there are any."""
    found = [Waiting(*row) for row in _FIND_DUE.rows(conn, now=now, most=limit)]
    rows = sorted(found, key=lambda row: (row.source, row.lane, row.due_at, row.seq))
    of_source = {source: list(found) for source, found in groupby(rows, key=lambda row: row.source)}
    return [of_source.get(source, [])[:limit] for source in SOURCES]


def next_due(conn: Connection) -> datetime | None:
    """When the next pending delivery may be claimed; None when nothing is pending."""
    return min((at for (at,) in _NEXT.rows(conn) if at is not None), default=None)


def anything_since(conn: Connection, then: datetime) -> bool:
    """Whether a delivery has been waiting for a worker since `then`, or longer."""
    return any(at is not None and at <= then for (at,) in _OLDEST.rows(conn))


def free(now: Any) -> ColumnElement[bool]:
    """Nobody's claim holds it."""
    return or_(inbox_claims.c.seq.is_(None), inbox_claims.c.lease_until <= now)


def _of(source: str) -> ColumnElement[bool]:
    return inbox.c.source == literal_column(f"'{source}'")


def _first_due(source: str, lane: ColumnElement[bool]) -> Select[Any]:
    large = lane is WAITS_LARGE
    place: ColumnElement[int] = literal_column("0" if large else "1")
    now = bindparam("now", type_=_INSTANT)
    return (
        select(inbox.c.seq, inbox.c.source, inbox.c.due_at, *CLAIM, place.label("lane"))
        .select_from(WITH_CLAIMS)
        .where(lane, _of(source), inbox.c.due_at <= now, free(now))
        .order_by(inbox.c.due_at, inbox.c.seq)
        .limit(LARGE_AT_ONCE if large else bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True, of=inbox)
    )


def _earliest(of_each: list[Select[Any]]) -> Select[Any]:
    every = union_all(*(select(one.subquery()) for one in of_each)).subquery()
    return select(func.min(every.c.at, type_=_INSTANT))


_DUE: Final = union_all(*(select(_first_due(source, lane).subquery()) for source in SOURCES for lane in _AMONG_OTHERS))
_FIND_DUE: Final = Fixed(_DUE)
_LINES: Final = (*(and_(lane, _of(source)) for source in SOURCES for lane in _AMONG_OTHERS), WAITS_ALONE)
_DUE_AT: Final = select(inbox.c.due_at.label("at")).select_from(WITH_CLAIMS).order_by(inbox.c.due_at).limit(1)
_UNCLAIMED: Final = _earliest([_DUE_AT.where(line, inbox_claims.c.seq.is_(None)) for line in _LINES])
_FREE_AT: Final = case((inbox_claims.c.lease_until > inbox.c.due_at, inbox_claims.c.lease_until), else_=inbox.c.due_at)
_CLAIMED: Final = select(func.min(_FREE_AT, type_=_INSTANT)).join_from(inbox_claims, inbox, inbox.c.seq == inbox_claims.c.seq)
_NEXT: Final = Fixed(union_all(_UNCLAIMED, _CLAIMED))
_OLDEST: Final = Fixed(_UNCLAIMED)

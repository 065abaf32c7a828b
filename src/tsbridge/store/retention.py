"""What goes when its time is over, a little at a time: each step is small, finds its rows by an index, and leaves whole what stays.

How much went is counted in the same transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, select, update

from tsbridge.core.retention import BODIES, TEXTS, Retention
from tsbridge.store import retiring, stored_values
from tsbridge.store.columns import Instant
from tsbridge.store.inbox_tables import HAS_BODY, inbox
from tsbridge.store.statements import parts

REMOVED: Final = "retention_removed"
MOST_COUNTED: Final = 100_000
"""What is due is counted up to here."""
LATE: Final = timedelta(days=1)
"""Removal that is so far behind does not go on, or does not keep up."""


_BODIES: Final = and_(HAS_BODY, inbox.c.settled_at <= bindparam("before", type_=Instant))
DUE_BODIES: Final = (
    select(inbox.c.seq, func.length(inbox.c.body).label("size"))
    .where(_BODIES)
    .order_by(inbox.c.settled_at, inbox.c.seq)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


class Step(NamedTuple):
    """How much went, and whether there is more."""

    rows: int
    bytes: int
    more: bool


class Standing(NamedTuple):
    """How much of a class would go now, at most `MOST_COUNTED`, and how much went since the beginning."""

    due: int
    removed: int
    removed_bytes: int


def empty_bodies(conn: Connection, before: datetime, now: datetime, rows: int, most_bytes: int) -> Step:
    """The bytes of deliveries that were settled by `before` go, the oldest first; everything else about them stays.

    What is pending, quarantined or dead waits for somebody and keeps them. At least one goes, however large it is.
    """
    found = conn.execute(DUE_BODIES, {"before": before, "most": rows}).all()
    taken: list[int] = []
    size = 0
    for row in found:
        if taken and size + row.size > most_bytes:
            break
        taken.append(row.seq)
        size += row.size
    for part in parts(taken):
        conn.execute(update(inbox).where(inbox.c.seq.in_(part)).values(body=b"", redacted_at=now))
    step = Step(len(taken), size, len(taken) < len(found) or len(found) == rows)
    count(conn, BODIES, step)
    return step


def standing(conn: Connection, kind: str, span: timedelta | None, now: datetime) -> Standing:
    """How a class that is kept for `span` stands."""
    gone = removed(conn).get(kind, {"rows": 0, "bytes": 0})
    return Standing(0 if span is None else _due(conn, kind, now - span), gone["rows"], gone["bytes"])


def behind(conn: Connection, kept: Retention, now: datetime) -> tuple[str, ...]:
    """The classes of which something should have gone by now, and is `LATE`."""
    return tuple(kind for kind, span in kept.spans() if span is not None and _due(conn, kind, now - span - LATE, 1))


def _due(conn: Connection, kind: str, before: datetime, most: int = MOST_COUNTED) -> int:
    if kind == TEXTS:
        return len(retiring.due(conn, before, most))
    due = select(inbox.c.seq).where(_BODIES).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(due), {"before": before}).scalar_one())


def removed(conn: Connection) -> dict[str, dict[str, int]]:
    """By class how much went since the beginning: `rows` and `bytes`."""
    found: dict[str, dict[str, int]] = stored_values.get(conn, REMOVED) or {}
    return found


def count(conn: Connection, kind: str, step: Step) -> None:
    """Add what went of a class."""
    if not step.rows:
        return
    counts: dict[str, Any] = stored_values.lock(conn, REMOVED, {})
    was = counts.get(kind, {"rows": 0, "bytes": 0})
    stored_values.put(conn, REMOVED, {**counts, kind: {"rows": was["rows"] + step.rows, "bytes": was["bytes"] + step.bytes}})

"""Deliveries that are read in a process of their own: those whose workers died, and those that took too long to read.

They wait beside the others (`inbox.claim` passes them by), so that whatever becomes of them holds nobody up.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from tsbridge.core.backoff import DELIVERY
from tsbridge.store.inbox import Claimed, still_ours, take
from tsbridge.store.inbox_tables import READ_ALONE, WAITS_ALONE, inbox
from tsbridge.store.lanes import free

AT_ONCE: Final = 10
DEATHS: Final = 2
"""So many workers died before a delivery came here."""


def claim(conn: Connection, worker: str, now: datetime, lease: timedelta) -> Claimed | None:
    """The next due one. `worker` is another name than that of `inbox.claim`, by which the two are told apart.

    One whose worker died even so waits before it is tried again, twice as long each time: what comes after its reading may be
    what kills them.
    """
    found = conn.execute(
        select(inbox.c.seq, inbox.c.claimed_by, inbox.c.deaths)
        .where(WAITS_ALONE, inbox.c.due_at <= now, free(now))
        .order_by(inbox.c.due_at, inbox.c.seq)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for row in found:
        if row.claimed_by is None:
            return take(conn, [row.seq], worker, now + lease)[0]
        rests = {"deaths": row.deaths + 1, "due_at": now + DELIVERY.after(row.deaths + 1 - DEATHS), "claimed_by": None, "lease_until": None}
        conn.execute(update(inbox).where(inbox.c.seq == row.seq).values(**rests))
    return None


def leave(conn: Connection, rows: Iterable[Claimed]) -> None:
    """Give claims back uncounted, to be read alone. Nothing happens to those whose lease is lost."""
    for row in rows:
        later(conn, row, None)


def later(conn: Connection, row: Claimed, due_at: datetime | None) -> None:
    """Give a claim back uncounted, to be read alone at another time; None for now."""
    back = {"reason": READ_ALONE, "attempts": inbox.c.attempts - 1, "claimed_by": None, "lease_until": None}
    when = {} if due_at is None else {"due_at": due_at}
    conn.execute(update(inbox).where(still_ours(row)).values(**back, **when))

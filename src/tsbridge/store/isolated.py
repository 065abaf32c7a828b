"""Deliveries that are read in a process of their own: those whose workers died, and those that took too long to read.

They wait beside the others (`claiming.claim` passes them by), so that whatever becomes of them holds nobody up.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from tsbridge.core.backoff import DELIVERY
from tsbridge.store.claiming import Claimed, give_back, take, take_back
from tsbridge.store.inbox_tables import READ_ALONE, WAITS_ALONE, inbox
from tsbridge.store.lanes import CLAIM, WITH_CLAIMS, free

AT_ONCE: Final = 10
DEATHS: Final = 2
"""So many workers died before a delivery came here."""


def claim(conn: Connection, worker: str, now: datetime, lease: timedelta) -> Claimed | None:
    """The next due one. `worker` is another name than that of `claiming.claim`, by which the two are told apart.

    One whose worker died even so waits before it is tried again, twice as long each time: what comes after its reading may be
    what kills them.
    """
    found = conn.execute(
        select(inbox.c.seq, *CLAIM)
        .select_from(WITH_CLAIMS)
        .where(WAITS_ALONE, inbox.c.due_at <= now, free(now))
        .order_by(inbox.c.due_at, inbox.c.seq)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, of=inbox)
    ).all()
    for row in found:
        if row.claimed_by is not None:
            deaths = row.deaths + 1
            take_back(conn, row.seq, attempts=row.attempts, deaths=deaths, due_at=now + DELIVERY.after(deaths - DEATHS))
        elif taken := take(conn, [row.seq], worker, now, lease):
            return taken[0]
    return None


def leave(conn: Connection, rows: Iterable[Claimed]) -> None:
    """Give claims back uncounted, to be read alone. Nothing happens to those whose lease is lost."""
    for row in rows:
        later(conn, row, None)


def later(conn: Connection, row: Claimed, due_at: datetime | None) -> None:
    """Give a claim back uncounted, to be read alone at another time; None for now."""
    when = {} if due_at is None else {"due_at": due_at}
    give_back(conn, row, row.attempts - 1, reason=READ_ALONE, **when)

"""Leases of workers that are surely gone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from tsbridge.store.notice_tables import messages
from tsbridge.store.replay_tables import replays
from tsbridge.store.tables import desired, inbox


def end_all(conn: Connection, now: datetime) -> int:
    """End every lease that is still running; returns how many. Only for one who knows that no other worker is alive.

    The claims stay on the rows, so a delivery that killed its worker is still known as one.
    """
    ended = 0
    for table in (inbox, desired, replays, messages):
        ended += conn.execute(update(table).where(table.c.lease_until > now).values(lease_until=now)).rowcount
    return ended

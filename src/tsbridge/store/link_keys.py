"""Keys that sign links to people: one for each thirty days, made when it is first needed; links stay good for two months at least."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select

from tsbridge.store.columns import EPOCH
from tsbridge.store.roster_tables import link_keys as table
from tsbridge.store.statements import insert_into

PERIOD: Final = timedelta(days=30)
KEPT: Final = 3
"""Periods whose links are still good, the present one among them."""


def period_of(at: datetime) -> int:
    return (at - EPOCH) // PERIOD


def signing(conn: Connection, now: datetime, entropy: Callable[[int], bytes]) -> tuple[int, bytes]:
    """The period and its key, made if it is the first time; keys nobody needs any more go. Needs a write transaction."""
    period = period_of(now)
    found = _secret(conn, period)
    if found is None:
        conn.execute(insert_into(conn, table).values(period=period, secret=entropy(32).hex(), made_at=now).on_conflict_do_nothing())
        conn.execute(delete(table).where(table.c.period <= period - KEPT))
        found = _secret(conn, period)  # another process may have been first
    if found is None:
        raise RuntimeError("a key that was just made is not there")
    return period, bytes.fromhex(found)


def verifying(conn: Connection, now: datetime) -> dict[int, bytes]:
    """The keys whose links are good."""
    good = table.c.period > period_of(now) - KEPT
    return {row.period: bytes.fromhex(row.secret) for row in conn.execute(select(table).where(good))}


def _secret(conn: Connection, period: int) -> str | None:
    return conn.execute(select(table.c.secret).where(table.c.period == period)).scalar_one_or_none()

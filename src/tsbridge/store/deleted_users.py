"""Zendesk users who were deleted, and when to ask whether for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from tsbridge.store.statements import insert_into
from tsbridge.store.wanted_tables import users_deleted as table


@dataclass(frozen=True, slots=True)
class Deleted:
    """`since`: when that was heard first."""

    user: str
    since: datetime


def want(conn: Connection, user: str, now: datetime) -> None:
    """Ask about this user from now on."""
    values = {"user": user, "since": now, "due_at": now}
    made = insert_into(conn, table).values(values)
    conn.execute(made.on_conflict_do_update(index_elements=["user"], set_={"since": now, "due_at": now}))


def take(conn: Connection, now: datetime, until: datetime, limit: int) -> list[Deleted]:
    """Those whose time has come; nobody else takes them before `until`."""
    due = select(table.c.user, table.c.since).where(table.c.due_at <= now).order_by(table.c.due_at, table.c.user).limit(limit)
    rows = conn.execute(due.with_for_update(skip_locked=True)).all()
    conn.execute(update(table).where(table.c.user.in_([row.user for row in rows])).values(due_at=until))
    return [Deleted(*row) for row in rows]


def later(conn: Connection, user: str, due_at: datetime) -> None:
    conn.execute(update(table).where(table.c.user == user).values(due_at=due_at))


def forget(conn: Connection, users: Iterable[str]) -> None:
    gone: Sequence[str] = sorted(users)
    conn.execute(delete(table).where(table.c.user.in_(gone)))


def next_due(conn: Connection) -> datetime | None:
    return conn.execute(select(func.min(table.c.due_at, type_=table.c.due_at.type))).scalar()

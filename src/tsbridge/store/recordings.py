"""Voicemails that only a recording can prove, and when to look for it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from tsbridge.store.statements import insert_into
from tsbridge.store.wanted_tables import recordings_wanted as wanted


@dataclass(frozen=True, slots=True)
class Wanted:
    """`body`: the delivery that tells of the message, kept under `key` once the recording of `call` is there."""

    call: str
    key: str
    body: bytes
    attempts: int = 0


def want(conn: Connection, one: Wanted, due_at: datetime) -> None:
    """Look for this recording; one that is looked for already stays as it is."""
    values = {"call": one.call, "dedupe_key": one.key, "body": one.body, "attempts": one.attempts, "due_at": due_at}
    conn.execute(insert_into(conn, wanted).values(values).on_conflict_do_nothing())


def take(conn: Connection, now: datetime, until: datetime, limit: int) -> list[Wanted]:
    """Those whose time has come; nobody else takes them before `until`."""
    rows = conn.execute(
        select(wanted.c.call, wanted.c.dedupe_key, wanted.c.body, wanted.c.attempts)
        .where(wanted.c.due_at <= now)
        .order_by(wanted.c.due_at, wanted.c.call)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    conn.execute(update(wanted).where(wanted.c.call.in_([row.call for row in rows])).values(due_at=until))
    return [Wanted(*row) for row in rows]


def later(conn: Connection, call: str, attempts: int, due_at: datetime) -> None:
    conn.execute(update(wanted).where(wanted.c.call == call).values(attempts=attempts, due_at=due_at))


def forget(conn: Connection, call: str) -> None:
    conn.execute(delete(wanted).where(wanted.c.call == call))


def next_due(conn: Connection) -> datetime | None:
    return conn.execute(select(func.min(wanted.c.due_at, type_=wanted.c.due_at.type))).scalar()

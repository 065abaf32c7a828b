"""Who is signed in to the console. What a cookie holds is kept as a hash: whoever reads the table signs in as nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from tsbridge.store.service_tables import sessions as table


@dataclass(frozen=True, slots=True)
class Session:
    """`key_id`, `mark`: of the key that it was begun with, and ends with."""

    key_id: str
    mark: str
    began_at: datetime
    ends_at: datetime


def begin(conn: Connection, token: str, session: Session) -> None:
    """Keep a session, and forget those that are over."""
    conn.execute(delete(table).where(table.c.ends_at <= session.began_at))
    conn.execute(
        insert(table).values(
            hash=_hash(token), key_id=session.key_id, mark=session.mark, began_at=session.began_at, ends_at=session.ends_at
        )
    )


def find(conn: Connection, token: str, now: datetime) -> Session | None:
    """The session that a cookie names; None once it is over."""
    row = conn.execute(select(table).where(table.c.hash == _hash(token), table.c.ends_at > now)).first()
    return None if row is None else Session(row.key_id, row.mark, row.began_at, row.ends_at)


def end(conn: Connection, token: str) -> None:
    conn.execute(delete(table).where(table.c.hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""Who is signed in to the console. What a cookie holds is kept as a hash: whoever reads the table signs in as nobody."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from tsbridge.store.service_tables import sessions as table


@dataclass(frozen=True, slots=True)
class Session:
    """`key_id`, `mark`: of the key that it was begun with, and ends with. `name`, `role`: of whoever has no key here. `used_at`: when
    somebody last looked or did something, to the minute."""

    key_id: str
    mark: str
    began_at: datetime
    ends_at: datetime
    used_at: datetime
    name: str | None = None
    role: str | None = None


def begin(conn: Connection, token: str, session: Session) -> None:
    """Keep a session, and forget those that are over."""
    conn.execute(delete(table).where(table.c.ends_at <= session.began_at))
    conn.execute(insert(table).values(hash=_hash(token), **asdict(session)))


def find(conn: Connection, token: str, now: datetime, unused_since: datetime) -> Session | None:
    """The session that a cookie names; None once it is over, or nobody has used it since then."""
    columns = [column for column in table.c if column.name != "hash"]
    good = (table.c.ends_at > now, table.c.used_at > unused_since)
    row = conn.execute(select(*columns).where(table.c.hash == _hash(token), *good)).first()
    return None if row is None else Session(**row._mapping)


def use(conn: Connection, token: str, now: datetime) -> None:
    """Somebody is there."""
    conn.execute(update(table).where(table.c.hash == _hash(token)).values(used_at=now))


def end(conn: Connection, token: str) -> None:
    conn.execute(delete(table).where(table.c.hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""Small things kept under a name: the write-back mode, who we are at Zendesk, the pepper of keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from tsbridge.store.tables import kept


def get(conn: Connection, name: str) -> Any:
    """The value kept under a name; None when there is none."""
    row = conn.execute(select(kept.c.value).where(kept.c.name == name)).first()
    return None if row is None else row.value


def put(conn: Connection, name: str, value: Any) -> None:
    if conn.execute(update(kept).where(kept.c.name == name).values(value=value)).rowcount == 0:
        conn.execute(insert(kept).values(name=name, value=value))

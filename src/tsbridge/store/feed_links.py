"""The secrets behind links to feeds of duties: one for each person or queue who has a link, another one makes earlier links void."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from tsbridge.core.feedlink import FeedLink
from tsbridge.store.roster_tables import feed_links as table


def make(conn: Connection, link: FeedLink, now: datetime, by: str, entropy: Callable[[int], bytes]) -> bytes:
    """A secret for a new link; links made before are void. Needs a write transaction."""
    void(conn, link)
    secret = entropy(32)
    conn.execute(insert(table).values(kind=link.kind, key=link.key, secret=secret.hex(), made_at=now, made_by=by))
    return secret


def void(conn: Connection, link: FeedLink) -> bool:
    """Make all links of that person or queue void; returns whether there were any."""
    return conn.execute(delete(table).where(table.c.kind == link.kind, table.c.key == link.key)).rowcount > 0


def secret(conn: Connection, link: FeedLink) -> bytes | None:
    """What the link that is good is signed with; None where there is none."""
    found = conn.execute(select(table.c.secret).where(table.c.kind == link.kind, table.c.key == link.key)).scalar_one_or_none()
    return None if found is None else bytes.fromhex(found)

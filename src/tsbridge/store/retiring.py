"""Cases at rest whose words may go."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, bindparam, exists, select, update

from tsbridge.store.case_tables import AT_REST, cases
from tsbridge.store.columns import Instant
from tsbridge.store.link_tables import interactions
from tsbridge.store.wanted_tables import facts_wanted
from tsbridge.store.writing_tables import WISH_IS_OPEN, desired

_UNREAD: Final = exists(
    select(facts_wanted.c.ticket)
    .join(interactions, and_(interactions.c.source == "zendesk", interactions.c.id == facts_wanted.c.ticket))
    .where(interactions.c.case_id == cases.c.id)
)
_UNWRITTEN: Final = exists(select(desired.c.ticket).where(desired.c.case_id == cases.c.id, WISH_IS_OPEN))
DUE: Final = (
    select(cases.c.id)
    .where(AT_REST, cases.c.last_at <= bindparam("before", type_=Instant), ~_UNREAD, ~_UNWRITTEN)
    .order_by(cases.c.last_at, cases.c.id)
    .limit(bindparam("most"))
)


def due(conn: Connection, before: datetime, most: int = 1) -> list[str]:
    """Cases that are at rest since `before` or longer and still have words, the oldest first; none that something is still read or
    written for."""
    return list(conn.execute(DUE, {"before": before, "most": most}).scalars())


def still_due(conn: Connection, case_id: str, before: datetime) -> bool:
    found = select(cases.c.id).where(cases.c.id == case_id, AT_REST, cases.c.last_at <= before, ~_UNREAD, ~_UNWRITTEN)
    return conn.execute(found).first() is not None


def are_gone(conn: Connection, case_id: str, now: datetime) -> None:
    """Nothing of what was said in the case is kept any more."""
    conn.execute(update(cases).where(cases.c.id == case_id).values(words_gone_at=now))

"""What a case's timeline is made of: moments, decisions, people's changes, escalation steps and who was told, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select

from tsbridge.store import notification_log
from tsbridge.store.change_log import WORDS_READ
from tsbridge.store.columns import Instant
from tsbridge.store.decision_tables import changes, decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.link_tables import interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.notice_tables import notifications

KINDS: Final = ("moment", "decision", "change", "escalation", "notification")
"""In the order in which they stand at one instant: what happened before what was concluded."""

Behind = tuple[datetime, int, str]
"""The place of the last entry seen: when, which of the kinds, its id."""


class Entry(NamedTuple):
    at: datetime
    kind: str
    id: str
    row: RowMapping


class _Source(NamedTuple):
    kind: str
    query: Select[Any]
    at: ColumnElement[Any]
    id: ColumnElement[Any]


def entries(conn: Connection, case_id: str, limit: int, after: Behind | None = None) -> list[Entry]:
    """Up to so many behind `after`."""
    found: list[Entry] = []
    for rank, (kind, query, at, id_) in enumerate(_sources(case_id)):
        query = query.add_columns(at.label("entry_at"), id_.label("entry_id"))
        if after is not None:
            query = query.where(behind(at, id_, rank, after))
        rows = conn.execute(query.order_by(at, id_).limit(limit)).mappings()
        found += [Entry(row["entry_at"], kind, row["entry_id"], row) for row in rows]
    return sorted(found, key=lambda entry: (entry.at, KINDS.index(entry.kind), entry.id))[:limit]


def behind(at: ColumnElement[Any], id: ColumnElement[Any], rank: int, after: Behind) -> ColumnElement[bool]:
    """Rows of one kind, of this `rank` among the kinds, that stand behind an entry of any kind."""
    last_at, last_rank, last_id = after
    if rank < last_rank:
        return at > last_at
    return or_(at > last_at, and_(at == last_at, id > last_id) if rank == last_rank else at == last_at)


def _sources(case_id: str) -> Iterator[_Source]:
    # what the desk did hangs on one of the case's interactions, named `<source>:<id>`
    within = or_(
        and_(interactions.c.source == moments.c.source, interactions.c.id == moments.c.interaction),
        and_(moments.c.source == "desk", moments.c.interaction == interactions.c.source + ":" + interactions.c.id),
    )
    heard = select(moments).join(interactions, within).where(interactions.c.case_id == case_id)
    yield _Source("moment", heard, moments.c.at, moments.c.digest)
    yield _Source("decision", select(decisions).where(decisions.c.case_id == case_id), decisions.c.at, decisions.c.id)
    done = select(changes).where(changes.c.subject == case_id, changes.c.action != WORDS_READ)
    yield _Source("change", done, changes.c.at, changes.c.id)
    ends = func.coalesce(escalations.c.ended_at, escalations.c.due_at, type_=Instant)
    yield _Source("escalation", select(escalations).where(escalations.c.case_id == case_id), ends, escalations.c.id)
    told_at = func.coalesce(notifications.c.sent_at, notifications.c.made_at, type_=Instant)
    yield _Source("notification", notification_log.rows().where(notifications.c.case_id == case_id), told_at, notifications.c.id)

"""All that happened to a case, and when it became known. No words of a ticket, no address and no number are in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
)

from tsbridge.store.columns import Instant
from tsbridge.store.decision_tables import change_subjects, changes, decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.link_tables import interactions, link_edits
from tsbridge.store.moment_tables import moments
from tsbridge.store.notice_tables import notifications
from tsbridge.store.timeline import Behind, behind
from tsbridge.store.work_tables import assignments
from tsbridge.store.writing_tables import intents

KINDS: Final = ("delivery", "moment", "link", "edit", "decision", "change", "escalation", "notification", "assignment", "writeback")
"""In the order in which they stand at one instant."""


class Entry(NamedTuple):
    """`known_at`: when this desk learnt of it; before that it was not known, whenever it happened."""

    at: datetime
    kind: str
    id: str
    known_at: datetime
    row: RowMapping

    @property
    def place(self) -> Behind:
        return self.at, KINDS.index(self.kind), self.id


_LABELS: Final = ("entry_at", "entry_id", "entry_known_at")


class _Source(NamedTuple):
    query: Select[Any]
    at: ColumnElement[Any]
    id: ColumnElement[Any]
    known_at: ColumnElement[Any]


def entries(conn: Connection, case_id: str, limit: int, after: Behind | None = None, as_of: datetime | None = None) -> list[Entry]:
    """Oldest first, up to so many behind `after`; with `as_of` what was known by then."""
    found: list[Entry] = []
    for rank, (kind, source) in enumerate(_sources(case_id, as_of)):
        query = source.query.add_columns(*(column.label(name) for column, name in zip(source[1:], _LABELS, strict=True)))
        if as_of is not None:
            query = query.where(source.known_at <= as_of)
        if after is not None:
            query = query.where(behind(source.at, source.id, rank, after))
        for row in conn.execute(query.order_by(source.at, source.id).limit(limit)).mappings():
            at, id_, known_at = (row[name] for name in _LABELS)
            found.append(Entry(at, kind, id_, known_at, row))
    return sorted(found, key=lambda entry: entry.place)[:limit]


def _sources(case_id: str, as_of: datetime | None) -> Iterator[tuple[str, _Source]]:
    its = interactions.c.case_id == case_id
    mine = select(interactions.c.source, interactions.c.id).where(its)
    name = interactions.c.source + ":" + interactions.c.id
    # Not a second condition: SQLite, which keeps no statistics, would read all tickets there are by it.
    tickets = select(case((interactions.c.source == "zendesk", interactions.c.id))).where(its)
    of_desk = and_(moments.c.source == "desk", moments.c.interaction.in_(select(name).where(its)))
    heard = or_(tuple_(moments.c.source, moments.c.interaction).in_(mine), of_desk)
    rang = union(select(moments.c.event_id).where(heard), select(inbox.c.id).where(inbox.c.rang_for.in_(tickets)))
    yield "delivery", _of(inbox, inbox.c.id.in_(rang), inbox.c.received_at, leave=("body", "headers", "dedupe_key", "warnings"))
    told = select(moments).outerjoin(inbox, inbox.c.id == moments.c.event_id).where(heard)
    judged_at = _first_recorded(and_(decisions.c.at == moments.c.at, decisions.c.moment == moments.c.digest))
    yield "moment", _Source(told, moments.c.at, moments.c.digest, _first_of(inbox.c.received_at, judged_at, moments.c.at))
    first = _first_recorded(and_(decisions.c.source == interactions.c.source, decisions.c.interaction == interactions.c.id))
    yield "link", _Source(select(interactions).where(its), interactions.c.opened_at, name, _first_of(first, interactions.c.opened_at))
    edited = or_(*(tuple_(link_edits.c[f"{end}_source"], link_edits.c[f"{end}_id"]).in_(mine) for end in "ab"))
    yield "edit", _Source(select(link_edits).where(edited), link_edits.c.at, cast(link_edits.c.seq, Text), link_edits.c.at)
    later = decisions.alias()
    judged = select(*_leaving(decisions, ("seen", "held", "salt")), later.c.recorded_at.label("superseded_at"))
    judged = judged.outerjoin(later, later.c.id == decisions.c.superseded_by)
    of_mine = tuple_(decisions.c.source, decisions.c.interaction).in_(mine)
    yield "decision", _Source(judged.where(of_mine), decisions.c.at, decisions.c.id, decisions.c.recorded_at)
    names = union(select(interactions.c.case_key).where(its), select(literal(case_id)))
    touched = select(change_subjects.c.seq).where(change_subjects.c.subject.in_(names))
    yield "change", _of(changes, or_(changes.c.subject.in_(names), changes.c.seq.in_(touched)), changes.c.at, leave=("salt",))
    ends = _first_of(_by(escalations.c.ended_at, as_of), escalations.c.due_at)
    yield "escalation", _of(escalations, escalations.c.case_id == case_id, ends, escalations.c.armed_at)
    sent = _first_of(_by(notifications.c.sent_at, as_of), notifications.c.made_at)
    yield "notification", _of(notifications, notifications.c.case_id == case_id, sent, notifications.c.made_at)
    yield "assignment", _of(assignments, assignments.c.case_id == case_id, assignments.c.at, leave=("candidates",))
    yield "writeback", _of(intents, intents.c.ticket.in_(tickets), intents.c.at, leave=("plan",))


def _of(
    table: Table, which: ColumnElement[bool], at: ColumnElement[Any], known_at: ColumnElement[Any] | None = None, leave: Sequence[str] = ()
) -> _Source:
    """Rows of a table that have an id; known as soon as they happened unless told otherwise."""
    return _Source(select(*_leaving(table, leave)).where(which), at, table.c.id, at if known_at is None else known_at)


def _leaving(table: Table, leave: Sequence[str]) -> list[Column[Any]]:
    return [column for column in table.columns if column.name not in leave]


def _first_recorded(which: ColumnElement[bool]) -> ColumnElement[Any]:
    return select(func.min(decisions.c.recorded_at, type_=Instant)).where(which).scalar_subquery()


def _by(at: ColumnElement[Any], as_of: datetime | None) -> ColumnElement[Any]:
    """A time, unless it came later than `as_of`."""
    return at if as_of is None else case((at <= as_of, at))


def _first_of(*at: ColumnElement[Any]) -> ColumnElement[Any]:
    """The first of these that is known."""
    return func.coalesce(*at, type_=Instant)

"""The rows that reports are made of, read set by set: no statement for each case.

What is read is what stands now; `as_known` tells what of a case was another at an earlier instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, and_, func, literal, or_, select, type_coerce
from sqlalchemy import Text as SqlText

from tsbridge.core.moments import CLOCK
from tsbridge.store.moments import IN_STORY
from tsbridge.store.tables import cases, decisions, interactions, moments

Row = RowMapping

_CASE: Final = (
    *(cases.c.id, cases.c.status, cases.c.severity, cases.c.category, cases.c.queue, cases.c.assignee, cases.c.agent),
    *(cases.c.acknowledged_at, cases.c.opened_at),
)
_RESTED: Final = '%"resolved":true%'
"""In the canonical text of the outcome of a due time by which a case came to rest."""


class Span(NamedTuple):
    """Cases opened from `start` (included) to `end` (excluded) and, of those, by `as_of`."""

    start: datetime
    end: datetime
    as_of: datetime


def _opened(span: Span) -> tuple[Any, ...]:
    return (cases.c.opened_at >= span.start, cases.c.opened_at < span.end, cases.c.opened_at <= span.as_of)


def _members(span: Span, *columns: Any) -> Select[Any]:
    return select(*columns).select_from(cases.join(interactions, interactions.c.case_id == cases.c.id)).where(*_opened(span))


def opened(conn: Connection, span: Span) -> Sequence[Row]:
    """The cases, by when they were opened."""
    return conn.execute(select(*_CASE).where(*_opened(span)).order_by(cases.c.opened_at, cases.c.id)).mappings().all()


def members(conn: Connection, span: Span) -> Sequence[Row]:
    """The interactions of these cases, of each case the oldest first."""
    columns = (interactions.c.case_id, interactions.c.source, interactions.c.id, interactions.c.channel)
    query = _members(span, *columns, interactions.c.opened_at, interactions.c.thread)
    return conn.execute(query.order_by(interactions.c.opened_at, interactions.c.source, interactions.c.id)).mappings().all()


def stories(conn: Connection, span: Span) -> Iterator[Any]:
    """The moments of these cases, in no order: (case, digest, body)."""
    heard = and_(moments.c.source == interactions.c.source, moments.c.interaction == interactions.c.id)
    at_desk = and_(moments.c.source == literal("desk"), moments.c.interaction == interactions.c.source + ":" + interactions.c.id)
    for within in (heard, at_desk):
        query = _members(span, interactions.c.case_id, moments.c.digest, moments.c.body).join(moments, within).where(IN_STORY)
        yield from conn.execute(query)


def rests(conn: Connection, span: Span) -> Sequence[tuple[str, datetime]]:
    """When these cases came to rest by time alone: (case, instant)."""
    told = type_coerce(decisions.c.outcome, SqlText).like(_RESTED)
    query = _members(span, interactions.c.case_id, decisions.c.at).join(decisions, _about())
    in_force = (decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False), decisions.c.mode == "live")
    known = decisions.c.recorded_at <= span.as_of
    return [(case_id, at) for case_id, at in conn.execute(query.where(decisions.c.event == CLOCK, told, known, *in_force))]


def decided(conn: Connection, span: Span) -> Iterator[Row]:
    """The decisions about these cases that were in force at `as_of`, in no order: which rules matched, what stood then."""
    later = decisions.alias("later")
    columns = (decisions.c.source, decisions.c.interaction, decisions.c.moment, decisions.c.at, decisions.c.event, decisions.c.matched)
    more = (decisions.c.rulebook_version, decisions.c.recorded_at)
    query = _members(span, interactions.c.case_id, *columns, *more).join(decisions, _about())
    query = query.outerjoin(later, later.c.id == decisions.c.superseded_by)
    in_force = or_(decisions.c.superseded_by.is_(None), later.c.recorded_at > span.as_of)
    query = query.where(decisions.c.recorded_at <= span.as_of, in_force, decisions.c.retracted.is_(False), decisions.c.mode == "live")
    yield from conn.execute(query).mappings()


def learnt_later(conn: Connection, span: Span) -> set[str]:
    """Those of these cases about which something was recorded after `as_of`."""
    query = _members(span, interactions.c.case_id).join(decisions, _about()).where(decisions.c.recorded_at > span.as_of)
    return set(conn.execute(query.distinct()).scalars())


def first_recorded(conn: Connection, span: Span) -> dict[str, datetime]:
    """Of the moments of these cases that something was recorded of after `as_of`, when each was first decided about."""
    at = func.min(decisions.c.recorded_at, type_=decisions.c.recorded_at.type)
    query = _members(span, decisions.c.moment, at).join(decisions, _about()).group_by(decisions.c.moment)
    return {moment: first for moment, first in conn.execute(query.having(at > span.as_of))}


def as_known(conn: Connection, span: Span, case_ids: Set[str]) -> dict[str, Row]:
    """What stood at `as_of` for each interaction of these cases, by `source:id`: the newest decision in force then, whole."""
    later = decisions.alias("later")
    columns = (decisions.c.source, decisions.c.interaction, decisions.c.severity, decisions.c.queue, decisions.c.agent, decisions.c.outcome)
    query = _members(span, interactions.c.case_id, interactions.c.opened_at, *columns).join(decisions, _about())
    query = query.outerjoin(later, later.c.id == decisions.c.superseded_by)
    in_force = or_(decisions.c.superseded_by.is_(None), later.c.recorded_at > span.as_of)
    known = (decisions.c.recorded_at <= span.as_of, decisions.c.retracted.is_(False), decisions.c.mode == "live")
    found: dict[str, Row] = {}
    for row in conn.execute(query.where(in_force, *known).order_by(decisions.c.at, decisions.c.recorded_at, decisions.c.id)).mappings():
        if row["case_id"] in case_ids:
            found[f"{row['source']}:{row['interaction']}"] = row
    return found


def _about() -> Any:
    return and_(decisions.c.source == interactions.c.source, decisions.c.interaction == interactions.c.id)

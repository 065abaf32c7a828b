"""What people read: events, cases, moments, escalations, wishes. Nothing here changes anything.

Every list is a keyset page in a fixed order: it takes the sort key of the last row seen and gives up to `limit` rows
behind it. Rows that are added meanwhile are neither doubled nor lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, and_, or_, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolIsBusy

from tsbridge.core.moments import Handle
from tsbridge.store.case_tables import cases
from tsbridge.store.decision_tables import decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.link_tables import handles, interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.people import as_left
from tsbridge.store.writing_tables import desired

Row = RowMapping

DATABASE_FAILURES: Final = (DBAPIError, PoolIsBusy)
"""What a piece of work may raise because of the database; `store.availability.unavailable` tells whether trying later will help."""

_EVENT: Final = tuple(column for column in inbox.c if column.name not in ("body", "headers"))


def before(keys: Sequence[Column[Any]], last: Sequence[Any]) -> ColumnElement[bool]:
    """Rows that come behind `last` when sorted by `keys` descending."""
    return or_(*(and_(*(keys[j] == last[j] for j in range(i)), keys[i] < last[i]) for i in range(len(keys))))


def _rows(conn: Connection, query: Select[Any]) -> list[Row]:
    return list(conn.execute(query).mappings())


# Events


def events(conn: Connection, limit: int, after: int | None = None, status: str | None = None, source: str | None = None) -> list[Row]:
    """The inbox, newest first, without headers and bodies."""
    query = select(*_EVENT)
    if after is not None:
        query = query.where(inbox.c.seq < after)
    if status is not None:
        query = query.where(inbox.c.status == status)
    if source is not None:
        query = query.where(inbox.c.source == source)
    return _rows(conn, query.order_by(inbox.c.seq.desc()).limit(limit))


def event(conn: Connection, event_id: str) -> Row | None:
    """One delivery whole."""
    return conn.execute(select(inbox).where(inbox.c.id == event_id)).mappings().one_or_none()


def event_results(conn: Connection, event_id: str) -> tuple[list[str], list[str]]:
    """(digests of the moments it told first, ids of the decisions it led to, by itself or by the read that it rang for with others)."""
    first = conn.execute(select(moments.c.digest).where(moments.c.event_id == event_id).order_by(moments.c.at, moments.c.digest))
    rang = conn.execute(select(inbox.c.rang_for, inbox.c.covered_by).where(inbox.c.id == event_id)).first()
    by = decisions.c.event_id == event_id
    if rang is not None and rang.covered_by is not None:
        covered = select(inbox.c.id).where(inbox.c.rang_for == rang.rang_for, inbox.c.covered_by == event_id)
        by = or_(by, decisions.c.event_id == rang.covered_by, decisions.c.event_id.in_(covered))
    led = conn.execute(select(decisions.c.id).where(by).order_by(decisions.c.number))
    return list(first.scalars()), list(led.scalars())


def cases_of_event(conn: Connection, event_id: str) -> list[str]:
    """Ids of the cases that a delivery is about: by what it told, by the ticket that it rang for, by the decisions that it led to."""
    told = select(moments.c.source, moments.c.interaction.label("id")).where(moments.c.event_id == event_id)
    rang = select(inbox.c.source, inbox.c.rang_for.label("id")).where(inbox.c.id == event_id)
    about = told.union(rang).subquery()
    same = and_(interactions.c.source == about.c.source, interactions.c.id == about.c.id)
    held = select(interactions.c.case_id).join(about, same)
    decided = select(decisions.c.case_id).where(decisions.c.id.in_(event_results(conn, event_id)[1]))
    return sorted(conn.execute(held.union(decided)).scalars())


# Cases


class CaseFilter(NamedTuple):
    """`people`: (kind, value) pairs of handles, any of which names the person asked for. `without`: `queue`, `severity`: not known yet."""

    ticket: str | None = None
    call: str | None = None
    people: tuple[tuple[str, str], ...] = ()
    queue: str | None = None
    status: str | None = None
    severity: int | None = None
    without: tuple[str, ...] = ()


def case_list(conn: Connection, wanted: CaseFilter, limit: int, after: tuple[datetime, str] | None = None) -> list[Row]:
    """Newest first."""
    query = select(cases).where(*cases_that(conn, wanted))
    if after is not None:
        query = query.where(before((cases.c.opened_at, cases.c.id), after))
    return _rows(conn, query.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit))


def cases_that(conn: Connection, wanted: CaseFilter) -> list[ColumnElement[bool]]:
    """What a row of `cases` must be."""
    asked: list[ColumnElement[bool]] = []
    if wanted.ticket is not None:
        asked.append(cases.c.id.in_(cases_of_ticket(wanted.ticket)))
    if wanted.call is not None:
        asked.append(cases.c.id.in_(cases_of_call(wanted.call)))
    if wanted.people:
        people = as_left(conn, [Handle(*person) for person in wanted.people])
        asked.append(cases.c.id.in_(_cases_of_handles(people, "person")))
    for column, value in ((cases.c.queue, wanted.queue), (cases.c.status, wanted.status), (cases.c.severity, wanted.severity)):
        if value is not None:
            asked.append(column == value)
    return asked + [cases.c[name].is_(None) for name in wanted.without]


def case(conn: Connection, case_id: str) -> Row | None:
    """A case by any id that was ever handed out for it: one that went into another leads there."""
    row = conn.execute(select(cases).where(cases.c.id == case_id)).mappings().one_or_none()
    if row is not None:
        return row
    now = select(interactions.c.case_id).where(interactions.c.case_key == case_id).scalar_subquery()
    return conn.execute(select(cases).where(cases.c.id == now)).mappings().one_or_none()


def interactions_of(conn: Connection, case_ids: Iterable[str]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    query = select(interactions).where(interactions.c.case_id.in_(list(case_ids)))
    for row in _rows(conn, query.order_by(interactions.c.opened_at, interactions.c.source, interactions.c.id)):
        found[row["case_id"]].append(row)
    return found


def cases_of_ticket(ticket: str) -> Select[Any]:
    """Ids of cases that hold the ticket, or a call that names it."""
    held = select(interactions.c.case_id).where(interactions.c.source == "zendesk", interactions.c.id == ticket)
    return held.union(_cases_of_handles((("ticket", ticket), ("merge", ticket)), "name")).subquery().select()


def cases_of_call(call: str) -> Select[Any]:
    held = select(interactions.c.case_id).where(interactions.c.source == "talkdesk", interactions.c.id == call)
    return held.union(_cases_of_handles((("call", call),), "name")).subquery().select()


def _cases_of_handles(wanted: Sequence[tuple[str, str]], role: str) -> Select[Any]:
    return (
        select(interactions.c.case_id)
        .join(handles, and_(handles.c.source == interactions.c.source, handles.c.interaction == interactions.c.id))
        .where(handles.c.role == role, tuple_(handles.c.kind, handles.c.value).in_(list(wanted)))
    )


# Moments


def moment(conn: Connection, digest: str) -> Row | None:
    return conn.execute(select(moments).where(moments.c.digest == digest)).mappings().one_or_none()


# Escalations


def escalation(conn: Connection, escalation_id: str) -> Row | None:
    return conn.execute(select(escalations).where(escalations.c.id == escalation_id)).mappings().one_or_none()


# Wishes and their way to the helpdesk


def writeback_list(
    conn: Connection, limit: int, after: str | None = None, status: str | None = None, ticket: str | None = None, case_id: str | None = None
) -> list[Row]:
    """The newest wish first, by its id: a wish that changes keeps its place, so a walk misses none."""
    query = select(desired)
    for column, value in ((desired.c.status, status), (desired.c.ticket, ticket), (desired.c.case_id, case_id)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(desired.c.id < after)
    return _rows(conn, query.order_by(desired.c.id.desc()).limit(limit))


def writeback(conn: Connection, writeback_id: str) -> Row | None:
    return conn.execute(select(desired).where(desired.c.id == writeback_id)).mappings().one_or_none()

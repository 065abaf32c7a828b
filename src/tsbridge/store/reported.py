"""The rows that reports are made of, read set by set: no statement for each case.

What is read is what stands now; `as_known` tells what of a case was another at an earlier instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, and_, func, literal, or_, select, type_coerce
from sqlalchemy import Text as SqlText

from tsbridge.core.moments import CLOCK
from tsbridge.store.case_tables import cases
from tsbridge.store.decision_tables import decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.link_tables import interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import IN_STORY
from tsbridge.store.notice_tables import messages, notices, notifications
from tsbridge.store.notification_log import NOBODY
from tsbridge.store.work_tables import assignments
from tsbridge.store.writing_tables import desired, intents

Row = RowMapping

_CASE: Final = (
    *(cases.c.id, cases.c.status, cases.c.severity, cases.c.category, cases.c.queue, cases.c.assignee, cases.c.agent),
    *(cases.c.acknowledged_at, cases.c.opened_at),
)
NEWEST: Final = 1_000
"""So many decisions at the end are looked at to see that none was recorded later: those of workers side by side may be out of order."""
_OF_CASE: Final = (cases.c.severity, cases.c.category, cases.c.queue, cases.c.agent)
_RESTED: Final = '%"resolved":true%'
"""In the canonical text of the outcome of a due time by which a case came to rest."""


class Span(NamedTuple):
    """What happened from `start` (included) to `end` (excluded) and, of that, by `as_of`."""

    start: datetime
    end: datetime
    as_of: datetime

    def holds(self, at: Column[Any]) -> ColumnElement[bool]:
        return and_(at >= self.start, at < self.end, at <= self.as_of)


class Among(NamedTuple):
    """Cases, by what their rows must be; what is read of them is what was known at `as_of`."""

    that: ColumnElement[bool]
    as_of: datetime


def opened_in(span: Span) -> Among:
    """Cases opened then."""
    return Among(span.holds(cases.c.opened_at), span.as_of)


def about(span: Span) -> Among:
    """Cases opened then, or about which something was decided then."""
    decided = select(interactions.c.case_id).join(decisions, _about()).where(span.holds(decisions.c.at))
    opened = select(cases.c.id).where(span.holds(cases.c.opened_at))
    return Among(cases.c.id.in_(decided.union(opened).subquery().select()), span.as_of)


def these(case_ids: Set[str], as_of: datetime) -> Among:
    """Cases by their ids."""
    return Among(cases.c.id.in_(sorted(case_ids)), as_of)


def called_in(span: Span) -> Among:
    """Cases with calls that began then."""
    return Among(cases.c.id.in_(select(interactions.c.case_id).where(*_calls(span))), span.as_of)


def _calls(span: Span) -> tuple[ColumnElement[bool], ...]:
    return (interactions.c.source == literal("talkdesk"), span.holds(interactions.c.opened_at))


def _members(among: Among, *columns: Any) -> Select[Any]:
    return select(*columns).select_from(cases.join(interactions, interactions.c.case_id == cases.c.id)).where(among.that)


def many(conn: Connection, span: Span, most: int) -> bool:
    """Whether more was decided then."""
    some = select(decisions.c.number).where(span.holds(decisions.c.at)).limit(most + 1).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one()) > most


def found(conn: Connection, among: Among) -> Sequence[Row]:
    """The cases, by when they were opened."""
    return conn.execute(select(*_CASE).where(among.that).order_by(cases.c.opened_at, cases.c.id)).mappings().all()


def standing(conn: Connection, among: Among) -> Iterator[Any]:
    """What stands of these cases, by when they were opened: id, opened_at, status, severity, category, queue, assignee, agent."""
    columns = (cases.c[name] for name in ("id", "opened_at", "status", "severity", "category", "queue", "assignee", "agent"))
    yield from conn.execute(select(*columns).where(among.that).order_by(cases.c.opened_at, cases.c.id))


def members(conn: Connection, among: Among) -> Sequence[Row]:
    """The interactions of these cases, of each case the oldest first."""
    columns = (interactions.c.case_id, interactions.c.source, interactions.c.id, interactions.c.channel)
    query = _members(among, *columns, interactions.c.opened_at, interactions.c.thread)
    return conn.execute(query.order_by(interactions.c.opened_at, interactions.c.source, interactions.c.id)).mappings().all()


def stories(conn: Connection, among: Among) -> Iterator[Any]:
    """The moments of these cases, in no order: (case, digest, body)."""
    heard = and_(moments.c.source == interactions.c.source, moments.c.interaction == interactions.c.id)
    at_desk = and_(moments.c.source == literal("desk"), moments.c.interaction == interactions.c.source + ":" + interactions.c.id)
    for within in (heard, at_desk):
        query = _members(among, interactions.c.case_id, moments.c.digest, moments.c.body).join(moments, within).where(IN_STORY)
        yield from conn.execute(query)


def rests(conn: Connection, among: Among) -> Sequence[tuple[str, datetime]]:
    """When these cases came to rest by time alone: (case, instant)."""
    told = type_coerce(decisions.c.outcome, SqlText).like(_RESTED)
    query = _in_force(_members(among, interactions.c.case_id, decisions.c.at).join(decisions, _about()), among.as_of)
    return [(case_id, at) for case_id, at in conn.execute(query.where(decisions.c.event == CLOCK, told))]


def decided(conn: Connection, among: Among, span: Span | None = None) -> Iterator[Row]:
    """The decisions about these cases that were in force at `as_of`, in no order; with a span those about that time."""
    columns = (decisions.c.id, decisions.c.source, decisions.c.interaction, decisions.c.at, decisions.c.event, decisions.c.matched)
    more = (decisions.c.rulebook_version, decisions.c.channel, decisions.c.severity, decisions.c.queue)
    query = _in_force(_members(among, interactions.c.case_id, *columns, *more).join(decisions, _about()), among.as_of)
    yield from conn.execute(query if span is None else query.where(span.holds(decisions.c.at))).mappings()


def _in_force(query: Select[Any], as_of: datetime) -> Select[Any]:
    """Decisions that were recorded by then and that nothing had replaced by then."""
    later = decisions.alias("later")
    stood = or_(decisions.c.superseded_by.is_(None), later.c.recorded_at > as_of)
    query = query.outerjoin(later, later.c.id == decisions.c.superseded_by)
    return query.where(decisions.c.recorded_at <= as_of, stood, decisions.c.retracted.is_(False), decisions.c.mode == "live")


def learnt_later(conn: Connection, among: Among) -> set[str]:
    """Those of these cases about which something was recorded after `as_of`."""
    newest = select(decisions.c.recorded_at).order_by(decisions.c.number.desc()).limit(NEWEST)
    if all(at <= among.as_of for at in conn.execute(newest).scalars()):
        return set()
    query = _members(among, interactions.c.case_id).join(decisions, _about()).where(decisions.c.recorded_at > among.as_of)
    return set(conn.execute(query.distinct()).scalars())


def first_recorded(conn: Connection, among: Among) -> dict[str, datetime]:
    """Of the moments of these cases that something was recorded of after `as_of`, when each was first decided about."""
    at = func.min(decisions.c.recorded_at, type_=decisions.c.recorded_at.type)
    query = _members(among, decisions.c.moment, at).join(decisions, _about()).group_by(decisions.c.moment)
    return {moment: first for moment, first in conn.execute(query.having(at > among.as_of))}


def as_known(conn: Connection, among: Among, case_ids: Set[str]) -> dict[str, Row]:
    """What stood at `as_of` for each interaction of these cases, by `source:id`: the newest decision in force then, whole."""
    columns = (decisions.c.source, decisions.c.interaction, decisions.c.severity, decisions.c.queue, decisions.c.agent, decisions.c.outcome)
    query = _in_force(_members(among, interactions.c.case_id, interactions.c.opened_at, *columns).join(decisions, _about()), among.as_of)
    found: dict[str, Row] = {}
    for row in conn.execute(query.order_by(decisions.c.at, decisions.c.recorded_at, decisions.c.id)).mappings():
        if row["case_id"] in case_ids:
            found[f"{row['source']}:{row['interaction']}"] = row
    return found


def _about() -> Any:
    return and_(decisions.c.source == interactions.c.source, decisions.c.interaction == interactions.c.id)


def calls(conn: Connection, span: Span) -> Sequence[Row]:
    """The calls that began then."""
    columns = (interactions.c.case_id, interactions.c.id, interactions.c.opened_at, interactions.c.channel)
    return conn.execute(select(*columns).where(*_calls(span)).order_by(interactions.c.opened_at, interactions.c.id)).mappings().all()


def steps(conn: Connection, span: Span) -> Sequence[Row]:
    """The steps of escalations that were armed then, each with its interaction's channel and when it was first recorded that it fired."""
    then = and_(
        decisions.c.source == escalations.c.source,
        decisions.c.interaction == escalations.c.interaction,
        decisions.c.at == escalations.c.ended_at,
        decisions.c.retracted.is_(False),
    )
    recorded = select(func.min(decisions.c.recorded_at, type_=decisions.c.recorded_at.type)).where(then).scalar_subquery()
    its = and_(interactions.c.source == escalations.c.source, interactions.c.id == escalations.c.interaction)
    query = select(escalations, interactions.c.channel, recorded.label("recorded_at")).outerjoin(interactions, its)
    return conn.execute(query.where(span.holds(escalations.c.armed_at)).order_by(escalations.c.armed_at, escalations.c.id)).mappings().all()


def given(conn: Connection, span: Span) -> Sequence[Row]:
    """What the desk gave to somebody then: `at`, `agent`, what it was, and the case that its ticket is in."""
    its = and_(interactions.c.source == literal("zendesk"), interactions.c.id == assignments.c.ticket)
    columns = (assignments.c[name] for name in ("at", "thread", "agent", "category", "severity", "queue", "channel"))
    query = select(*columns, interactions.c.case_id).join(interactions, its).where(span.holds(assignments.c.at))
    return conn.execute(query.order_by(assignments.c.at, assignments.c.id)).mappings().all()


def pages(conn: Connection, span: Span) -> Sequence[Row]:
    """Who was reached then by a message about cases: `sent_at`, `agent`, `message`, and a row for each of its cases with what it is."""
    told = notifications.join(messages, messages.c.id == notifications.c.message).outerjoin(notices, notices.c.id == notifications.c.notice)
    columns = (messages.c.sent_at, messages.c.agent, messages.c.id.label("message"), notifications.c.case_id)
    query = select(*columns, notices.c.severity, notices.c.category, notices.c.queue).select_from(told)
    sent = (span.holds(messages.c.sent_at), messages.c.status == "sent", messages.c.about == "cases", messages.c.agent != "")
    return conn.execute(query.where(*sent).order_by(messages.c.sent_at, notifications.c.id)).mappings().all()


def told_nobody(conn: Connection, span: Span) -> Sequence[Row]:
    """Tellings made then that had nobody to go to: `made_at`, `case_id` and what the case was."""
    columns = (notifications.c.made_at, notifications.c.case_id, notices.c.severity, notices.c.category, notices.c.queue)
    query = select(*columns).outerjoin(notices, notices.c.id == notifications.c.notice)
    nobody = (span.holds(notifications.c.made_at), notifications.c.reason.in_(NOBODY), notifications.c.case_id != "")
    return conn.execute(query.where(*nobody).order_by(notifications.c.made_at, notifications.c.id)).mappings().all()


def wishes(conn: Connection, span: Span) -> Sequence[Row]:
    """The wishes that were last asked for then, with their cases."""
    columns = (desired.c.asked_at, desired.c.case_id, desired.c.status, desired.c.confirmed_at)
    query = select(*columns, *_OF_CASE).outerjoin(cases, cases.c.id == desired.c.case_id)
    return conn.execute(query.where(span.holds(desired.c.asked_at)).order_by(desired.c.asked_at, desired.c.id)).mappings().all()


def updates(conn: Connection, span: Span) -> Sequence[Row]:
    """The updates that were sent then, with the cases of their tickets."""
    its = and_(interactions.c.source == literal("zendesk"), interactions.c.id == intents.c.ticket)
    joined = intents.outerjoin(interactions, its).outerjoin(cases, cases.c.id == interactions.c.case_id)
    columns = (intents.c.at, intents.c.outcome, intents.c.settled_at, interactions.c.case_id)
    query = select(*columns, *_OF_CASE).select_from(joined)
    return conn.execute(query.where(span.holds(intents.c.at)).order_by(intents.c.at, intents.c.id)).mappings().all()


def channels(conn: Connection, among: Among) -> dict[str, str | None]:
    """By case the channel of its oldest interaction that has one."""
    told: dict[str, str | None] = {}
    for row in members(conn, among):
        told[row["case_id"]] = told.get(row["case_id"]) or row["channel"]
    return told

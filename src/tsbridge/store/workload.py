"""The work that cases ask of people: what waits in queues, and who has what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select

from tsbridge.core.helpdesk_json import ours_from
from tsbridge.core.moments import Handle
from tsbridge.core.refusals import NOT_ACCEPTED
from tsbridge.core.workload import Piece
from tsbridge.store.case_tables import cases
from tsbridge.store.desired import PART_REFUSED
from tsbridge.store.link_tables import handles, interactions
from tsbridge.store.statements import Delete, Insert
from tsbridge.store.work_tables import workload
from tsbridge.store.writing_tables import desired

Row = RowMapping

_FORGET: Final = Delete(workload, ("case_id",))
_ADD: Final = Insert(workload, ("case_id", *Piece._fields))
_FIRST: Final = (
    case((workload.c.severity.is_(None), 9), else_=workload.c.severity),
    workload.c.since,
    workload.c.case_id,
    workload.c.thread,
)
"""The order in which work is given out: the most severe first, of equals the oldest."""


def save(conn: Connection, asked: Mapping[str, Sequence[Piece]], new: Set[str] = frozenset()) -> None:
    """Replace what cases ask of people. `new`: cases that ask for nothing yet."""
    _FORGET.all(conn, [(case_id,) for case_id in sorted(asked.keys() - new)])
    _ADD.all(conn, [(case_id, *piece) for case_id, pieces in sorted(asked.items()) for piece in pieces])


class Kind(NamedTuple):
    """What matters of work for who can get it. `held_by`: the agent who has it, where it is offered on."""

    queue: str
    severity: int | None
    category: str | None
    channel: str
    held_by: str | None


def kinds(conn: Connection, queues: Collection[str], offered: Collection[tuple[str, str]] = ()) -> list[Kind]:
    """The kinds of work that are to be given out of these queues, however much there is of each. `offered`: queue and agent of work that
    is offered on."""
    held_by = case((workload.c.waits.is_(True), None), else_=workload.c.agent)
    waits = and_(workload.c.waits.is_(True), workload.c.queue.in_(sorted(queues)))
    offers = [and_(workload.c.queue == queue, workload.c.agent == agent) for queue, agent in sorted(offered)]
    query = select(workload.c.queue, workload.c.severity, workload.c.category, workload.c.channel, held_by).where(or_(waits, *offers))
    return [Kind(*row) for row in conn.execute(query.distinct())]


def first(conn: Connection, of: Collection[Kind], limit: int) -> list[Row]:
    """Work of these kinds, what is to be given first in front."""
    if not of:
        return []
    query = select(workload).where(or_(*map(_is, of)))
    return list(conn.execute(query.order_by(*_FIRST).limit(limit)).mappings())


def _is(kind: Kind) -> ColumnElement[bool]:
    same = [workload.c[name].is_not_distinct_from(getattr(kind, name)) for name in ("queue", "severity", "category", "channel")]
    held = workload.c.waits.is_(True) if kind.held_by is None else and_(workload.c.waits.is_(False), workload.c.agent == kind.held_by)
    return and_(*same, held)


def count_waiting(conn: Connection, queue: str) -> int:
    query = select(func.count()).select_from(workload).where(workload.c.waits.is_(True), workload.c.queue == queue)
    return int(conn.execute(query).scalar_one())


def given_in(conn: Connection, queues: Collection[str]) -> list[tuple[str, str]]:
    """Queue and agent of all work that the desk gave out of these queues and that somebody still has."""
    query = select(workload.c.queue, workload.c.agent).where(workload.c.queue.in_(sorted(queues)), workload.c.agent.is_not(None)).distinct()
    return sorted((row.queue, row.agent) for row in conn.execute(query))


def refused(conn: Connection, queues: Collection[str], thread: str | None = None) -> list[Row]:
    """Work that the desk gave out of these queues, or only that of this thread, and whose assignment Zendesk did not accept."""
    given: list[ColumnElement[bool]] = [workload.c.queue.in_(sorted(queues)), workload.c.agent.is_not(None), workload.c.waits.is_(False)]
    if thread is not None:
        given.append(workload.c.thread == thread)
    parked = (desired.c.status == "parked", desired.c.reason == PART_REFUSED)
    query = select(workload, desired.c.ours).join(desired, desired.c.ticket == workload.c.ticket).where(*given, *parked)
    rows = conn.execute(query.order_by(*_FIRST)).mappings()
    parts = ((row, ours_from(row["ours"]).refused.get("assignee_id")) for row in rows)
    return [row for row, part in parts if part is not None and part.reason == NOT_ACCEPTED and part.value == row["holder"]]


def lock(conn: Connection, case_id: str, thread: str) -> Row | None:
    """A piece of work as it is, held until the transaction ends (PostgreSQL; SQLite has one writer anyway)."""
    query = select(workload).where(workload.c.case_id == case_id, workload.c.thread == thread)
    return conn.execute(query.with_for_update()).mappings().one_or_none()


def held(conn: Connection, holders: Collection[str]) -> list[Row]:
    """All that these Zendesk users have."""
    return list(conn.execute(select(workload).where(workload.c.holder.in_(sorted(holders)))).mappings())


def who_knows(conn: Connection, people: Collection[Handle], not_case: str, limit: int) -> list[str]:
    """Zendesk ids of whoever had cases of these people, the latest case first."""
    if not people:
        return []
    of_them = or_(*(and_(handles.c.kind == one.kind, handles.c.value == one.value) for one in sorted(people)))
    theirs = (
        select(interactions.c.case_id)
        .join(handles, and_(handles.c.source == interactions.c.source, handles.c.interaction == interactions.c.id))
        .where(handles.c.role == "person", of_them)
    )
    query = select(cases.c.assignee).where(cases.c.id.in_(theirs), cases.c.id != not_case, cases.c.assignee.is_not(None))
    return list(dict.fromkeys(conn.execute(query.order_by(cases.c.last_at.desc(), cases.c.id).limit(limit)).scalars()))

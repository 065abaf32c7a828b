"""How cases stand for somebody who was asked to take them: still open, taken by whom, or over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Table, select

from tsbridge.core.moments import Interaction
from tsbridge.core.track import key_of
from tsbridge.store.case_tables import cases
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.link_tables import interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.statements import parts

Asked = tuple[str, str | None, datetime]
"""A case id, the policy that asked (None: a rule), and when."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`open`: whoever was asked may take it; `taken`, by whom and when as far as known; `over`: nothing is asked any more.

    `case_id` is today's: cases are joined. `next_at`: when the next step comes. `tickets`: in the order they were opened. `again`:
    somebody took it, and then steps went on, since nothing happened. `ended`: the escalation that asked is over, also when somebody
    has the case.
    """

    case_id: str
    state: Literal["open", "taken", "over"]
    severity: int | None = None
    category: str | None = None
    queue: str | None = None
    taken_by: str | None = None
    taken_at: datetime | None = None
    next_at: datetime | None = None
    tickets: tuple[str, ...] = ()
    again: bool = False
    ended: bool = False


def standings(conn: Connection, asked: Sequence[Asked]) -> list[Standing]:
    """How each case stands, each of today's once: those that were joined are one, asked as the last of them."""
    keys = _rows(conn, interactions, interactions.c.case_key, (case_id for case_id, _, _ in asked))
    today = {row.case_key: row.case_id for row in keys}
    latest = {today.get(case_id, case_id): (policy, since) for case_id, policy, since in sorted(asked, key=lambda one: one[2])}
    found = {row.id: row for row in _rows(conn, cases, cases.c.id, latest)}
    members = _by_case(_rows(conn, interactions, interactions.c.case_id, found))
    steps = _by_case(_rows(conn, escalations, escalations.c.case_id, found))
    taken = [case_id for case_id, row in found.items() if row.status == "open" and row.acknowledged]
    last = _last(conn, {case_id: members[case_id] for case_id in taken})
    return [
        _standing(found[case_id], members[case_id], _of_it(steps[case_id], *about), last.get(case_id))
        if case_id in found
        else Standing(case_id, "over", ended=True)
        for case_id, about in latest.items()
    ]


def _standing(row: Row[Any], members: Sequence[Row[Any]], steps: Sequence[Row[Any]], last: datetime | None) -> Standing:
    in_order = sorted(members, key=lambda member: (member.opened_at, member.id))
    tickets = tuple(member.id for member in in_order if member.source == "zendesk")
    said = (row.severity, row.category, row.queue)
    if row.status != "open":
        return Standing(row.id, "over", *said, tickets=tickets, ended=True)
    to_come = [step.due_at for step in steps if step.status in ("armed", "paused")]
    taken_at = last or row.acknowledged_at
    again = taken_at is not None and any(step.status == "fired" and step.ended_at and step.ended_at > taken_at for step in steps)
    if row.acknowledged and not again:
        return Standing(row.id, "taken", *said, row.acknowledged_by, row.acknowledged_at, None, tickets, ended=not to_come)
    if not row.acknowledged and any(step.status in ("stopped", "acknowledged") for step in steps):
        return Standing(row.id, "over", *said, tickets=tickets, ended=True)
    return Standing(row.id, "open", *said, None, None, min(to_come, default=None), tickets, again)


def _of_it(steps: Iterable[Row[Any]], policy: str | None, since: datetime) -> list[Row[Any]]:
    """The steps of the escalation that asked: of its policy, the one armed last by then."""
    mine = [step for step in steps if step.policy == policy and step.armed_at <= since]
    newest = max((step.armed_at for step in mine), default=None)
    return [step for step in mine if step.armed_at == newest]


def _last(conn: Connection, members: Mapping[str, Sequence[Row[Any]]]) -> dict[str, datetime]:
    """By case when somebody last said at the desk that they have it."""
    case_of = {key_of(Interaction(one.source, one.id)): case_id for case_id, some in members.items() for one in some}
    said = [moments.c.source == "desk", moments.c.event == "case.acknowledged", moments.c.withdrawn_at.is_(None)]
    rows = sorted(_rows(conn, moments, moments.c.interaction, case_of, *said), key=lambda row: row.at)
    return {case_of[row.interaction]: row.at for row in rows}


def _by_case(rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.case_id].append(row)
    return found


def _rows(conn: Connection, table: Table, column: ColumnElement[str], values: Iterable[str], *also: ColumnElement[bool]) -> list[Row[Any]]:
    wanted = sorted(set(values))
    found: list[Row[Any]] = []
    for part in parts(wanted):
        found += conn.execute(select(table).where(column.in_(part), *also)).all()
    return found

"""The audit as it is read: decisions and changes, newest first, by every filter of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select, tuple_

from tsbridge.store.tables import (
    chain,
    change_subjects,
    changes,
    decision_rules,
    decision_tags,
    decisions,
    desired,
    handles,
    interactions,
    rulebooks,
)

Row = RowMapping

_COLUMNS: Final = (
    *(column for column in decisions.c if column.name not in ("seen", "salt")),
    chain.c.seq,
    chain.c.previous_hash,
    chain.c.hash,
    rulebooks.c.hash.label("rulebook_hash"),
)


@dataclass(frozen=True, slots=True)
class RoutingFilter:
    """Contract section 4. `since` is inclusive, `until` exclusive, both about the vendor's time of the moment judged.

    `ticket` and `call` ask for all decisions of the case that the ticket or call belongs to.
    """

    since: datetime | None = None
    until: datetime | None = None
    case: str | None = None
    ticket: str | None = None
    call: str | None = None
    rule: str | None = None
    queue: str | None = None
    agent: tuple[str, ...] = ()
    tag: str | None = None
    channel: str | None = None
    severity: int | None = None
    kind: str | None = None
    version: int | None = None


def newest(conn: Connection) -> int:
    """The number of the newest decision: a walk that starts here and goes down leaves out what is decided meanwhile."""
    return int(conn.execute(select(func.coalesce(func.max(decisions.c.number), 0))).scalar_one())


def decision_list(conn: Connection, wanted: RoutingFilter, limit: int, before: int | None = None) -> list[Row]:
    """Decisions with a number below `before`, newest first, without what they saw. Those not sealed yet have no `seq` and no hashes."""
    query = _joined()
    if before is not None:
        query = query.where(decisions.c.number < before)
    return list(conn.execute(_filtered(query, wanted).order_by(decisions.c.number.desc()).limit(limit)).mappings())


def decision(conn: Connection, decision_id: str) -> Row | None:
    return conn.execute(_joined().where(decisions.c.id == decision_id)).mappings().one_or_none()


def decisions_of_case(conn: Connection, case_id: str, limit: int) -> list[Row]:
    """The standing decisions of a case, the latest in its story first; superseded and retracted ones are left out."""
    query = _joined().where(decisions.c.case_id == case_id, decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False))
    return list(conn.execute(query.order_by(decisions.c.at.desc(), decisions.c.number.desc()).limit(limit)).mappings())


def writebacks_for(conn: Connection, rows: Iterable[Row]) -> Mapping[str, Row]:
    """By decision id, the wish that carries it: that of its ticket, for a call that of its case's newest ticket."""
    rows = list(rows)
    tickets = {row["interaction"] for row in rows if row["source"] == "zendesk"}
    elsewhere = {row["case_id"] for row in rows if row["source"] != "zendesk"}
    by_ticket = {row["ticket"]: row for row in _wishes(conn, select(desired).where(desired.c.ticket.in_(tickets)))}
    by_case = {row["case_id"]: row for row in _wishes(conn, select(desired).where(desired.c.case_id.in_(elsewhere)))}
    found: dict[str, Row] = {}
    for row in rows:
        wish = by_ticket.get(row["interaction"]) if row["source"] == "zendesk" else by_case.get(row["case_id"])
        if wish is not None:
            found[row["id"]] = wish
    return found


def change_list(
    conn: Connection, limit: int, before: int | None = None, actor: str | None = None, action: str | None = None, subject: str | None = None
) -> list[Row]:
    """Who changed what, newest first; by `subject` also what touched it among other things."""
    columns = (*(column for column in changes.c if column.name != "salt"), chain.c.previous_hash, chain.c.hash)
    query = select(*columns).join(chain, chain.c.seq == changes.c.seq)
    for column, value in ((changes.c.actor, actor), (changes.c.action, action)):
        if value is not None:
            query = query.where(column == value)
    if subject is not None:
        touched = select(change_subjects.c.seq).where(change_subjects.c.subject == subject)
        query = query.where(or_(changes.c.subject == subject, changes.c.seq.in_(touched)))
    if before is not None:
        query = query.where(changes.c.seq < before)
    return list(conn.execute(query.order_by(changes.c.seq.desc()).limit(limit)).mappings())


def _wishes(conn: Connection, query: Select[Any]) -> Sequence[Row]:
    return conn.execute(query.order_by(desired.c.asked_at, desired.c.id)).mappings().all()


def _joined() -> Select[Any]:
    return (
        select(*_COLUMNS)
        .outerjoin(chain, chain.c.id == decisions.c.id)
        .outerjoin(rulebooks, rulebooks.c.version == decisions.c.rulebook_version)
    )


def _filtered(query: Select[Any], wanted: RoutingFilter) -> Select[Any]:
    plain = (
        (decisions.c.queue, wanted.queue),
        (decisions.c.channel, wanted.channel),
        (decisions.c.severity, wanted.severity),
        (decisions.c.rulebook_version, wanted.version),
    )
    for column, value in plain:
        if value is not None:
            query = query.where(column == value)
    if wanted.agent:
        query = query.where(decisions.c.agent.in_(wanted.agent))
    if wanted.since is not None:
        query = query.where(decisions.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(decisions.c.at < wanted.until)
    if wanted.case is not None:
        now = select(interactions.c.case_id).where(interactions.c.case_key == wanted.case)
        query = query.where(or_(decisions.c.case_id == wanted.case, decisions.c.case_id.in_(now)))
    if wanted.ticket is not None:
        query = query.where(_of_the_case_of("zendesk", interactions.c.id == wanted.ticket))
    if wanted.call is not None:
        query = query.where(_of_the_case_of("talkdesk", _is_call(wanted.call)))
    if wanted.tag is not None:
        query = query.where(decisions.c.number.in_(select(decision_tags.c.number).where(decision_tags.c.tag == wanted.tag)))
    if wanted.rule is not None or wanted.kind is not None:
        named = select(decision_rules.c.number)
        if wanted.rule is not None:
            named = named.where(decision_rules.c.key == wanted.rule)
        if wanted.kind is not None:
            named = named.where(decision_rules.c.kind == wanted.kind)
        query = query.where(decisions.c.number.in_(named))
    return query


def _of_the_case_of(source: str, it: ColumnElement[bool]) -> ColumnElement[bool]:
    """Decisions about any interaction of the case that this one belongs to today: why it went where it went may lie with another."""
    case = select(interactions.c.case_id).where(interactions.c.source == source, it)
    members = select(interactions.c.source, interactions.c.id).where(interactions.c.case_id.in_(case))
    return tuple_(decisions.c.source, decisions.c.interaction).in_(members)


def _is_call(call: str) -> ColumnElement[bool]:
    """The call by interaction id, or by the call id that it was heard of with."""
    heard = select(handles.c.interaction).where(
        and_(handles.c.source == "talkdesk", handles.c.kind == "call", handles.c.value == call, handles.c.role == "name")
    )
    return or_(interactions.c.id == call, interactions.c.id.in_(heard))

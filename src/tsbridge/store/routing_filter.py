"""Which decisions are asked for: every filter of the contract, as conditions on rows and as facets that were summed up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    union,
)

from tsbridge.core.moments import Handle
from tsbridge.store import facets
from tsbridge.store.decision_tables import decision_rules, decision_tags, decisions
from tsbridge.store.facets import RULE_KINDS, Facet, Span
from tsbridge.store.link_tables import handles, interactions
from tsbridge.store.people import as_left

FEW: Final = 1_000
"""So many decisions are looked at one by one."""


@dataclass(frozen=True, slots=True)
class RoutingFilter:
    """Contract section 4. `since` is inclusive, `until` exclusive, both about the vendor's time of the moment judged.

    `ticket` and `call` ask for all decisions of the case that the ticket or call belongs to, `people` (handles, any of which names the
    person asked for) for those about what the person opened. `changed`: whether the decision changed anything. `words`: as
    `store.terms.meant` has them.
    """

    since: datetime | None = None
    until: datetime | None = None
    case: str | None = None
    ticket: str | None = None
    call: str | None = None
    people: tuple[tuple[str, str], ...] = ()
    rule: str | None = None
    queue: str | None = None
    agent: tuple[str, ...] = ()
    tag: str | None = None
    category: str | None = None
    channel: str | None = None
    severity: int | None = None
    kind: str | None = None
    version: int | None = None
    changed: bool | None = None
    words: tuple[tuple[Facet, ...], ...] = ()

    @property
    def span(self) -> Span:
        return Span(self.since, self.until)


def groups(wanted: RoutingFilter) -> list[list[Facet]]:
    """One facet of each group is what a decision must have."""
    plain = (
        *(("queue", wanted.queue), ("channel", wanted.channel), ("severity", wanted.severity), ("version", wanted.version)),
        *(("category", wanted.category), ("tag", wanted.tag)),
    )
    groups = [[(facet, str(value))] for facet, value in plain if value is not None]
    if wanted.agent:
        groups.append([("agent", agent) for agent in wanted.agent])
    if wanted.rule is not None:
        groups.append([(kind, wanted.rule) for kind in RULE_KINDS if wanted.kind in (None, kind)])
    elif wanted.kind is not None:
        groups.append([("kind", wanted.kind)])
    if wanted.changed is not None:
        groups.append([("changed", "yes" if wanted.changed else "no")])
    return groups + [list(meant) for meant in wanted.words]


def few(conn: Connection, wanted: RoutingFilter) -> list[ColumnElement[bool]] | None:
    """What makes decisions few; None: nothing does."""
    among: list[ColumnElement[bool]] = []
    if wanted.case is not None:
        now = select(interactions.c.case_id).where(interactions.c.case_key == wanted.case)
        among.append(decisions.c.case_id.in_(union(select(literal(wanted.case)), now)))
    if wanted.ticket is not None:
        among.append(_of_the_case_of("zendesk", interactions.c.id == wanted.ticket))
    if wanted.call is not None:
        among.append(_of_the_case_of("talkdesk", _is_call(wanted.call)))
    if wanted.people:
        people = [tuple(one) for one in as_left(conn, [Handle(*person) for person in wanted.people])]
        theirs = select(handles.c.source, handles.c.interaction).where(
            handles.c.role == "person", tuple_(handles.c.kind, handles.c.value).in_(people)
        )
        among.append(tuple_(decisions.c.source, decisions.c.interaction).in_(theirs))
    if not among and wanted.span != Span():
        short = select(decisions.c.number).where(*facets.within(wanted.span)).limit(FEW + 1).subquery()
        if conn.execute(select(func.count()).select_from(short)).scalar_one() <= FEW:
            return facets.within(wanted.span)
    return among or None


def conditions(conn: Connection, wanted: RoutingFilter) -> list[ColumnElement[bool]]:
    """What a row must be, apart from what makes it one of few."""
    asked = facets.within(wanted.span)
    plain = (
        *((decisions.c.queue, wanted.queue), (decisions.c.channel, wanted.channel), (decisions.c.severity, wanted.severity)),
        *((decisions.c.rulebook_version, wanted.version), (_told(conn, "category"), wanted.category)),
    )
    asked += [column == value for column, value in plain if value is not None]
    if wanted.agent:
        asked.append(decisions.c.agent.in_(wanted.agent))
    if wanted.changed is not None:
        rests = func.coalesce(_told(conn, "changes_nothing"), "false").in_(("true", "1"))
        asked.append(~rests if wanted.changed else rests)
    if wanted.tag is not None:
        asked.append(exists().where(decision_tags.c.tag == wanted.tag, decision_tags.c.number == decisions.c.number))
    if wanted.rule is not None:
        named = (decision_rules.c.number == decisions.c.number, decision_rules.c.key == wanted.rule)
        asked.append(exists().where(*named, *([] if wanted.kind is None else [decision_rules.c.kind == wanted.kind])))
    elif wanted.kind is not None:  # no index tells the rules of a decision; that the kind ends a pair of `matched`, its text does
        asked.append(type_coerce(decisions.c.matched, Text).contains(f'"{wanted.kind}"]', autoescape=True))
    return asked + [_one_of(conn, meant) for meant in wanted.words]


def _one_of(conn: Connection, meant: Sequence[Facet]) -> ColumnElement[bool]:
    """That a decision has one of these facets, all of them words."""
    values: dict[str, list[str]] = defaultdict(list)
    for facet, value in meant:
        values[facet].append(value)
    plain = {"queue": decisions.c.queue, "channel": decisions.c.channel, "agent": decisions.c.agent, "category": _told(conn, "category")}
    asked: list[ColumnElement[bool]] = [plain[facet].in_(some) for facet, some in values.items() if facet in plain]
    if "tag" in values:
        asked.append(exists().where(decision_tags.c.number == decisions.c.number, decision_tags.c.tag.in_(values["tag"])))
    for kind in RULE_KINDS:
        if kind in values:
            named = (decision_rules.c.key.in_(values[kind]), decision_rules.c.kind == kind)
            asked.append(exists().where(decision_rules.c.number == decisions.c.number, *named))
    return or_(false(), *asked)


def _told(conn: Connection, name: str) -> ColumnElement[str | None]:
    """What an outcome tells under a name, as text; SQLite has 1 for true."""
    document = type_coerce(decisions.c.outcome, Text)
    if conn.dialect.name == "postgresql":
        return cast(document, JSON).op("->>")(name)
    return cast(func.json_extract(document, f"$.{name}"), Text)


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
    return interactions.c.id.in_(union(select(literal(call)), heard))

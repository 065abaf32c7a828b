"""Decisions as the audit reads them, newest first, by every filter of the contract."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
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
from tsbridge.store.decision_tables import chain, decision_rules, decision_tags, decisions
from tsbridge.store.facets import Facet, Span
from tsbridge.store.link_tables import handles, interactions
from tsbridge.store.people import as_left
from tsbridge.store.statements import parts
from tsbridge.store.version_tables import rulebooks
from tsbridge.store.writing_tables import desired

Row = RowMapping
T = TypeVar("T")

RULE_KINDS: Final = ("escalation", "routing")
FEW: Final = 1_000
"""So many decisions are looked at one by one."""

_COLUMNS: Final = (
    *(column for column in decisions.c if column.name not in ("seen", "salt")),
    chain.c.seq,
    chain.c.previous_hash,
    chain.c.hash,
    rulebooks.c.hash.label("rulebook_hash"),
)
_WISH: Final = tuple(desired.c[name] for name in ("id", "ticket", "case_id", "status", "reason", "attempts", "confirmed_at"))
_D: Final = decisions.c
_STORED: Final = (
    *(_D.id, _D.number, type_coerce(_D.at, BigInteger), type_coerce(_D.recorded_at, BigInteger), _D.event, _D.event_id, _D.case_id),
    *(_D.source, _D.interaction, _D.channel, _D.rulebook_version, rulebooks.c.hash, _D.mode, type_coerce(_D.matched, Text)),
    *(type_coerce(_D.outcome, Text), _D.revises, _D.superseded_by, _D.retracted),
)
_UNSEALED: Final = (None, None, None)


class Stored(NamedTuple):
    """A decision as the tables hold it: times as microseconds, JSON as its canonical text."""

    id: str
    number: int
    at: int
    recorded_at: int
    event: str
    event_id: str | None
    case_id: str
    source: str
    interaction: str
    channel: str | None
    version: int
    rulebook_hash: str | None
    mode: str
    matched: str
    outcome: str
    revises: str | None
    superseded_by: str | None
    retracted: bool
    seq: int | None
    previous_hash: str | None
    hash: str | None


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


def newest(conn: Connection) -> int:
    """The number of the newest decision: a walk that starts here and goes down leaves out what is decided meanwhile."""
    return int(conn.execute(select(func.coalesce(func.max(decisions.c.number), 0))).scalar_one())


def decision_list(conn: Connection, wanted: RoutingFilter, limit: int, before: int | None = None) -> list[Row]:
    """Decisions with a number below `before`, newest first, without what they saw. Those not sealed yet have no `seq` and no hashes."""
    return list(_found(conn, wanted, limit, before, lambda some: conn.execute(_of(_joined(), some)).mappings().all()))


def stored_list(conn: Connection, wanted: RoutingFilter, limit: int, before: int | None = None) -> list[Stored]:
    """As `decision_list`, each as it is stored, for those who read very many."""
    by_book = rulebooks.c.version == decisions.c.rulebook_version
    query = select(*_STORED).outerjoin(rulebooks, by_book)
    rows = list(_found(conn, wanted, limit, before, lambda some: conn.execute(_of(query, some)).all()))
    entries = _entries(conn, [row[0] for row in rows])
    return [Stored(*row, *entries.get(row[0], _UNSEALED)) for row in rows]


def _entries(conn: Connection, ids: Sequence[str]) -> Mapping[str, tuple[int, str, str]]:
    """The places and hashes of decisions that follow each other mostly as they do in the chain: read along it where they do."""
    columns = (chain.c.id, chain.c.seq, chain.c.previous_hash, chain.c.hash)
    ends = conn.execute(select(chain.c.seq).where(chain.c.id.in_({*ids[:1], *ids[-1:]}))).scalars().all()
    found: dict[str, tuple[int, str, str]] = {}
    if ends and max(ends) - min(ends) < 2 * len(ids):
        for row in conn.execute(select(*columns).where(chain.c.seq.between(min(ends), max(ends)))).all():
            found[row[0]] = (row[1], row[2], row[3])
    for part in parts([one for one in ids if one not in found]):
        for row in conn.execute(select(*columns).where(chain.c.id.in_(part))).all():
            found[row[0]] = (row[1], row[2], row[3])
    return found


def _found(
    conn: Connection, wanted: RoutingFilter, limit: int, before: int | None, read: Callable[[list[int]], Sequence[T]]
) -> Iterator[T]:
    numbers = _numbers(conn, wanted, limit, newest(conn) + 1 if before is None else before)
    while limit and (some := list(islice(numbers, limit))):  # again where some are not kept any longer
        kept = read(some)
        limit -= len(kept)
        yield from kept


def _of(query: Select[Any], numbers: list[int]) -> Select[Any]:
    low, high = numbers[-1], numbers[0]
    whole = high - low + 1 == len(numbers)  # so it is where nothing is asked for
    these = decisions.c.number.between(low, high) if whole else decisions.c.number.in_(numbers)
    return query.where(these).order_by(decisions.c.number.desc())


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
    by_ticket = {row["ticket"]: row for row in _wishes(conn, desired.c.ticket, tickets)}
    by_case = {row["case_id"]: row for row in _wishes(conn, desired.c.case_id, elsewhere)}
    carry = ((row["id"], by_ticket.get(row["interaction"]) if row["source"] == "zendesk" else by_case.get(row["case_id"])) for row in rows)
    return {id_: wish for id_, wish in carry if wish is not None}


class StoredWish(NamedTuple):
    """A wish as the table holds it: its time as microseconds."""

    id: str
    ticket: str
    case_id: str
    status: str
    reason: str | None
    attempts: int
    confirmed_at: int | None


def stored_wishes(conn: Connection, rows: Sequence[Stored]) -> Mapping[str, StoredWish]:
    """As `writebacks_for`."""
    tickets = {row.interaction for row in rows if row.source == "zendesk"}
    elsewhere = {row.case_id for row in rows if row.source != "zendesk"}
    by_ticket = {row[1]: row for row in _wishes_stored(conn, desired.c.ticket, tickets)}
    by_case = {row[2]: row for row in _wishes_stored(conn, desired.c.case_id, elsewhere)}
    carry = ((row.id, by_ticket.get(row.interaction) if row.source == "zendesk" else by_case.get(row.case_id)) for row in rows)
    return {id_: StoredWish(*wish) for id_, wish in carry if wish is not None}


def _wishes_stored(conn: Connection, column: Column[Any], among: Iterable[str]) -> list[Any]:
    stored = (type_coerce(one, BigInteger) if one.name == "confirmed_at" else one for one in _WISH)
    query = select(*stored).order_by(desired.c.asked_at, desired.c.id)
    return [row for part in parts(sorted(among), FEW) for row in conn.execute(query.where(column.in_(part))).all()]


def _wishes(conn: Connection, column: Column[Any], among: Iterable[str]) -> list[Row]:
    query = select(*_WISH).order_by(desired.c.asked_at, desired.c.id)
    return [row for part in parts(sorted(among), FEW) for row in conn.execute(query.where(column.in_(part))).mappings()]


def _joined() -> Select[Any]:
    return _with_entry(select(*_COLUMNS))


def _with_entry(query: Select[Any]) -> Select[Any]:
    """Of decisions, with their entries in the chain and the rulebooks that made them."""
    return query.outerjoin(chain, chain.c.id == decisions.c.id).outerjoin(rulebooks, rulebooks.c.version == decisions.c.rulebook_version)


def _numbers(conn: Connection, wanted: RoutingFilter, limit: int, before: int) -> Iterator[int]:
    """Numbers below `before` of decisions that are as wanted, going down. Whoever asks for few by what they are about, or by a short
    time, has these looked at; otherwise what was summed up tells."""
    asked = groups(wanted)
    among = few(conn, wanted)
    if among is not None:
        looked_at = select(decisions.c.number).where(*among).cte("among").prefix_with("MATERIALIZED")
        yield from _looked_at(conn, wanted, limit, before, 0, decisions.c.number.in_(select(looked_at.c.number)))
    elif not asked and wanted.span == Span():
        yield from _looked_at(conn, wanted, limit, before, 0)
    else:
        first = facets.built(conn) * facets.SIZE
        yield from _looked_at(conn, wanted, limit, before, first)
        yield from facets.numbers(conn, asked, wanted.span, min(before, first))


def _looked_at(conn: Connection, wanted: RoutingFilter, limit: int, before: int, first: int, *among: ColumnElement[bool]) -> Iterator[int]:
    mine = (decisions.c.number >= first, decisions.c.number < before, *among, *conditions(conn, wanted))
    while found := conn.execute(select(decisions.c.number).where(*mine).order_by(decisions.c.number.desc()).limit(limit)).scalars().all():
        yield from found
        if len(found) < limit:
            return
        mine = (*mine, decisions.c.number < found[-1])


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

"""Decisions as the audit reads them, newest first, with their places in the chain and the wishes that carry them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    Select,
    Text,
    bindparam,
    func,
    select,
    type_coerce,
)

from tsbridge.store import facets, routing_filter
from tsbridge.store.decision_tables import chain, decisions
from tsbridge.store.facets import Span
from tsbridge.store.routing_filter import RoutingFilter
from tsbridge.store.statements import Fixed, Listed, parts
from tsbridge.store.version_tables import rulebooks
from tsbridge.store.writing_tables import desired

Row = RowMapping
T = TypeVar("T")


_COLUMNS: Final = (
    *(column for column in decisions.c if column.name not in ("seen", "salt")),
    chain.c.seq,
    chain.c.previous_hash,
    chain.c.hash,
    rulebooks.c.hash.label("rulebook_hash"),
)
_WISH: Final = tuple(desired.c[name] for name in ("id", "ticket", "case_id", "status", "reason", "attempts", "confirmed_at"))
_TOLD: Final = ", ".join(f"d.{one.name}" for one in _WISH)
_STORED_WISH: Final = [Column(one.name, BigInteger) if one.name == "confirmed_at" else one for one in _WISH]
_STORED_WISHES: Final = {
    key: Listed(f"SELECT {_TOLD} FROM {{keys}} {{join}} desired d ON d.{key} = k.k0 ORDER BY d.asked_at, d.id", 1, _STORED_WISH)
    for key in ("ticket", "case_id")
}
_D: Final = decisions.c
_STORED: Final = (
    *(_D.id, _D.number, type_coerce(_D.at, BigInteger), type_coerce(_D.recorded_at, BigInteger), _D.event, _D.event_id, _D.case_id),
    *(_D.source, _D.interaction, _D.channel, _D.rulebook_version, _D.mode, type_coerce(_D.matched, Text)),
    *(type_coerce(_D.outcome, Text), _D.revises, _D.superseded_by, type_coerce(_D.retracted, Integer)),
)
_FOLLOWING: Final = Fixed(select(*_STORED).where(_D.number.between(bindparam("low"), bindparam("high"))).order_by(_D.number.desc()))
_BELOW: Final = Fixed(
    select(*_STORED).where(_D.number < bindparam("before")).order_by(_D.number.desc()).limit(bindparam("most", type_=Integer))
)
_ENTRY: Final = (chain.c.id, chain.c.seq, chain.c.previous_hash, chain.c.hash)
_ALONG: Final = Fixed(select(*_ENTRY).where(chain.c.seq.between(bindparam("low"), bindparam("high"))))
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
    mode: str
    matched: str
    outcome: str
    revises: str | None
    superseded_by: str | None
    retracted: int
    seq: int | None
    previous_hash: str | None
    hash: str | None


def book_hashes(conn: Connection) -> dict[int, str]:
    """The hash of each version of the rulebook."""
    return {version: hash_ for version, hash_ in conn.execute(select(rulebooks.c.version, rulebooks.c.hash))}


def newest(conn: Connection) -> int:
    """The number of the newest decision: a walk that starts here and goes down leaves out what is decided meanwhile."""
    return int(conn.execute(select(func.coalesce(func.max(decisions.c.number), 0))).scalar_one())


def decision_list(conn: Connection, wanted: RoutingFilter, limit: int, before: int | None = None) -> list[Row]:
    """Decisions with a number below `before`, newest first, without what they saw. Those not sealed yet have no `seq` and no hashes."""
    return list(_found(conn, wanted, limit, before, lambda some: conn.execute(_of(_joined(), some)).mappings().all()))


def stored_list(conn: Connection, wanted: RoutingFilter, limit: int, before: int | None = None) -> list[Stored]:
    """As `decision_list`, each as it is stored, for those who read very many."""
    if wanted == RoutingFilter():
        rows = _BELOW.rows(conn, before=newest(conn) + 1 if before is None else before, most=limit)
    else:
        rows = list(_found(conn, wanted, limit, before, lambda some: _stored(conn, some)))
    entries = _entries(conn, [row[0] for row in rows])
    return [Stored._make(row + entries.get(row[0], _UNSEALED)) for row in rows]


def _stored(conn: Connection, numbers: list[int]) -> Sequence[tuple[Any, ...]]:
    if _is_whole(numbers):
        return _FOLLOWING.rows(conn, low=numbers[-1], high=numbers[0])
    return [tuple(row) for row in conn.execute(_of(select(*_STORED), numbers))]


def _entries(conn: Connection, ids: Sequence[str]) -> Mapping[str, tuple[Any, ...]]:
    """The places and hashes of decisions that follow each other mostly as they do in the chain: read along it where they do."""
    ends = conn.execute(select(chain.c.seq).where(chain.c.id.in_({*ids[:1], *ids[-1:]}))).scalars().all()
    found: dict[str, tuple[Any, ...]] = {}
    if ends and max(ends) - min(ends) < 2 * len(ids):
        found.update((row[0], row[1:]) for row in _ALONG.rows(conn, low=min(ends), high=max(ends)))
    for part in parts([one for one in ids if one not in found]):
        found.update((row[0], tuple(row[1:])) for row in conn.execute(select(*_ENTRY).where(chain.c.id.in_(part))))
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
    whole = _is_whole(numbers)
    these = decisions.c.number.between(numbers[-1], numbers[0]) if whole else decisions.c.number.in_(numbers)
    return query.where(these).order_by(decisions.c.number.desc())


def _is_whole(numbers: Sequence[int]) -> bool:
    """Whether none is left out, going down: so it is where nothing is asked for."""
    return numbers[0] - numbers[-1] + 1 == len(numbers)


def decision(conn: Connection, decision_id: str) -> Row | None:
    return conn.execute(_joined().where(decisions.c.id == decision_id)).mappings().one_or_none()


def decisions_of_case(conn: Connection, case_id: str, limit: int) -> list[Row]:
    """The standing decisions of a case, the latest in its story first; superseded and retracted ones are left out."""
    query = _joined().where(decisions.c.case_id == case_id, decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False))
    return list(conn.execute(query.order_by(decisions.c.at.desc(), decisions.c.number.desc()).limit(limit)).mappings())


class StoredWish(NamedTuple):
    """A wish as the table holds it: its time as microseconds."""

    id: str
    ticket: str
    case_id: str
    status: str
    reason: str | None
    attempts: int
    confirmed_at: int | None


def writebacks_for(conn: Connection, rows: Iterable[Row]) -> Mapping[str, Row]:
    """By decision id, the wish that carries it: that of its ticket, for a call that of its case's newest ticket."""
    told = [(row["id"], row["source"], row["interaction"], row["case_id"]) for row in rows]
    return {id_: wish._mapping for id_, wish in _carry(told, lambda key, among: _wishes(conn, desired.c[key], among))}


def stored_wishes(conn: Connection, rows: Iterable[Stored]) -> Mapping[str, StoredWish]:
    """As `writebacks_for`."""
    told = [(row.id, row.source, row.interaction, row.case_id) for row in rows]
    return dict(_carry(told, lambda key, among: [StoredWish._make(row) for row in _STORED_WISHES[key].rows(conn, among)]))


def _carry(told: Sequence[tuple[str, str, str, str]], wishes: Callable[[str, Sequence[str]], Iterable[Any]]) -> Iterator[tuple[str, Any]]:
    """Of decisions (id, source, interaction, case) those that a wish carries, each with it; `wishes` finds them by a column."""
    tickets = {interaction for _, source, interaction, _ in told if source == "zendesk"}
    elsewhere = {case_id for _, source, _, case_id in told if source != "zendesk"}
    by_ticket = {wish.ticket: wish for wish in wishes("ticket", sorted(tickets))}
    by_case = {wish.case_id: wish for wish in wishes("case_id", sorted(elsewhere))}
    for id_, source, interaction, case_id in told:
        wish = by_ticket.get(interaction) if source == "zendesk" else by_case.get(case_id)
        if wish is not None:
            yield id_, wish


def _wishes(conn: Connection, column: Column[Any], among: Sequence[str]) -> Iterator[Any]:
    query = select(*_WISH).order_by(desired.c.asked_at, desired.c.id)
    for part in parts(among):
        yield from conn.execute(query.where(column.in_(part)))


def _joined() -> Select[Any]:
    """Decisions with their entries in the chain and the rulebooks that made them."""
    query = select(*_COLUMNS).outerjoin(chain, chain.c.id == decisions.c.id)
    return query.outerjoin(rulebooks, rulebooks.c.version == decisions.c.rulebook_version)


def _numbers(conn: Connection, wanted: RoutingFilter, limit: int, before: int) -> Iterator[int]:
    """Numbers below `before` of decisions that are as wanted, going down. Whoever asks for few by what they are about, or by a short
    time, has these looked at; otherwise what was summed up tells."""
    asked = routing_filter.groups(wanted)
    among = routing_filter.few(conn, wanted)
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
    mine = (decisions.c.number >= first, decisions.c.number < before, *among, *routing_filter.conditions(conn, wanted))
    while found := conn.execute(select(decisions.c.number).where(*mine).order_by(decisions.c.number.desc()).limit(limit)).scalars().all():
        yield from found
        if len(found) < limit:
            return
        mine = (*mine, decisions.c.number < found[-1])

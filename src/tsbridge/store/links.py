"""Who is linked with whom: the cases that `core.link` found, who was seen with whom, and how often people were in touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, distinct, func, insert, select, tuple_

from tsbridge.core.contacts import COUNTS, Contact
from tsbridge.core.link import STRENGTH, Acquaintances, Grouping, Node, resolve_person
from tsbridge.core.moments import CLOCK, Handle, Interaction, Value
from tsbridge.core.track import key_of
from tsbridge.store.columns import microseconds
from tsbridge.store.decision_tables import decisions
from tsbridge.store.link_tables import acquaintances, handles, interactions, link_edits
from tsbridge.store.statements import Insert, Keyed, Listed, Update
from tsbridge.store.writing_tables import desired

REACH: Final = 600
"""So many interactions, or cases of a person, are looked at for one new piece of evidence; what is further away is cut off."""
DOUBT: Final = 2
"""A handle seen with so many of one kind is in doubt; more of that kind need not be known of it."""
STAND_INS: Final = 60
"""So many handles of one person are looked for, the strongest first; who has more is a mailbox or a test line."""

# Statements of the hot path are built once: building one costs more than running it.
_JOINED: Final = Keyed(interactions, ("source", "id"), ("source", "id", "thread"), "t.thread IS NOT NULL")
_PLACE: Final = Update(interactions, ("case_id", "link_rank", "link_because", "thread"), ("source", "id"))
_DECIDED: Final = Update(decisions, ("case_id",), ("source", "interaction"))
_WISHED: Final = Update(desired, ("case_id",), ("ticket",))
_ACQUAINT: Final = Insert(acquaintances, ("kind", "value", "other_kind", "other_value"))
_SEEN_WITH: Final = Keyed(acquaintances, ("kind", "value"), ("kind", "value", "other_kind", "other_value"))
_BY_VALUE: Final = {1: handles.c.value}
_UNDER: Final = (  # handles that stand for these, or for one that does
    "WITH RECURSIVE under(kind, value) AS ("
    "SELECT a.kind, a.value FROM {keys} {join} acquaintances a ON a.other_kind = k.k0 AND a.other_value = k.k1 UNION "
    "SELECT a.kind, a.value FROM under u {join} acquaintances a ON a.other_kind = u.kind AND a.other_value = u.value) "
)
_BELOW: Final = Listed(_UNDER + "SELECT kind, value FROM under", 2, [acquaintances.c.kind, acquaintances.c.value], kept=_BY_VALUE)
_KNOWN_OF_BELOW: Final = Listed(
    _UNDER + "SELECT a.kind, a.value, a.other_kind, a.other_value FROM under u "
    "{join} acquaintances a ON a.kind = u.kind AND a.value = u.value ORDER BY a.kind, a.value LIMIT ?",
    2,
    list(acquaintances.c),
    kept=_BY_VALUE,
)
_HELD: Final = and_(tuple_(handles.c.kind, handles.c.value).in_(bindparam("people", expanding=True)), handles.c.role == "person")
_HOLDERS: Final = Listed(
    "SELECT DISTINCT h.source, h.interaction FROM {keys} "
    "{join} handles h ON h.kind = k.k0 AND h.value = k.k1 AND h.role = 'person' LIMIT ?",
    2,
    [handles.c.source, handles.c.interaction],
    kept=_BY_VALUE,
)
_SINCE: Final = Listed(
    "SELECT DISTINCT i.case_id FROM {keys} {join} handles h ON h.kind = k.k0 AND h.value = k.k1 AND h.role = 'person' "
    "{join} interactions i ON i.source = h.source AND i.id = h.interaction WHERE EXISTS (SELECT 1 FROM decisions d "
    "WHERE d.case_id = i.case_id AND d.at >= CAST(k.k2 AS BIGINT) AND d.event <> ?) LIMIT ?",
    3,
    [interactions.c.case_id],
    kept=_BY_VALUE,
)
_PEOPLE_OF: Final = Keyed(handles, ("source", "interaction"), ("source", "interaction", "kind", "value"), "t.role = 'person'")
_DAY: Final = 24 * 3_600 * 1_000_000
_SINCE_THEN: Final = "sum(CASE WHEN i.contact AND d.opened_at >= CAST(d.k1 AS BIGINT) - {span} THEN 1 ELSE 0 END)"
_COUNTS_OF: Final = Listed(  # who is known by several handles was in touch once
    f"SELECT d.k0, d.k1, {_SINCE_THEN.format(span=_DAY)}, {_SINCE_THEN.format(span=30 * _DAY)}, count(DISTINCT i.case_id) FROM "
    "(SELECT DISTINCT k.k0, k.k1, h.source, h.interaction, h.opened_at FROM {keys} "
    "{join} handles h ON h.kind = k.k2 AND h.value = k.k3 AND h.role = 'person' "
    f"AND h.opened_at >= CAST(k.k1 AS BIGINT) - {90 * _DAY} AND h.opened_at <= CAST(k.k1 AS BIGINT)) d "
    "{join} interactions i ON i.source = d.source AND i.id = d.interaction GROUP BY d.k0, d.k1",
    4,
    [interactions.c.case_id, interactions.c.case_id, interactions.c.revision, interactions.c.revision, interactions.c.revision],
    kept={3: handles.c.value},
)
_CONTACTS = (
    select(handles.c.source, handles.c.interaction, handles.c.opened_at)
    .where(_HELD, handles.c.opened_at >= bindparam("quarter"), handles.c.opened_at <= bindparam("at"))
    .distinct()
    .subquery()
)
_COUNTS: Final = select(
    func.count().filter(_CONTACTS.c.opened_at >= bindparam("day"), interactions.c.contact),
    func.count().filter(_CONTACTS.c.opened_at >= bindparam("month"), interactions.c.contact),
    func.count(distinct(interactions.c.case_id)),
).join_from(_CONTACTS, interactions, and_(interactions.c.source == _CONTACTS.c.source, interactions.c.id == _CONTACTS.c.interaction))
_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


def introduce(conn: Connection, met: Iterable[Mapping[Handle, Set[str]]]) -> set[Interaction]:
    """Keep with whom each handle was seen. `met`: for each interaction its handles of people, each with the users it was told of, "" for
    nobody known.

    Those who were seen together were told of the same user, or of nobody known. Returns the interactions whose person may be
    another now.
    """
    pairs: dict[Handle, set[Handle]] = {}
    for whose in met:
        for weak in whose:
            stronger = {h for h in whose if STRENGTH[h.kind] > STRENGTH[weak.kind] and whose[h] & whose[weak]}
            if stronger:
                pairs.setdefault(weak, set()).update(stronger)
    news: list[tuple[str, str, str, str]] = []
    for weak, known in _seen_with(conn, sorted(pairs)).items():
        for strong in sorted(pairs[weak]):
            if strong not in known and sum([h.kind == strong.kind for h in known]) < DOUBT:
                known.add(strong)
                news.append((*weak, *strong))
    _ACQUAINT.all(conn, news)
    return standing_for(conn, {Handle(kind, value) for kind, value, *_ in news}) if news else set()


def judged_since(conn: Connection, nodes: Iterable[Node], *, by_clock: bool) -> set[str]:
    """Cases of the same people with a decision about a time when these were open already: it counted contacts without them.

    `by_clock`: contacts count when time alone passes, too.
    """
    since: dict[Handle, datetime] = {}
    for node in nodes:
        for handle in node.people:
            since[handle] = min(node.opened_at, since.get(handle, node.opened_at))
    keys = [(*handle, str(microseconds(at))) for handle, at in sorted(since.items())]
    return {case_id for (case_id,) in _SINCE.rows(conn, keys, "" if by_clock else CLOCK, REACH * max(len(keys), 1))}


class Place(NamedTuple):
    """Where an interaction stands: its case, why it is there, and the first one it is joined with by name, unless that is itself."""

    case_id: str
    rank: str | None
    because: str | None
    thread: str | None


def place(
    conn: Connection, groupings: Iterable[Grouping], stood: Mapping[Interaction, Place], new: Set[Interaction] = frozenset()
) -> set[str]:
    """Keep the members of cases, each with the reason why it is there. Returns the cases in which others than before are joined by name.

    `stood`: where each of them stands until now. `new`: those of which nothing was decided yet.
    """
    rejoined: set[str] = set()
    placed, moved = [], []
    for grouping in groupings:
        for member in grouping.members:
            thread = None if member.thread == member.subject else key_of(member.thread)
            now, before = Place(grouping.case_id, member.rank, member.because, thread), stood[member.subject]
            if before == now:
                continue
            placed.append((*now, *member.subject))
            if before.thread != thread:
                rejoined.add(grouping.case_id)
            if before.case_id != grouping.case_id and member.subject not in new:
                moved.append((grouping.case_id, *member.subject))
    _PLACE.all(conn, placed)
    _DECIDED.all(conn, moved)
    _WISHED.all(conn, [(case_id, id_) for case_id, source, id_ in moved if source == "zendesk"])
    return rejoined


def joined(conn: Connection, subjects: Iterable[Interaction]) -> dict[str, str]:
    """Of interactions joined by name the first one they are joined with, as `CaseState.joined` has them."""
    return {key_of(Interaction(source, id_)): thread for source, id_, thread in _JOINED.rows(conn, sorted(subjects))}


def case_of(conn: Connection, subject: Interaction) -> str | None:
    return conn.execute(
        select(interactions.c.case_id).where(interactions.c.source == subject.source, interactions.c.id == subject.id)
    ).scalar()


def cases_of(conn: Connection, subjects: Iterable[Interaction]) -> set[str]:
    wanted = sorted(subjects)
    return set(conn.execute(select(interactions.c.case_id).where(among(wanted))).scalars()) if wanted else set()


def members(conn: Connection, case_id: str) -> list[Interaction]:
    rows = conn.execute(
        select(interactions.c.source, interactions.c.id)
        .where(interactions.c.case_id == case_id)
        .order_by(interactions.c.opened_at, interactions.c.source, interactions.c.id)
    )
    return [Interaction(source, id_) for source, id_ in rows]


def add_edit(conn: Connection, kind: str, a: Interaction, b: Interaction, at: datetime, by: str) -> None:
    conn.execute(insert(link_edits).values(at=at, kind=kind, a_source=a.source, a_id=a.id, b_source=b.source, b_id=b.id, by=by))


def contacts(conn: Connection, people: Iterable[Handle], since: datetime) -> list[Contact]:
    """The interactions of a person, oldest first; at most ten thousand."""
    wanted = sorted(people)
    if not wanted:
        return []
    rows = conn.execute(
        select(interactions.c.opened_at, interactions.c.case_id, interactions.c.contact, interactions.c.source, interactions.c.id)
        .join(handles, and_(handles.c.source == interactions.c.source, handles.c.interaction == interactions.c.id))
        .where(handles.c.role == "person", tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in wanted]))
        .where(interactions.c.opened_at > since)
        .distinct()
        .order_by(interactions.c.opened_at, interactions.c.source, interactions.c.id)
        .limit(10_000)
    )
    return [Contact(row.opened_at, row.case_id, row.contact) for row in rows]


def counts(conn: Connection, people: Sequence[Handle], at: datetime) -> Mapping[str, Value]:
    """`core.contacts.counts_at` of the people's contacts, counted where they lie."""
    if not people:
        return dict.fromkeys(COUNTS, 0)
    spans = {"day": at - timedelta(hours=24), "month": at - timedelta(days=30), "quarter": at - timedelta(days=90)}
    return dict(zip(COUNTS, conn.execute(_COUNTS, {"people": [tuple(h) for h in people], "at": at, **spans}).one(), strict=True))


def counts_of(
    conn: Connection, asked: Iterable[tuple[str, datetime]], people: Mapping[str, Sequence[Handle]]
) -> dict[tuple[str, datetime], Mapping[str, Value]]:
    """`counts` of many people at many instants, each by the name of those `people`."""
    asked = sorted(set(asked))
    keys = [(name, str(microseconds(at)), *handle) for name, at in asked for handle in people[name]]
    found = {(name, at): numbers for name, at, *numbers in _COUNTS_OF.rows(conn, keys)}
    none = (0,) * len(COUNTS)
    return {(name, at): dict(zip(COUNTS, found.get((name, str(microseconds(at))), none), strict=True)) for name, at in asked}


def people_of(conn: Connection, subjects: Iterable[Interaction]) -> dict[Interaction, set[Handle]]:
    """The handles of the people each of these interactions is about; those about nobody known are left out."""
    found: dict[Interaction, set[Handle]] = {}
    for source, id_, kind, value in _PEOPLE_OF.rows(conn, sorted(subjects)):
        found.setdefault(Interaction(source, id_), set()).add(Handle(kind, value))
    return found


def sure_people(
    conn: Connection,
    of: Mapping[str, Sequence[Interaction]],
    people: Mapping[Interaction, Set[Handle]] = _NOTHING,
    known: Acquaintances = _NOTHING,
) -> dict[str, list[Handle]]:
    """By name the handles of the people that interactions are about, without those that several known people use. `people` of some of them,
    and whom these are `known` with, have been read."""
    subjects = {subject for subjects in of.values() for subject in subjects}
    people = {**people, **people_of(conn, subjects - people.keys())}
    known = {**known, **acquainted(conn, sorted({handle for one in subjects for handle in people.get(one, ())} - known.keys()))}
    return {
        name: sorted({handle for one in subjects for handle in people.get(one, ()) if resolve_person(handle, known) is not None})
        for name, subjects in of.items()
    }


def acquainted(conn: Connection, people: Sequence[Handle]) -> Acquaintances:
    """Stronger handles that each of `people` was ever seen with, and those of these in turn; enough of them to tell a doubt."""
    known: dict[Handle, set[Handle]] = {}
    todo = [h for h in people if h.kind in STRENGTH]
    while todo:
        above = _seen_with(conn, todo)
        known.update(above)
        todo = sorted({h for found in above.values() for h in found} - known.keys())
    return {handle: frozenset(above) for handle, above in known.items()}


def stand_ins(conn: Connection, persons: Sequence[Handle], known: Acquaintances) -> dict[Handle, list[Handle]]:
    """For each person the handles that stand for them, themselves first."""
    if not persons:
        return {}
    found = {person: {person} for person in persons}
    seen: dict[Handle, set[Handle]] = {}
    rows = _KNOWN_OF_BELOW.rows(conn, persons, REACH + 1)
    for kind, value, other_kind, other_value in rows:
        seen.setdefault(Handle(kind, value), set()).add(Handle(other_kind, other_value))
    if len(rows) > REACH:
        seen.pop(Handle(*rows[-1][:2]))  # of the last one perhaps not all has been read
    everything = {**known, **{handle: frozenset(above) for handle, above in seen.items()}}
    for handle in seen:
        person = resolve_person(handle, everything)
        if person in found:
            found[person].add(handle)
    return {person: sorted(theirs, key=lambda h: (-STRENGTH[h.kind], h))[:STAND_INS] for person, theirs in found.items()}


def _seen_with(conn: Connection, people: Sequence[Handle]) -> dict[Handle, set[Handle]]:
    found: dict[Handle, set[Handle]] = {h: set() for h in people}
    for kind, value, other_kind, other_value in _SEEN_WITH.rows(conn, people):
        found[Handle(kind, value)].add(Handle(other_kind, other_value))
    return found


def standing_for(conn: Connection, people: Set[Handle]) -> set[Interaction]:
    """The interactions of these handles and of the weaker ones that stand for them."""
    below = {Handle(kind, value) for kind, value in _BELOW.rows(conn, sorted(people))}
    return {Interaction(source, id_) for source, id_ in _HOLDERS.rows(conn, sorted(people | below), REACH * len(people))}


def among(subjects: Sequence[Interaction]):  # type: ignore[no-untyped-def]  # a SQL expression
    return tuple_(interactions.c.source, interactions.c.id).in_([tuple(s) for s in subjects])

"""Who is linked with whom: the cases that `core.link` found, who was seen with whom, and how often people were in touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Boolean, Connection, and_, bindparam, distinct, exists, func, insert, or_, select, tuple_, update

from tsbridge.core.contacts import COUNTS, Contact
from tsbridge.core.link import STRENGTH, Acquaintances, Grouping, Node, resolve_person
from tsbridge.core.moments import CLOCK, Handle, Interaction, Value
from tsbridge.core.track import key_of
from tsbridge.store.statements import parts
from tsbridge.store.tables import acquaintances, decisions, desired, handles, interactions, link_edits

REACH: Final = 600
"""So many interactions, or cases of a person, are looked at for one new piece of evidence; what is further away is cut off."""
DOUBT: Final = 2
"""A handle seen with so many of one kind is in doubt; more of that kind need not be known of it."""
STAND_INS: Final = 60
"""So many handles of one person are looked for, the strongest first; who has more is a mailbox or a test line."""
RECENT: Final = 1_000
"""Decisions looked through for those of a person; where more were made since, the person's contacts are looked through."""

# Statements of the hot path are built once: building one costs more than running it.
_OF_IT: Final = and_(handles.c.source == bindparam("of_source"), handles.c.interaction == bindparam("of_id"), handles.c.role == "person")
_OPENED = select(interactions.c.opened_at).where(interactions.c.source == bindparam("of_source"), interactions.c.id == bindparam("of_id"))
_DATE: Final = update(handles).where(_OF_IT).values(opened_at=_OPENED.scalar_subquery())
_PEOPLE: Final = select(handles.c.kind, handles.c.value, handles.c.whose).where(
    handles.c.source == bindparam("of_source"), handles.c.interaction == bindparam("of_id"), handles.c.role.in_(("person", "former"))
)
_ACQUAINT: Final = insert(acquaintances)
_SEEN_WITH: Final = select(acquaintances).where(
    tuple_(acquaintances.c.kind, acquaintances.c.value).in_(bindparam("people", expanding=True))
)
_UNDER = (
    select(acquaintances.c.kind, acquaintances.c.value)
    .where(tuple_(acquaintances.c.other_kind, acquaintances.c.other_value).in_(bindparam("people", expanding=True)))
    .cte("under", recursive=True)
)
_UNDER = _UNDER.union(
    select(acquaintances.c.kind, acquaintances.c.value).where(
        acquaintances.c.other_kind == _UNDER.c.kind, acquaintances.c.other_value == _UNDER.c.value
    )
)
_BELOW: Final = select(_UNDER.c.kind, _UNDER.c.value)
_KNOWN_OF_BELOW: Final = (
    select(acquaintances)
    .join(_UNDER, and_(acquaintances.c.kind == _UNDER.c.kind, acquaintances.c.value == _UNDER.c.value))
    .order_by(acquaintances.c.kind, acquaintances.c.value)
    .limit(REACH + 1)
)
_HELD: Final = and_(tuple_(handles.c.kind, handles.c.value).in_(bindparam("people", expanding=True)), handles.c.role == "person")
_HOLDERS: Final = select(handles.c.source, handles.c.interaction).where(_HELD).distinct().limit(REACH)
_THEIRS: Final = and_(handles.c.source == interactions.c.source, handles.c.interaction == interactions.c.id, _HELD)
_COUNTING = and_(decisions.c.at >= bindparam("at"), or_(decisions.c.event != CLOCK, bindparam("by_clock", type_=Boolean)))
_SINCE = select(decisions.c.case_id).where(_COUNTING).order_by(decisions.c.at).limit(RECENT + 1).subquery()
_HOW_MANY_SINCE: Final = select(func.count()).select_from(_SINCE)
_FEW_SINCE: Final = select(_SINCE.c.case_id).where(exists().where(interactions.c.case_id == _SINCE.c.case_id).where(_THEIRS))
_MANY_SINCE: Final = (
    select(interactions.c.case_id).join(handles, _THEIRS).where(exists().where(decisions.c.case_id == interactions.c.case_id, _COUNTING))
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


def introduce(conn: Connection, subject: Interaction) -> set[Interaction]:
    """Keep when the people of an interaction that is new, or has new handles, were in touch, and with whom each was seen.

    Those who were seen together were told of the same user, or of nobody known. Returns the interactions whose person may be
    another now.
    """
    it = {"of_source": subject.source, "of_id": subject.id}
    conn.execute(_DATE, it)
    whose = {Handle(kind, value): set(ids.split()) or {""} for kind, value, ids in conn.execute(_PEOPLE, it)}
    people = sorted(whose)
    met = {weak: [h for h in people if STRENGTH[h.kind] > STRENGTH[weak.kind] and whose[h] & whose[weak]] for weak in people}
    news = []
    for weak, known in _seen_with(conn, [weak for weak in people if met[weak]]).items():
        for strong in met[weak]:
            if strong not in known and sum(h.kind == strong.kind for h in known) < DOUBT:
                known.add(strong)
                news.append((weak, strong))
    if not news:
        return set()
    columns = ("kind", "value", "other_kind", "other_value")
    conn.execute(_ACQUAINT, [dict(zip(columns, (*weak, *strong), strict=True)) for weak, strong in news])
    return standing_for(conn, {weak for weak, _ in news})


def judged_since(conn: Connection, nodes: Iterable[Node], *, by_clock: bool) -> set[str]:
    """Cases of the same people with a decision about a time when these were open already: it counted contacts without them.

    `by_clock`: contacts count when time alone passes, too.
    """
    since: dict[frozenset[Handle], datetime] = {}
    for node in nodes:
        if node.people:
            since[node.people] = min(node.opened_at, since.get(node.people, node.opened_at))
    count = conn.execute(_HOW_MANY_SINCE, {"at": min(since.values()), "by_clock": by_clock}).scalar_one() if since else 0
    if not count:
        return set()
    query = (_FEW_SINCE if count <= RECENT else _MANY_SINCE).distinct().limit(REACH)
    found: set[str] = set()
    for people, at in since.items():
        found |= set(conn.execute(query, {"people": [tuple(h) for h in sorted(people)], "at": at, "by_clock": by_clock}).scalars())
    return found


def place(conn: Connection, grouping: Grouping) -> bool:
    """Keep a case's members, each with the reason why it is there. True when others than before are joined by name."""
    subjects = [m.subject for m in grouping.members]
    columns = (interactions.c.case_id, interactions.c.link_rank, interactions.c.link_because, interactions.c.thread)
    rows = conn.execute(select(interactions.c.source, interactions.c.id, *columns).where(among(subjects)))
    stood = {Interaction(r.source, r.id): (r.case_id, r.link_rank, r.link_because, r.thread) for r in rows}
    rejoined = False
    for member in grouping.members:
        now = (grouping.case_id, member.rank, member.because, None if member.thread == member.subject else key_of(member.thread))
        before = stood.get(member.subject, ("", None, None, None))
        if before == now:
            continue
        rejoined |= before[3] != now[3]
        where = (interactions.c.source == member.subject.source, interactions.c.id == member.subject.id)
        conn.execute(update(interactions).where(*where).values(case_id=now[0], link_rank=now[1], link_because=now[2], thread=now[3]))
        if stood.get(member.subject, ("",))[0] != grouping.case_id:
            conn.execute(
                update(decisions)
                .where(decisions.c.source == member.subject.source, decisions.c.interaction == member.subject.id)
                .values(case_id=grouping.case_id)
            )
            if member.subject.source == "zendesk":
                conn.execute(update(desired).where(desired.c.ticket == member.subject.id).values(case_id=grouping.case_id))
    return rejoined


def joined(conn: Connection, subjects: Iterable[Interaction]) -> dict[str, str]:
    """Of interactions joined by name the first one they are joined with, as `CaseState.joined` has them."""
    query = select(interactions.c.source, interactions.c.id, interactions.c.thread)
    rows = conn.execute(query.where(among(sorted(subjects)), interactions.c.thread.is_not(None)))
    return {key_of(Interaction(source, id_)): thread for source, id_, thread in rows}


def case_of(conn: Connection, subject: Interaction) -> str | None:
    return conn.execute(
        select(interactions.c.case_id).where(interactions.c.source == subject.source, interactions.c.id == subject.id)
    ).scalar()


def cases_of(conn: Connection, subjects: Iterable[Interaction]) -> set[str]:
    wanted = sorted(subjects)
    return set(conn.execute(select(interactions.c.case_id).where(among(wanted))).scalars()) if wanted else set()


def resolve(conn: Connection, case_id: str) -> str | None:
    """The case that an id ever handed out stands for today."""
    return conn.execute(select(interactions.c.case_id).where(interactions.c.case_key == case_id)).scalar()


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


def about_somebody(conn: Connection, subjects: Iterable[Interaction]) -> set[Interaction]:
    """Those of these interactions of which some person is known."""
    found: set[Interaction] = set()
    wanted = sorted(subjects)
    for part in parts(wanted):
        rows = conn.execute(
            select(handles.c.source, handles.c.interaction)
            .where(
                handles.c.role == "person",
                tuple_(handles.c.source, handles.c.interaction).in_([tuple(s) for s in part]),
            )
            .distinct()
        )
        found |= {Interaction(source, id_) for source, id_ in rows}
    return found


def sure_people_of(conn: Connection, subjects: Sequence[Interaction]) -> set[Handle]:
    """The handles of the people these interactions are about, without those that several known people use."""
    rows = conn.execute(
        select(handles.c.kind, handles.c.value)
        .where(handles.c.role == "person", tuple_(handles.c.source, handles.c.interaction).in_([tuple(s) for s in subjects]))
        .distinct()
    )
    people = {Handle(kind, value) for kind, value in rows}
    known = acquainted(conn, sorted(people))
    return {handle for handle in people if resolve_person(handle, known) is not None}


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
    rows = [tuple(row) for row in conn.execute(_KNOWN_OF_BELOW, {"people": [tuple(h) for h in persons]})]
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
    if people:
        for kind, value, other_kind, other_value in conn.execute(_SEEN_WITH, {"people": [tuple(h) for h in people]}):
            found[Handle(kind, value)].add(Handle(other_kind, other_value))
    return found


def standing_for(conn: Connection, people: Set[Handle]) -> set[Interaction]:
    """The interactions of these handles and of the weaker ones that stand for them."""
    below = conn.execute(_BELOW, {"people": [tuple(h) for h in sorted(people)]})
    people = people | {Handle(kind, value) for kind, value in below}
    rows = conn.execute(_HOLDERS, {"people": [tuple(h) for h in sorted(people)]})
    return {Interaction(source, id_) for source, id_ in rows}


def among(subjects: Sequence[Interaction]):  # type: ignore[no-untyped-def]  # a SQL expression
    return tuple_(interactions.c.source, interactions.c.id).in_([tuple(s) for s in subjects])

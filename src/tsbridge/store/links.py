"""Who is linked with whom: loads the neighbourhood `core.link` needs, keeps the cases it finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, and_, insert, or_, select, tuple_, update

from tsbridge.core.link import CROWD, STRENGTH, Acquaintances, Grouping, LinkEdit, Node, resolve_person
from tsbridge.core.moments import Handle, Interaction
from tsbridge.store.tables import decisions, desired, handles, interactions, link_edits

NEIGHBOURS = 3 * CROWD
"""Read at most this many interactions around one: more is a crowd, through which no guess leads anyway."""
REACH = 600
"""A neighbourhood larger than this is cut off."""


class Neighbourhood(NamedTuple):
    """What `core.link.group` needs, and the case each interaction stands in until now."""

    nodes: list[Node]
    edits: list[LinkEdit]
    known: Acquaintances
    stood: dict[Interaction, str]


def neighbourhood(conn: Connection, seeds: Iterable[Interaction], window: timedelta) -> Neighbourhood:
    """Everything that may be linked with `seeds`: by name at any time, by person within `window` of each other."""
    nodes: dict[Interaction, Node] = {}
    edits: dict[int, LinkEdit] = {}
    known: dict[Handle, frozenset[Handle]] = {}
    stood: dict[Interaction, str] = {}
    todo = sorted(set(seeds))
    while todo and len(nodes) < REACH:
        fresh = _load(conn, todo, stood)
        nodes.update(fresh)
        found = _comrades(conn, fresh)
        found |= _namesakes(conn, fresh.values())
        found |= _near(conn, fresh.values(), window)
        for seq, edit in _edits(conn, fresh):
            edits[seq] = edit
            found |= {edit.a, edit.b}
        unknown = {h for node in fresh.values() for h in node.people} - known.keys()
        known.update(_acquaintances(conn, sorted(unknown)))
        todo = sorted(found - nodes.keys())
    return Neighbourhood(list(nodes.values()), [edits[seq] for seq in sorted(edits)], known, stood)


def doubted(conn: Connection, fresh: Sequence[Handle]) -> set[Interaction]:
    """Interactions whose person may be another now that `fresh` handles came together in one interaction."""
    people = [h for h in fresh if h.kind in STRENGTH]
    if not people:
        return set()
    rows = conn.execute(
        select(handles.c.source, handles.c.interaction)
        .where(tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in people]))
        .where(handles.c.kind != "zendesk_user")
        .distinct()
        .limit(REACH)
    )
    return {Interaction(source, id_) for source, id_ in rows}


def later_contacts(conn: Connection, subjects: Iterable[Interaction]) -> set[Interaction]:
    """Interactions of the same people opened after these: how often they were in touch may read differently now."""
    found: set[Interaction] = set()
    for node in _load(conn, sorted(subjects), {}).values():
        if node.people:
            rows = conn.execute(
                select(interactions.c.source, interactions.c.id)
                .join(handles, and_(handles.c.source == interactions.c.source, handles.c.interaction == interactions.c.id))
                .where(tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in sorted(node.people)]))
                .where(interactions.c.last_at > node.opened_at)
                .distinct()
                .limit(NEIGHBOURS)
            )
            found |= {Interaction(source, id_) for source, id_ in rows}
    return found


def place(conn: Connection, grouping: Grouping) -> None:
    """Keep a case's members, each with the reason why it is there."""
    subjects = [m.subject for m in grouping.members]
    rows = conn.execute(
        select(
            interactions.c.source, interactions.c.id, interactions.c.case_id, interactions.c.link_rank, interactions.c.link_because
        ).where(_among(subjects))
    )
    stood = {Interaction(r.source, r.id): (r.case_id, r.link_rank, r.link_because) for r in rows}
    for member in grouping.members:
        now = (grouping.case_id, member.rank, member.because)
        if stood.get(member.subject) == now:
            continue
        where = (interactions.c.source == member.subject.source, interactions.c.id == member.subject.id)
        conn.execute(update(interactions).where(*where).values(case_id=now[0], link_rank=now[1], link_because=now[2]))
        if stood.get(member.subject, ("",))[0] != grouping.case_id:
            conn.execute(
                update(decisions)
                .where(decisions.c.source == member.subject.source, decisions.c.interaction == member.subject.id)
                .values(case_id=grouping.case_id)
            )
            if member.subject.source == "zendesk":
                conn.execute(update(desired).where(desired.c.ticket == member.subject.id).values(case_id=grouping.case_id))


def case_of(conn: Connection, subject: Interaction) -> str | None:
    return conn.execute(
        select(interactions.c.case_id).where(interactions.c.source == subject.source, interactions.c.id == subject.id)
    ).scalar()


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


def contacts(conn: Connection, people: Iterable[Handle], since: datetime) -> list[tuple[datetime, str]]:
    """When the interactions of a person were opened, oldest first, and the case each is in; at most a thousand."""
    wanted = sorted(people)
    if not wanted:
        return []
    rows = conn.execute(
        select(interactions.c.opened_at, interactions.c.case_id, interactions.c.source, interactions.c.id)
        .join(handles, and_(handles.c.source == interactions.c.source, handles.c.interaction == interactions.c.id))
        .where(tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in wanted]))
        .where(interactions.c.opened_at > since)
        .distinct()
        .order_by(interactions.c.opened_at, interactions.c.source, interactions.c.id)
        .limit(1_000)
    )
    return [(row.opened_at, row.case_id) for row in rows]


def about_somebody(conn: Connection, subjects: Iterable[Interaction]) -> set[Interaction]:
    """Those of these interactions of which some person is known."""
    found: set[Interaction] = set()
    wanted = sorted(subjects)
    for start in range(0, len(wanted), 400):
        rows = conn.execute(
            select(handles.c.source, handles.c.interaction)
            .where(
                handles.c.role == "person",
                tuple_(handles.c.source, handles.c.interaction).in_([tuple(s) for s in wanted[start : start + 400]]),
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
    known = _acquaintances(conn, sorted(people))
    return {handle for handle in people if resolve_person(handle, known) is not None}


def _load(conn: Connection, subjects: Sequence[Interaction], stood: dict[Interaction, str]) -> dict[Interaction, Node]:
    names: dict[Interaction, set[Handle]] = defaultdict(set)
    people: dict[Interaction, set[Handle]] = defaultdict(set)
    rows = conn.execute(select(handles).where(tuple_(handles.c.source, handles.c.interaction).in_([tuple(s) for s in subjects])))
    for row in rows:
        (people if row.role == "person" else names)[Interaction(row.source, row.interaction)].add(Handle(row.kind, row.value))
    found = {}
    for row in conn.execute(select(interactions).where(_among(subjects))):
        subject = Interaction(row.source, row.id)
        stood[subject] = row.case_id
        found[subject] = Node(subject, row.opened_at, row.last_at, frozenset(names[subject]), frozenset(people[subject]))
    return found


def _comrades(conn: Connection, nodes: Iterable[Interaction]) -> set[Interaction]:
    """Those who are in the same case today: they must be asked again when one of them changes."""
    subjects = sorted(nodes)
    if not subjects:
        return set()
    cases = select(interactions.c.case_id).where(_among(subjects))
    rows = conn.execute(select(interactions.c.source, interactions.c.id).where(interactions.c.case_id.in_(cases)).limit(REACH))
    return {Interaction(source, id_) for source, id_ in rows}


def _namesakes(conn: Connection, nodes: Iterable[Node]) -> set[Interaction]:
    wanted = sorted({handle for node in nodes for handle in node.names})
    if not wanted:
        return set()
    rows = conn.execute(
        select(handles.c.source, handles.c.interaction)
        .where(handles.c.role == "name", tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in wanted]))
        .distinct()
        .limit(REACH)
    )
    return {Interaction(source, id_) for source, id_ in rows}


def _near(conn: Connection, nodes: Iterable[Node], window: timedelta) -> set[Interaction]:
    found: set[Interaction] = set()
    for node in nodes:
        if not node.people:
            continue
        rows = conn.execute(
            select(interactions.c.source, interactions.c.id)
            .join(handles, and_(handles.c.source == interactions.c.source, handles.c.interaction == interactions.c.id))
            .where(tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in sorted(node.people)]))
            .where(interactions.c.last_at >= node.opened_at - window, interactions.c.opened_at <= node.last_at + window)
            .distinct()
            .limit(NEIGHBOURS)
        )
        found |= {Interaction(source, id_) for source, id_ in rows}
    return found


def _edits(conn: Connection, nodes: Iterable[Interaction]) -> list[tuple[int, LinkEdit]]:
    subjects = [tuple(s) for s in sorted(nodes)]
    if not subjects:
        return []
    a, b = tuple_(link_edits.c.a_source, link_edits.c.a_id), tuple_(link_edits.c.b_source, link_edits.c.b_id)
    rows = conn.execute(select(link_edits).where(or_(a.in_(subjects), b.in_(subjects))).order_by(link_edits.c.seq))
    return [(r.seq, LinkEdit(r.kind, Interaction(r.a_source, r.a_id), Interaction(r.b_source, r.b_id))) for r in rows]


def _acquaintances(conn: Connection, people: Sequence[Handle]) -> Acquaintances:
    """Stronger handles that each of `people` was ever seen with, and those of these in turn."""
    known: dict[Handle, frozenset[Handle]] = {}
    todo = [h for h in people if h.kind in STRENGTH]
    other = handles.alias("other")
    while todo:
        above: dict[Handle, set[Handle]] = {h: set() for h in todo}
        rows = conn.execute(
            select(handles.c.kind, handles.c.value, other.c.kind, other.c.value)
            .join(other, and_(other.c.source == handles.c.source, other.c.interaction == handles.c.interaction))
            .where(other.c.role == "person", tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in todo]))
            .distinct()
            .limit(REACH)
        )
        for kind, value, other_kind, other_value in rows:
            if STRENGTH[other_kind] > STRENGTH[kind]:
                above[Handle(kind, value)].add(Handle(other_kind, other_value))
        known.update({h: frozenset(found) for h, found in above.items()})
        todo = sorted({h for found in above.values() for h in found} - known.keys())
    return known


def _among(subjects: Sequence[Interaction]):  # type: ignore[no-untyped-def]  # a SQL expression
    return tuple_(interactions.c.source, interactions.c.id).in_([tuple(s) for s in subjects])

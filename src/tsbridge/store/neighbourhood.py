"""What may be linked with an interaction: all that `core.link` has to know, and no more of a crowd than tells that it is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import CompoundSelect, Connection, and_, bindparam, or_, select, tuple_, union, union_all

from tsbridge.core.link import CROWD, NAMESAKES, Acquaintances, LinkEdit, Node, Shared, crowded, persons, shared_by, within_bounds
from tsbridge.core.moments import Handle, Interaction
from tsbridge.store import links
from tsbridge.store.statements import parts
from tsbridge.store.tables import handles, interactions, link_edits

NEIGHBOURS: Final = 3 * CROWD
"""Read at most this many interactions before and after one: more is a crowd, through which no guess leads anyway."""


PART: Final = 50
LOADED: Final = 400
"""So many ids, and interactions, are asked for at once."""


class Neighbourhood(NamedTuple):
    """What `core.link.group` needs, and the case each interaction stands in until now.

    `shared`: what stands for too many people among `carriers`, the ids that were asked about, with those that carry each.
    """

    nodes: list[Node]
    edits: list[LinkEdit]
    known: Acquaintances
    stood: dict[Interaction, str]
    shared: Shared
    carriers: dict[Handle, list[Interaction]]


def around(conn: Connection, seeds: Iterable[Interaction], window: timedelta) -> Neighbourhood:
    """Everything that may be linked with `seeds`, which alone have changed: by name at any time, by person within `window`.

    What was a crowd without them goes on being one, so the neighbours of its members are left out unless a case holds them.
    """
    seeds = set(seeds)
    nodes: dict[Interaction, Node] = {}
    edits: dict[int, LinkEdit] = {}
    known: dict[Handle, frozenset[Handle]] = {}
    stood: dict[Interaction, str] = {}
    beside: dict[Interaction, Node] = {}
    carriers: dict[Handle, list[Interaction]] = {}
    shared = Shared(frozenset(), frozenset())
    todo = sorted(seeds)
    while todo and len(nodes) < links.REACH:
        fresh = _load(conn, todo, stood)
        nodes.update(fresh)
        carriers.update(_carriers(conn, {h for node in fresh.values() for h in node.carries} - carriers.keys()))
        lacking = {s for node in fresh.values() for h in node.carries for s in carriers[h]} - nodes.keys() - beside.keys()
        beside.update(_load(conn, sorted(lacking), {}))
        unknown = {h for node in [*fresh.values(), *(beside[s] for s in lacking)] for h in node.people} - known.keys()
        known.update(links.acquainted(conn, sorted(unknown)))
        near = {s for node in fresh.values() for h in node.carries for s in carriers[h]}
        those = shared_by([nodes.get(s) or beside[s] for s in sorted(near | fresh.keys())], known, fresh)
        shared = Shared(shared.ids | those.ids, shared.subjects | those.subjects)
        found = _comrades(conn, fresh) | _merged(conn, fresh.values())
        found |= {s for node in within_bounds(fresh.values(), shared) for h in node.carries - shared.ids for s in carriers[h]}
        full = crowded(nodes.values(), window, known) - seeds
        found |= _near(conn, (node for subject, node in fresh.items() if subject not in full), window, known)
        for seq, edit in _edits(conn, fresh):
            edits[seq] = edit
            found |= {edit.a, edit.b}
        todo = sorted(found - nodes.keys())
    within = list(within_bounds(nodes.values(), shared))
    return Neighbourhood(within, [edits[seq] for seq in sorted(edits)], known, stood, shared, carriers)


def left(conn: Connection, people: Mapping[Interaction, Iterable[Handle]], window: timedelta) -> tuple[list[Node], set[Interaction]]:
    """Interactions as they were when they were about these people, and those near them then: without them a crowd may be none."""
    nodes = [replace(node, people=frozenset(people[subject])) for subject, node in sorted(_load(conn, sorted(people), {}).items())]
    known = links.acquainted(conn, sorted({handle for node in nodes for handle in node.people}))
    return nodes, _near(conn, nodes, window, known)


def _load(conn: Connection, subjects: Sequence[Interaction], stood: dict[Interaction, str]) -> dict[Interaction, Node]:
    found: dict[Interaction, Node] = {}
    for part in parts(subjects, LOADED):
        found.update(_loaded(conn, part, stood))
    return found


def _loaded(conn: Connection, subjects: Sequence[Interaction], stood: dict[Interaction, str]) -> dict[Interaction, Node]:
    names: dict[Interaction, set[Handle]] = defaultdict(set)
    people: dict[Interaction, set[Handle]] = defaultdict(set)
    rows = conn.execute(select(handles).where(tuple_(handles.c.source, handles.c.interaction).in_([tuple(s) for s in subjects])))
    for row in rows:
        if row.role != "former":
            (people if row.role == "person" else names)[Interaction(row.source, row.interaction)].add(Handle(row.kind, row.value))
    found = {}
    for row in conn.execute(select(interactions).where(links.among(subjects))):
        subject = Interaction(row.source, row.id)
        stood[subject] = row.case_id
        found[subject] = Node(subject, row.opened_at, row.last_at, frozenset(names[subject]), frozenset(people[subject]))
    return found


def _comrades(conn: Connection, nodes: Iterable[Interaction]) -> set[Interaction]:
    """Those who are in the same case today: they must be asked again when one of them changes."""
    subjects = sorted(nodes)
    if not subjects:
        return set()
    cases = select(interactions.c.case_id).where(links.among(subjects))
    rows = conn.execute(select(interactions.c.source, interactions.c.id).where(interactions.c.case_id.in_(cases)).limit(links.REACH))
    return {Interaction(source, id_) for source, id_ in rows}


def _carriers(conn: Connection, ids: Iterable[Handle]) -> dict[Handle, list[Interaction]]:
    """Those that carry each of these ids, some more than `NAMESAKES` at the most."""
    wanted = sorted(ids)
    found: dict[Handle, list[Interaction]] = {handle: [] for handle in wanted}
    for part in parts(wanted, PART):
        named = {f"kind{i}": h.kind for i, h in enumerate(part)} | {f"value{i}": h.value for i, h in enumerate(part)}
        for kind, value, source, id_ in conn.execute(_carrying(len(part)), named):
            found[Handle(kind, value)].append(Interaction(source, id_))
    return found


@cache
def _carrying(count: int) -> CompoundSelect[Any, str, str, str]:
    """The interactions that carry one of `count` ids. Each is looked for alone: of one that too many carry, the first tell enough."""
    parts = (
        select(handles.c.kind, handles.c.value, handles.c.source, handles.c.interaction)
        .where(handles.c.kind == bindparam(f"kind{i}"), handles.c.value == bindparam(f"value{i}"), handles.c.role == "name")
        .order_by(handles.c.source, handles.c.interaction)
        .limit(NAMESAKES + 1)
        for i in range(count)
    )
    return union_all(*[select(part.subquery()) for part in parts])


def _merged(conn: Connection, nodes: Iterable[Node]) -> set[Interaction]:
    """Those that were merged with one of `nodes`."""
    wanted = sorted({handle for node in nodes for handle in node.merged})
    if not wanted:
        return set()
    rows = conn.execute(
        select(handles.c.source, handles.c.interaction)
        .where(tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in wanted]))
        .distinct()
        .limit(links.REACH)
    )
    return {Interaction(source, id_) for source, id_ in rows} | {Interaction("zendesk", handle.value) for handle in wanted}


def _near(conn: Connection, nodes: Iterable[Node], window: timedelta, known: Acquaintances) -> set[Interaction]:
    """Those within `window` of one of `nodes` that are about the same person, by whichever handle; one in doubt links nobody."""
    nodes = list(nodes)
    who = persons(nodes, known)
    theirs = links.stand_ins(conn, sorted(set(who.values())), known)
    found: set[Interaction] = set()
    for node in nodes:
        if node.subject not in who:
            continue
        held = theirs[who[node.subject]]
        life = {"opened": node.opened_at, "floor": node.opened_at - window, "ceiling": node.last_at + window}
        named = {f"kind{i}": h.kind for i, h in enumerate(held)} | {f"value{i}": h.value for i, h in enumerate(held)}
        found |= {Interaction(source, id_) for source, id_ in conn.execute(_around(len(held)), {**life, **named})}
    return found


@cache
def _around(count: int) -> CompoundSelect[Any, str]:
    """The interactions of `count` handles around a life. Each is looked for alone, so that it is read along its index.

    Those opened before are all within the window of each other, and so are those opened after it: of a crowd, the latest
    tell that it is one.
    """
    parts = []
    for i in range(count):
        theirs = (
            select(handles.c.source, handles.c.interaction)
            .where(handles.c.kind == bindparam(f"kind{i}"), handles.c.value == bindparam(f"value{i}"), handles.c.role == "person")
            .order_by(handles.c.opened_at.desc())
            .limit(NEIGHBOURS)
        )
        before = (
            theirs.join(interactions, and_(interactions.c.source == handles.c.source, interactions.c.id == handles.c.interaction))
            .where(handles.c.opened_at <= bindparam("opened"))
            .where(interactions.c.last_at >= bindparam("floor"))
        )
        after = theirs.where(handles.c.opened_at > bindparam("opened"), handles.c.opened_at <= bindparam("ceiling"))
        parts += [select(part.subquery()) for part in (before, after)]
    return union(*parts)


def _edits(conn: Connection, nodes: Iterable[Interaction]) -> list[tuple[int, LinkEdit]]:
    subjects = [tuple(s) for s in sorted(nodes)]
    if not subjects:
        return []
    a, b = tuple_(link_edits.c.a_source, link_edits.c.a_id), tuple_(link_edits.c.b_source, link_edits.c.b_id)
    rows = conn.execute(select(link_edits).where(or_(a.in_(subjects), b.in_(subjects))).order_by(link_edits.c.seq))
    return [(r.seq, LinkEdit(r.kind, Interaction(r.a_source, r.a_id), Interaction(r.b_source, r.b_id))) for r in rows]

"""What may be linked with an interaction: all that `core.link` has to know, and no more of a crowd than tells that it is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.link import CROWD, NAMESAKES, Acquaintances, LinkEdit, Node, Shared, crowded, persons, shared_by, within_bounds
from tsbridge.core.moments import Handle, Interaction
from tsbridge.store import links
from tsbridge.store.columns import microseconds
from tsbridge.store.link_tables import handles, interactions, link_edits
from tsbridge.store.links import Place
from tsbridge.store.statements import Keyed, Listed

NEIGHBOURS: Final = 3 * CROWD
"""Read at most this many interactions before and after one: more is a crowd, through which no guess leads anyway."""

_NOTHING: Final[Mapping[Interaction, tuple[Node, Place]]] = MappingProxyType({})

_INTERACTIONS: Final = Keyed(
    interactions, ("source", "id"), ("source", "id", "opened_at", "last_at", "case_id", "link_rank", "link_because", "thread")
)
_HANDLES: Final = Keyed(
    handles, ("source", "interaction"), ("source", "interaction", "kind", "value", "role"), "t.role IN ('person', 'name')"
)
_MEMBERS: Final = Keyed(interactions, ("case_id",), ("source", "id"), limit=True)
_CARRYING: Final = f"WHERE h.kind = k.k0 AND h.value = k.k1 AND h.role = 'name' ORDER BY h.source, h.interaction LIMIT {NAMESAKES + 1}"
_CARRIERS: Final = Listed(  # each id is looked for alone: of one that too many carry, the first tell enough
    f"SELECT k.k0, k.k1, f.* FROM {{keys}} CROSS JOIN LATERAL (SELECT h.source, h.interaction FROM handles h {_CARRYING}) f",
    2,
    [handles.c[name] for name in ("kind", "value", "source", "interaction")],
    for_sqlite="SELECT f.kind, f.value, f.source, f.interaction FROM {keys} CROSS JOIN handles f "
    f"WHERE f.rowid IN (SELECT h.rowid FROM handles h {_CARRYING})",
    kept={1: handles.c.value},
)
_HOLDERS: Final = Keyed(handles, ("kind", "value"), ("source", "interaction"), limit=True)
_THEIRS: Final = "h.kind = k.k0 AND h.value = k.k1 AND h.role = 'person'"
_LATEST: Final = f"ORDER BY h.opened_at DESC LIMIT {NEIGHBOURS}"
_ALIVE: Final = "FROM handles h JOIN interactions i ON i.source = h.source AND i.id = h.interaction"
_BEFORE: Final = f"{_ALIVE} WHERE {_THEIRS} AND h.opened_at <= CAST(k.k2 AS BIGINT) AND i.last_at >= CAST(k.k3 AS BIGINT) {_LATEST}"
_AFTER: Final = f"FROM handles h WHERE {_THEIRS} AND h.opened_at > CAST(k.k2 AS BIGINT) AND h.opened_at <= CAST(k.k4 AS BIGINT) {_LATEST}"
_OF_K: Final = "SELECT f.source, f.interaction FROM {keys} CROSS JOIN "
# The interactions of a handle around a life. Those opened before it are all within the window of each other, and so are those opened
# after it: of a crowd, the latest tell that it is one.
_AROUND: Final = Listed(
    f"{_OF_K}LATERAL ((SELECT h.source, h.interaction {_BEFORE}) UNION (SELECT h.source, h.interaction {_AFTER})) f",
    5,
    [handles.c.source, handles.c.interaction],
    for_sqlite=" UNION ".join(f"{_OF_K}handles f WHERE f.rowid IN (SELECT h.rowid {one})" for one in (_BEFORE, _AFTER)),
    kept={1: handles.c.value},
)
_EDITED: Final = "SELECT e.seq, e.kind, e.a_source, e.a_id, e.b_source, e.b_id FROM {keys} {join} link_edits e ON "
_EDITS: Final = Listed(
    f"{_EDITED}e.a_source = k.k0 AND e.a_id = k.k1 UNION {_EDITED}e.b_source = k.k0 AND e.b_id = k.k1",
    2,
    [link_edits.c[name] for name in ("seq", "kind", "a_source", "a_id", "b_source", "b_id")],
)


class Neighbourhood(NamedTuple):
    """What `core.link.group` needs, and where each interaction stands until now.

    `shared`: what stands for too many people among `carriers`, the ids that were asked about, with those that carry each.
    """

    nodes: list[Node]
    edits: list[LinkEdit]
    known: Acquaintances
    stood: dict[Interaction, Place]
    shared: Shared
    carriers: dict[Handle, list[Interaction]]


def around(
    conn: Connection, seeds: Iterable[Interaction], window: timedelta, told: Mapping[Interaction, tuple[Node, Place]] = _NOTHING
) -> Neighbourhood:
    """Everything that may be linked with `seeds`, which alone have changed: by name at any time, by person within `window`.

    What was a crowd without them goes on being one, so the neighbours of its members are left out unless a case holds them. `told`: some as
    they stand now, which need not be read.
    """
    seeds = set(seeds)
    nodes: dict[Interaction, Node] = {}
    edits: dict[int, LinkEdit] = {}
    known: dict[Handle, frozenset[Handle]] = {}
    stood: dict[Interaction, Place] = {}
    beside: dict[Interaction, Node] = {}
    carriers: dict[Handle, list[Interaction]] = {}
    shared = Shared(frozenset(), frozenset())
    todo = sorted(seeds)
    while todo and len(nodes) < links.REACH:
        fresh = _load(conn, todo, stood, told)
        nodes.update(fresh)
        carriers.update(_carriers(conn, {h for node in fresh.values() for h in node.carries} - carriers.keys()))
        near = {s for node in fresh.values() for h in node.carries for s in carriers[h]}
        lacking = near - nodes.keys() - beside.keys()
        beside.update(_load(conn, sorted(lacking), {}))
        unknown = {h for node in [*fresh.values(), *(beside[s] for s in lacking)] for h in node.people} - known.keys()
        known.update(links.acquainted(conn, sorted(unknown)))
        those = shared_by([nodes.get(s) or beside[s] for s in near | fresh.keys()], known, fresh)
        shared = Shared(shared.ids | those.ids, shared.subjects | those.subjects)
        found = _comrades(conn, {stood[subject].case_id for subject in fresh}) | _merged(conn, fresh.values())
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


def _load(
    conn: Connection,
    subjects: Sequence[Interaction],
    stood: dict[Interaction, Place],
    told: Mapping[Interaction, tuple[Node, Place]] = _NOTHING,
) -> dict[Interaction, Node]:
    found: dict[Interaction, Node] = {}
    for subject in subjects:
        if subject in told:
            found[subject], stood[subject] = told[subject]
    subjects = [subject for subject in subjects if subject not in found]
    names: dict[Interaction, set[Handle]] = defaultdict(set)
    people: dict[Interaction, set[Handle]] = defaultdict(set)
    for source, id_, kind, value, role in _HANDLES.rows(conn, subjects):
        (people if role == "person" else names)[Interaction(source, id_)].add(Handle(kind, value))
    for source, id_, opened_at, last_at, *place in _INTERACTIONS.rows(conn, subjects):
        subject = Interaction(source, id_)
        stood[subject] = Place(*place)
        found[subject] = Node(subject, opened_at, last_at, frozenset(names[subject]), frozenset(people[subject]))
    return found


def _comrades(conn: Connection, cases: Iterable[str]) -> set[Interaction]:
    """Those who are in these cases today: they must be asked again when one of them changes."""
    return {Interaction(source, id_) for source, id_ in _MEMBERS.rows(conn, sorted(cases), links.REACH)}


def _carriers(conn: Connection, ids: Iterable[Handle]) -> dict[Handle, list[Interaction]]:
    """Those that carry each of these ids, some more than `NAMESAKES` at the most."""
    wanted = sorted(ids)
    found: dict[Handle, list[Interaction]] = {handle: [] for handle in wanted}
    for kind, value, source, id_ in sorted(_CARRIERS.rows(conn, wanted)):
        found[Handle(kind, value)].append(Interaction(source, id_))
    return found


def _merged(conn: Connection, nodes: Iterable[Node]) -> set[Interaction]:
    """Those that were merged with one of `nodes`."""
    wanted = sorted({handle for node in nodes for handle in node.merged})
    rows = _HOLDERS.rows(conn, wanted, links.REACH)
    return {Interaction(source, id_) for source, id_ in rows} | {Interaction("zendesk", handle.value) for handle in wanted}


def _near(conn: Connection, nodes: Iterable[Node], window: timedelta, known: Acquaintances) -> set[Interaction]:
    """Those within `window` of one of `nodes` that are about the same person, by whichever handle; one in doubt links nobody."""
    nodes = list(nodes)
    who = persons(nodes, known)
    theirs = links.stand_ins(conn, sorted(set(who.values())), known)
    keys: set[tuple[str, ...]] = set()
    for node in nodes:
        if node.subject in who:
            life = (node.opened_at, node.opened_at - window, node.last_at + window)
            times = [str(microseconds(at)) for at in life]
            keys.update((*handle, *times) for handle in theirs[who[node.subject]])
    return {Interaction(source, id_) for source, id_ in _AROUND.rows(conn, sorted(keys))}


def _edits(conn: Connection, nodes: Iterable[Interaction]) -> list[tuple[int, LinkEdit]]:
    rows = _EDITS.rows(conn, sorted(nodes))
    return [(seq, LinkEdit(kind, Interaction(*a), Interaction(*b))) for seq, kind, *ends in sorted(rows) for a, b in [(ends[:2], ends[2:])]]

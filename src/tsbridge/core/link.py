"""Which interactions belong together: cases as a pure function of what was heard.

Evidence has ranks. *Named*: an id in the data (a call its ticket, a ticket its call, a merge, a supervisor's join).
*Guessed*: the same person within the rulebook's window. A guess is never made over doubt: a phone number or an address
that two known people use identifies nobody, and a sender with a crowd of interactions in one window is a mailbox, not a
person. Nor does an id join strangers without bound: one behind which too many people stand names nobody, unless an agent
merged the tickets. Nothing here remembers: the same interactions give the same cases in whatever order they were heard.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations, islice
from typing import NamedTuple

from tsbridge.core.moments import Handle, Interaction

CROWD = 12
"""More interactions of one sender than this within one window: a shared mailbox or a test line, so no guess."""

STRANGERS = 3
"""An id behind which more people than this stand names nobody: a constant, a test ticket, a mapping that went wrong."""
NAMESAKES = 100
"""Nor does one that more interactions carry, whoever they are about, nor any id of an interaction that names more."""
FOUNDER = ("named", "opened the case")
"""The rank of the one that opened its case, and why it is there."""
MERGE = "merge"
"""Kind of the handle by which a ticket names one that it was merged with: agents may merge the tickets of many."""

STRENGTH = {"zendesk_user": 3, "email": 2, "talkdesk_contact": 1, "phone": 0}
"""How well a handle identifies a person. A weak one stands for the strong one it was seen with, if there is only one."""


@dataclass(frozen=True, slots=True)
class Node:
    """An interaction with what links it: its life so far, the interactions it names, the people it is about.

    `shared`: an id that it carries, or that names it, was taken out for standing for too many people. `carries`: the ids it goes by and
    names, merges held aside; `merged`: the merges it was in, its own among them, whether or not there was one.
    """

    subject: Interaction
    opened_at: datetime
    last_at: datetime
    names: frozenset[Handle] = field(default_factory=frozenset)
    people: frozenset[Handle] = field(default_factory=frozenset)
    shared: bool = False
    own: Handle = field(init=False, compare=False, repr=False)
    carries: frozenset[Handle] = field(init=False, compare=False, repr=False)
    merged: frozenset[Handle] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        source, id_ = self.subject
        own = Handle("ticket" if source == "zendesk" else "call", id_)
        merged = {handle for handle in self.names if handle.kind == MERGE}
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "carries", (self.names - merged if merged else self.names) | {own})
        object.__setattr__(self, "merged", frozenset(merged | {Handle(MERGE, id_)} if source == "zendesk" else merged))


@dataclass(frozen=True, slots=True)
class LinkEdit:
    """A supervisor's word on two interactions: `join` or `cut`. It outranks evidence; the newest on a pair counts."""

    kind: str
    a: Interaction
    b: Interaction


@dataclass(frozen=True, slots=True)
class Member:
    """An interaction's place in its case. `rank`: `named` or `guessed`; `because` says why, without personal data.

    `thread`: the first of those it is joined with by name, itself among them.
    """

    subject: Interaction
    rank: str
    because: str
    thread: Interaction


@dataclass(frozen=True, slots=True)
class Grouping:
    """One case: its members by opening, the founder first. `case_id` follows from the founder alone."""

    case_id: str
    members: tuple[Member, ...]


def case_key(subject: Interaction) -> str:
    """The id of the case this interaction would found: stable on every machine and in every order of arrival."""
    return "case_" + hashlib.sha256(f"{subject.source}:{subject.id}".encode()).hexdigest()[:24]


Acquaintances = Mapping[Handle, frozenset[Handle]]
"""For a person's handle: the stronger ones it was ever seen together with."""


def acquaintances(nodes: Iterable[Node]) -> Acquaintances:
    stronger: dict[Handle, set[Handle]] = defaultdict(set)
    for node in nodes:
        for weak in node.people:
            stronger[weak].update(h for h in node.people if STRENGTH[h.kind] > STRENGTH[weak.kind])
    return {handle: frozenset(above) for handle, above in stronger.items()}


def group(nodes: Iterable[Node], edits: Iterable[LinkEdit], window: timedelta, known: Acquaintances | None = None) -> tuple[Grouping, ...]:
    """The cases of `nodes`, which must be closed: whatever is linked with one of them is among them.

    `known` tells who else a handle was seen with outside of `nodes`; without it, `nodes` are all there is.
    """
    nodes = tuple(nodes)
    known = acquaintances(nodes) if known is None else known
    nodes = within_bounds(nodes, shared_by(nodes, known))
    ordered = sorted(nodes, key=lambda n: (n.opened_at, n.subject))
    words = {frozenset((e.a, e.b)): e.kind for e in edits}
    named, joined = _Sets(), _Sets()
    because: dict[Interaction, str] = {}
    for a, b, why in _named(ordered, words):
        if _apart(words, a, b):
            continue
        named.union(a, b)
        joined.union(a, b)
        because.setdefault(b, why)
    for a, b, why in _guessed(ordered, window, known):
        if not _apart(words, a, b):
            joined.union(a, b)
            because.setdefault(b, why)
    cases: dict[Interaction, list[Node]] = defaultdict(list)
    for node in ordered:
        cases[joined.root(node.subject)].append(node)
    return tuple(_grouping(members, named, because) for members in cases.values())


def persons(nodes: Iterable[Node], known: Acquaintances) -> dict[Interaction, Handle]:
    """Who each interaction is about, as one handle; an interaction that nobody or several people fit is left out."""
    found = {}
    for node in nodes:
        sure = {person for handle in node.people if (person := resolve_person(handle, known)) is not None}
        if len(sure) > 1:
            top = max([STRENGTH[person.kind] for person in sure])
            sure = {person for person in sure if STRENGTH[person.kind] == top}
        if len(sure) == 1:
            found[node.subject] = sure.pop()
    return found


class Shared(NamedTuple):
    """What stands for too many people: `ids`, and `subjects` that name too many by different ids."""

    ids: frozenset[Handle]
    subjects: frozenset[Interaction]


def shared_by(nodes: Iterable[Node], known: Acquaintances, of: Container[Interaction] | None = None) -> Shared:
    """What names too many people among `nodes`, which hold all that carry the same ids (or more of them than `NAMESAKES`).

    `of`: the interactions to ask this of; all of them if left out.
    """
    nodes = tuple(nodes)
    who: dict[Interaction, Handle] = {}
    holders: dict[Handle, set[Interaction]] = defaultdict(set)
    for node in nodes:
        for handle in node.carries:
            holders[handle].add(node.subject)

    def strangers(subjects: Set[Interaction]) -> bool:
        if len(subjects) <= STRANGERS:  # so it mostly is
            return False
        if not who:
            who.update(_requesters(nodes, known))
        return len({who[subject] for subject in subjects if subject in who}) > STRANGERS

    ids = frozenset([handle for handle, held in holders.items() if len(held) > NAMESAKES or strangers(held)])
    subjects = set()
    for node in nodes:
        if len(node.carries) == 1 or not (of is None or node.subject in of):  # mostly one names itself alone
            continue
        names = node.carries - {node.own} - ids
        if len(node.carries) > NAMESAKES or strangers({node.subject}.union(*(holders[handle] for handle in names))):
            subjects.add(node.subject)
    return Shared(ids, frozenset(subjects))


def within_bounds(nodes: Iterable[Node], shared: Shared) -> tuple[Node, ...]:
    """The nodes without ids that stand for too many people."""
    if not (shared.ids or shared.subjects):
        return tuple(nodes)
    found = []
    for node in nodes:
        out = node.carries if node.subject in shared.subjects else node.carries & shared.ids
        found.append(replace(node, names=node.names - out, shared=True) if out else node)
    return tuple(found)


def _requesters(nodes: Iterable[Node], known: Acquaintances) -> dict[Interaction, Handle]:
    """Who each interaction is about, if anybody; one that several people fit is about somebody, too."""
    nodes = tuple(nodes)
    found = persons(nodes, known)
    for node in nodes:
        if node.subject not in found and node.people:
            found[node.subject] = min(node.people, key=lambda handle: (-STRENGTH[handle.kind], handle))
    return found


def resolve_person(handle: Handle, known: Acquaintances) -> Handle | None:
    """The person a handle stands for: itself, or the only stronger handle it was ever seen with. None: doubtful."""
    above = known.get(handle)
    if not above:
        return handle
    top = max(STRENGTH[h.kind] for h in above)
    best = [h for h in above if STRENGTH[h.kind] == top]
    return resolve_person(best[0], known) if len(best) == 1 else None


def _named(nodes: list[Node], words: Mapping[frozenset[Interaction], str]) -> Iterator[tuple[Interaction, Interaction, str]]:
    owners: dict[Handle, list[Interaction]] = defaultdict(list)
    for node in nodes:
        for handle in node.carries | node.merged:
            owners[handle].append(node.subject)
    for handle, (first, *others) in sorted([held for held in owners.items() if len(held[1]) > 1]):
        for other in others:
            yield first, other, "merged in Zendesk" if handle.kind == MERGE else f"both carry the same {handle.kind} id"
    here = {node.subject for node in nodes}
    for pair, kind in sorted(words.items(), key=lambda item: sorted(item[0])):
        if kind == "join" and len(pair) == 2 and pair <= here:
            a, b = sorted(pair)
            yield a, b, "joined by a supervisor"


def crowded(nodes: Iterable[Node], window: timedelta, known: Acquaintances) -> set[Interaction]:
    """Interactions with a crowd of the same person around them: no guess leads to them or through them.

    More `nodes` can only add to these.
    """
    return {node.subject for theirs in _by_person(nodes, known).values() for node in theirs if _in_crowd(node, theirs, window)}


def _guessed(nodes: Sequence[Node], window: timedelta, known: Acquaintances) -> Iterator[tuple[Interaction, Interaction, str]]:
    for person, theirs in sorted(_by_person(nodes, known).items()):
        calm = [node for node in theirs if not _in_crowd(node, theirs, window)]
        for node, other in combinations(calm, 2):
            if (gap := _gap(node, other)) <= window:
                minutes = int(gap.total_seconds() // 60)
                yield node.subject, other.subject, f"same person ({person.kind}) within {minutes} minutes"


def _by_person(nodes: Iterable[Node], known: Acquaintances) -> dict[Handle, list[Node]]:
    nodes = tuple(nodes)
    who = persons(nodes, known)
    found: dict[Handle, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.subject in who:
            found[who[node.subject]].append(node)
    return found


def _in_crowd(node: Node, theirs: Sequence[Node], window: timedelta) -> bool:
    if len(theirs) <= CROWD:
        return False
    near = (other for other in theirs if other is not node and _gap(node, other) <= window)
    return next(islice(near, CROWD - 1, None), None) is not None


def _gap(a: Node, b: Node) -> timedelta:
    """Time between two lives; nothing when they overlap."""
    return max(b.opened_at - a.last_at, a.opened_at - b.last_at, timedelta())


def _apart(words: Mapping[frozenset[Interaction], str], a: Interaction, b: Interaction) -> bool:
    return words.get(frozenset((a, b))) == "cut"


def _grouping(members: list[Node], named: _Sets, because: Mapping[Interaction, str]) -> Grouping:
    founder = members[0].subject
    rank, why = FOUNDER
    placed = [Member(founder, rank, why + _but(members[0]), named.root(founder))]
    for node in members[1:]:
        rank = "named" if named.root(node.subject) == named.root(founder) else "guessed"
        why = because.get(node.subject, "linked through another interaction of the case")
        placed.append(Member(node.subject, rank, why + _but(node), named.root(node.subject)))
    return Grouping(case_key(founder), tuple(placed))


def _but(node: Node) -> str:
    return "; an id it carries stands for too many people and links nobody" if node.shared else ""


class _Sets:
    """Disjoint sets; the smallest member is the root, so that the order of unions leaves no trace."""

    def __init__(self) -> None:
        self._up: dict[Interaction, Interaction] = {}

    def root(self, item: Interaction) -> Interaction:
        while (up := self._up.get(item, item)) != item:
            item = up
        return item

    def union(self, a: Interaction, b: Interaction) -> None:
        low, high = sorted((self.root(a), self.root(b)))
        if low != high:
            self._up[high] = low

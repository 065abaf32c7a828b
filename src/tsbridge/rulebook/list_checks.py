"""Entries of lists that other entries make needless."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from tsbridge.core.moments import Value
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.language import Leaf, Rulebook, leaves
from tsbridge.core.rules.text import fold
from tsbridge.core.values import as_key, plain
from tsbridge.rulebook.examiner import Examiner
from tsbridge.rulebook.worlds import World

LONGEST: Final = 200
"""Characters of an entry that are looked into."""
MOST: Final = 20
"""Entries of one list that are told."""
ANY: Final = "contains_any"
ALL: Final = "contains_all"
SHOWN_BY: Final[Mapping[str, str]] = {ANY: ANY, ALL: ANY, "in": "in", "not_in": "in", "includes_all": "includes_all"}
"""Operators that take a list, and the one by which an event shows what a single entry finds."""


@dataclass(frozen=True, slots=True)
class Needless:
    """An entry (by its place) that can go, because of another one, and why."""

    place: int
    kept: int
    why: str


def lists(examiner: Examiner) -> Iterator[Finding]:
    """Entries that say the same as another one, whoever asks; and phrases that a shorter one, where one of a list is enough, or
    a longer one, where all are needed, makes needless for everybody who asks."""
    for path, entries, uses in _lists(examiner.book):
        told = 0
        for needless in _needless(entries, {leaf.operator for leaf in uses}):
            witness = _witness(examiner, entries, needless, uses[0]) if uses else None
            if witness is None and uses:
                continue
            shown = None if witness is None else witness.to_json()
            yield Finding("info", "shadowed_entry", needless.why, f"{path}/{needless.place}", None, shown)
            told += 1
            if told == MOST:
                break


def _lists(book: Rulebook) -> Iterator[tuple[str, Sequence[Any], list[Leaf]]]:
    """Each list with the conditions that use it: the named ones, and those that are written out where they are used."""
    conditions = [rule.when for rule in book.rules] + [one for policy in book.policies.values() for one in policy.conditions]
    asked = [leaf for condition in conditions for leaf in leaves(condition) if leaf.operator in SHOWN_BY]
    by_list: dict[int, list[Leaf]] = defaultdict(list)
    for leaf in asked:
        by_list[id(leaf.value)].append(leaf)
    for name, entries in book.lists.items():
        yield f"/lists/{name}", entries, by_list.pop(id(entries), [])
    for uses in by_list.values():
        yield f"{uses[0].path}/value", uses[0].value, uses


def _needless(entries: Sequence[Any], operators: Iterable[str]) -> Iterator[Needless]:
    used = set(operators)
    folded = used and used <= {ANY, ALL}
    needles = [fold(str(entry)) if folded else as_key(entry) for entry in entries]
    first: dict[str, int] = {}
    for place, needle in enumerate(needles):
        kept = first.setdefault(needle, place)
        if kept != place:
            yield Needless(place, kept, f"entry {place + 1} says the same as entry {kept + 1}: it can go")
    if used not in ({ANY}, {ALL}):
        return
    for needle, place in first.items():
        inside = (first[part] for part in _pieces(needle[:LONGEST]) if part != needle and part in first)
        if used == {ANY}:
            for shorter in islice(inside, 1):
                yield Needless(place, shorter, f"entry {shorter + 1} finds everything that entry {place + 1} finds: {place + 1} can go")
        else:
            for shorter in dict.fromkeys(inside):
                yield Needless(shorter, place, f"whatever has entry {place + 1} has entry {shorter + 1}: {shorter + 1} can go")


def _witness(examiner: Examiner, entries: Sequence[Any], needless: Needless, leaf: Leaf) -> World | None:
    """An event with the one entry, on which the other one is found."""
    has, found = needless.place, needless.kept
    if leaf.operator == ALL:
        has, found = found, has
    value: Value = (plain(entries[has]),) if leaf.operator == "includes_all" else entries[has]
    witness = World({leaf.field: value})
    alone = Leaf(leaf.field, SHOWN_BY[leaf.operator], (entries[found],), (fold(str(entries[found])),))
    return witness if leaf_holds(alone, witness.facts(examiner.book, examiner.zone)) else None


def _pieces(needle: str) -> Iterator[str]:
    """Whole words and phrases inside a phrase."""
    cuts = [0, *(at for at in range(1, len(needle)) if not (needle[at - 1].isalnum() and needle[at].isalnum())), len(needle)]
    for start, begin in enumerate(cuts):
        for end in cuts[start + 1 :]:
            yield needle[begin:end].strip()

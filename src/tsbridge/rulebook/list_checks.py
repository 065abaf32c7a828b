"""Words of a list that other words of it make needless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.language import Leaf, leaves
from tsbridge.core.rules.text import fold
from tsbridge.rulebook.examiner import Examiner
from tsbridge.rulebook.worlds import World

LONGEST: Final = 200
"""Characters of an entry that are looked into."""
MOST: Final = 20
"""Entries of one list that are told."""


def lists(examiner: Examiner) -> Iterator[Finding]:
    """Entries that say the same as another one; and in lists of words of which one is enough, entries that hold a shorter one."""
    for path, entries, leaf in _used(examiner):
        told = 0
        for place, kept in _needless(entries, leaf.operator == "contains_any"):
            witness = World({leaf.field: str(entries[place])})
            alone = Leaf(leaf.field, leaf.operator, (entries[kept],), (fold(str(entries[kept])),))
            if not leaf_holds(alone, witness.facts(examiner.book, examiner.zone)):
                continue
            words = f"entry {kept + 1} finds everything that entry {place + 1} finds: {place + 1} can go"
            yield Finding("info", "shadowed_entry", words, f"{path}/{place}", None, witness.to_json())
            told += 1
            if told == MOST:
                break


def _used(examiner: Examiner) -> Iterator[tuple[str, Sequence[Any], Leaf]]:
    """Each list of words with a condition that asks for one of them: the named ones once, the others where they stand."""
    named: Mapping[str, Any] = {name: tuple(value) for name, value in examiner.book.lists.items()}
    seen: set[str] = set()
    for rule in examiner.book.rules:
        for leaf in leaves(rule.when):
            if leaf.operator not in ("contains_any", "in") or not isinstance(leaf.value, tuple) or leaf.field.startswith("time."):
                continue
            name = next((name for name, entries in named.items() if entries is leaf.value or entries == leaf.value), None)
            path = f"{leaf.path}/value" if name is None else f"/lists/{name}"
            if path not in seen:
                seen.add(path)
                yield path, leaf.value, leaf


def _needless(entries: Sequence[Any], by_words: bool) -> Iterator[tuple[int, int]]:
    """(entry that can go, entry that does its work)."""
    first: dict[str, int] = {}
    needles = [fold(str(entry)) if by_words else str(entry).casefold() for entry in entries]
    for place, needle in enumerate(needles):
        first.setdefault(needle, place)
    for place, needle in enumerate(needles):
        if first[needle] != place:
            yield place, first[needle]
        elif by_words:
            inside = next((part for part in _pieces(needle[:LONGEST]) if part != needle and part in first), None)
            if inside is not None:
                yield place, first[inside]


def _pieces(needle: str) -> Iterator[str]:
    """Whole words and phrases inside a phrase."""
    cuts = [0, *(at for at in range(1, len(needle)) if not (needle[at - 1].isalnum() and needle[at].isalnum())), len(needle)]
    for start, begin in enumerate(cuts):
        for end in cuts[start + 1 :]:
            yield needle[begin:end].strip()

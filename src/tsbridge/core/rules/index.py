"""Conditions filed under what must be true for them, so that finding them costs what stands in the facts and not what exists.

The facts are looked up in tables: `is` and `has` by value, `word` and `pattern` by what a scan of the text found, `range` by
bisection, `test` by asking once. Each finds buckets: whatever was made of the slots filed in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from tsbridge.core.rules.columns import cell, cuts_of
from tsbridge.core.rules.compiled import Scans, compiled
from tsbridge.core.rules.covers import Place
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Leaf
from tsbridge.core.values import Number

B = TypeVar("B")
KINDS: Final = ("is", "has", "word", "pattern", "range", "test")
CUTS: Final = 64
"""Bounds that a table of ranges tells apart; more would propose little less and take much more room."""

Tables = dict[str, dict[str, dict[Any, list[int]]]]
"""Slots by kind, field and key."""


@dataclass(frozen=True, slots=True)
class Index(Generic[B]):
    """The tables, each by field: see the module. Those of `equal` stand in the order of its fields. No bucket is empty."""

    equal: tuple[tuple[str, ...], tuple[dict[str | None, B], ...]]
    has: tuple[tuple[str, dict[str, B]], ...]
    words: tuple[tuple[str, dict[str, B]], ...]
    patterns: tuple[tuple[str, dict[str, B]], ...]
    ranges: tuple[tuple[str, Cells[B]], ...]
    tests: tuple[tuple[Ask, B], ...]
    scans: Scans

    def found(self, facts: Facts) -> list[B]:
        """The buckets in which everything is filed that may be true, in no order."""
        members, numbers = facts.members, facts.numbers
        fields, tables = self.equal
        found = [*filter(None, map(dict.get, tables, map(facts.keys.__getitem__, fields)))]  # loops in C: most find nothing
        for field, by_member in self.has:
            found += filter(None, map(by_member.get, members[field]))
        for field, by_word in self.words:
            found += filter(None, map(by_word.get, self.scans.words(facts, field)))
        for field, by_pattern in self.patterns:
            found += filter(None, map(by_pattern.get, self.scans.patterns(facts, field)))
        for field, cells in self.ranges:
            value = numbers[field]
            if value is not None:
                found.append(cells.at(value))
        for test, bucket in self.tests:
            if test(facts):
                found.append(bucket)
        return found


class Ask:
    """A condition that can be asked. Sent to another process, it is made ready there anew."""

    __slots__ = ("_leaf", "_scans", "_test")

    def __init__(self, leaf: Leaf, scans: Scans) -> None:
        self._leaf = leaf
        self._scans = scans
        self._test = compiled(leaf, scans)

    def __call__(self, facts: Facts) -> bool:
        return self._test(facts)

    def __reduce__(self) -> tuple[Any, ...]:
        return Ask, (self._leaf, self._scans)


@dataclass(frozen=True, slots=True)
class Cells(Generic[B]):
    """Buckets between and on the cuts."""

    cuts: Sequence[Number]
    buckets: Sequence[B]

    def at(self, value: Number) -> B:
        return self.buckets[cell(self.cuts, value)]


def tabled(filed: Iterable[tuple[int, Iterable[Place]]]) -> Tables:
    """Slots by the places they are filed in."""
    tables: Tables = {kind: {} for kind in KINDS}
    for slot, places in filed:
        for (kind, field), keys in places:
            table = tables[kind].setdefault(field, {})
            for key in keys:
                table.setdefault(key, []).append(slot)
    return tables


def build(tables: Tables, bucket: Callable[[Iterable[int]], B], scans: Scans) -> Index[B]:
    """An index of slots; `bucket`: what to make of those that share a token."""

    def made(kind: str) -> tuple[tuple[str, dict[Any, B]], ...]:
        return tuple((field, {key: bucket(slots) for key, slots in table.items()}) for field, table in sorted(tables[kind].items()))

    tests = [(Ask(leaf, scans), bucket(slots)) for table in tables["test"].values() for (leaf, _), slots in table.items()]
    ranges = tuple((field, _cells(table, bucket)) for field, table in sorted(tables["range"].items()))
    equal, has, words, patterns = (made(kind) for kind in ("is", "has", "word", "pattern"))
    fields, by_key = tuple(field for field, _ in equal), tuple(table for _, table in equal)
    return Index((fields, by_key), has, words, patterns, ranges, tuple(tests), scans)


def _cells(table: dict[Any, list[int]], bucket: Callable[[Iterable[int]], B]) -> Cells[B]:
    """A range is filed in every cell it reaches into."""
    cuts = cuts_of({bound for key in table for bound in key if bound is not None}, CUTS)
    cells: list[list[int]] = [[] for _ in range(2 * len(cuts) + 1)]
    for (low, high), slots in table.items():
        first = 0 if low is None else cell(cuts, low)
        last = len(cells) - 1 if high is None else cell(cuts, high)
        for reached in cells[first : last + 1]:
            reached.extend(slots)
    return Cells(cuts, [bucket(reached) for reached in cells])

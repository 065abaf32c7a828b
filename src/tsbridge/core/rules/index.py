"""Rules filed under what must be true for them, so that judging costs what matches and not what exists.

A node looks up the facts in its tables: `is` and `has` by value, `word` and `pattern` by what a scan of the text found,
`range` by bisection, `test` by asking once. Each finds slots of rules, or, where many rules share a token, another node
that files them under their next condition. Rules with nothing to file them under are always proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tsbridge.core.rules.columns import cell, cuts_of
from tsbridge.core.rules.compiled import Scans, compiled
from tsbridge.core.rules.covers import Cover
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Leaf
from tsbridge.core.values import Number

CROWD: Final = 64
"""Rules that share a token before they get a node of their own."""
DEPTH: Final = 5
KINDS: Final = ("is", "has", "word", "pattern", "range", "test")
CUTS: Final = 64
"""Bounds that a table of ranges tells apart; more would propose little less and take much more room."""

Filed = tuple[int, tuple[Cover, ...]]


@dataclass(frozen=True, slots=True)
class Node:
    """`always`: slots proposed whatever the facts are. The tables, each by field: see the module. `deeper`: a bucket is a node."""

    always: tuple[int, ...]
    equal: tuple[tuple[str, dict[str | None, Bucket]], ...]
    has: tuple[tuple[str, dict[str, Bucket]], ...]
    words: tuple[tuple[str, dict[str, Bucket]], ...]
    patterns: tuple[tuple[str, dict[str, Bucket]], ...]
    ranges: tuple[tuple[str, Cells], ...]
    tests: tuple[tuple[Ask, Bucket], ...]
    deeper: bool
    scans: Scans

    def propose(self, facts: Facts) -> list[int]:
        """The slots of rules that may match, in no order, some more than once."""
        found = list(self.always)
        keys, members, numbers = facts.keys, facts.members, facts.numbers
        buckets: list[Any] = [by_key[key] for field, by_key in self.equal if (key := keys[field]) in by_key]
        for field, by_member in self.has:
            buckets += [by_member[member] for member in members[field] if member in by_member]
        for field, by_word in self.words:
            buckets += [by_word[word] for word in self.scans.words(facts, field) if word in by_word]
        for field, by_pattern in self.patterns:
            buckets += [by_pattern[pattern] for pattern in self.scans.patterns(facts, field) if pattern in by_pattern]
        for field, cells in self.ranges:
            value = numbers[field]
            if value is not None:
                buckets.append(cells.at(value))
        buckets += [bucket for test, bucket in self.tests if test(facts)]
        deeper = self.deeper
        for bucket in buckets:
            found += bucket.propose(facts) if deeper and isinstance(bucket, Node) else bucket
        return found


Bucket = tuple[int, ...] | Node


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
class Cells:
    """Buckets between and on the cuts."""

    cuts: Sequence[Number]
    buckets: Sequence[Bucket]

    def at(self, value: Number) -> Bucket:
        return self.buckets[cell(self.cuts, value)]


def build(filed: Sequence[Filed], scans: Scans, depth: int = 0) -> Node:
    """An index of rules: slot and covers of each, the rarest cover first."""
    always: list[int] = []
    deeper = False
    tables: dict[str, dict[str, dict[Any, list[Filed]]]] = {kind: {} for kind in KINDS}
    for slot, covers in filed:
        if not covers:
            always.append(slot)
            continue
        rest = (slot, covers[1:])
        for kind, field, key in covers[0].tokens:
            tables[kind].setdefault(field, {}).setdefault(key, []).append(rest)

    def bucket(rows: Sequence[Filed]) -> Bucket:
        nonlocal deeper
        if depth < DEPTH and sum(1 for _, covers in rows if covers) > CROWD:
            deeper = True
            return build(rows, scans, depth + 1)
        return tuple(slot for slot, _ in rows)

    def table(kind: str) -> tuple[tuple[str, dict[Any, Bucket]], ...]:
        return tuple((field, {key: bucket(found) for key, found in rows.items()}) for field, rows in sorted(tables[kind].items()))

    tests = [(Ask(leaf, scans), bucket(found)) for rows in tables["test"].values() for (leaf, _), found in rows.items()]
    ranges = tuple((field, _cells(rows, bucket)) for field, rows in sorted(tables["range"].items()))
    equal, has, words, patterns = (table(kind) for kind in ("is", "has", "word", "pattern"))
    return Node(tuple(always), equal, has, words, patterns, ranges, tuple(tests), deeper, scans)


def _cells(rows: dict[Any, list[Filed]], bucket_of: Callable[[Sequence[Filed]], Bucket]) -> Cells:
    """A range is filed in every cell it reaches into."""
    cuts = cuts_of({bound for key in rows for bound in key if bound is not None}, CUTS)
    cells: list[list[Filed]] = [[] for _ in range(2 * len(cuts) + 1)]
    for (low, high), filed in rows.items():
        first = 0 if low is None else cell(cuts, low)
        last = len(cells) - 1 if high is None else cell(cuts, high)
        for reached in cells[first : last + 1]:
            reached.extend(filed)
    return Cells(cuts, [bucket_of(reached) for reached in cells])

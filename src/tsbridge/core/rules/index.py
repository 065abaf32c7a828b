"""Rules filed under what must be true for them, so that judging costs what matches and not what exists.

A node looks up the facts in its tables: `is` and `has` by value, `word` and `pattern` by what a scan of the text found,
`range` by bisection, `test` by asking once. Each finds slots of rules, or, where many rules share a token, another node
that files them under their next condition. Rules with nothing to file them under are always proposed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tsbridge.core.rules.compiled import Scans, compiled
from tsbridge.core.rules.covers import Cover
from tsbridge.core.rules.facts import Facts

CROWD: Final = 16
"""Rules that share a token before they get a node of their own."""
DEPTH: Final = 5
CUTS: Final = 64
"""Bounds that a table of ranges tells apart; more would propose little less and take much more room."""

Filed = tuple[int, tuple[Cover, ...]]
Probe = Callable[[Facts, list[int]], None]


@dataclass(frozen=True, slots=True)
class Node:
    """`always`: slots proposed whatever the facts are; `probes`: what to look up."""

    always: tuple[int, ...]
    probes: tuple[Probe, ...]

    def propose(self, facts: Facts, found: list[int]) -> None:
        found.extend(self.always)
        for probe in self.probes:
            probe(facts, found)


Bucket = tuple[int, ...] | Node


def build(filed: Sequence[Filed], scans: Scans, depth: int = 0) -> Node:
    """An index of rules: slot and covers of each, the rarest cover first."""
    always: list[int] = []
    tables: dict[tuple[str, str], dict[Any, list[Filed]]] = {}
    for slot, covers in filed:
        if not covers:
            always.append(slot)
            continue
        rest = (slot, covers[1:])
        for token in covers[0].tokens:
            tables.setdefault(token[:2], {}).setdefault(token.key, []).append(rest)
    probes = []
    for (kind, field), rows in sorted(tables.items(), key=lambda item: item[0]):
        if kind == "range":
            probes.append(_ranges(field, rows, lambda rows: _bucket(rows, scans, depth)))
        else:
            buckets = {key: _bucket(found, scans, depth) for key, found in rows.items()}
            probes.append(_PROBES[kind](field, buckets, scans))
    return Node(tuple(always), tuple(probes))


def _bucket(rows: Sequence[Filed], scans: Scans, depth: int) -> Bucket:
    if len(rows) > CROWD and depth < DEPTH and sum(1 for _, covers in rows if covers) > CROWD:
        return build(rows, scans, depth + 1)
    return tuple(slot for slot, _ in rows)


def _take(bucket: Bucket, facts: Facts, found: list[int]) -> None:
    if type(bucket) is tuple:
        found.extend(bucket)
    else:
        bucket.propose(facts, found)  # type: ignore[union-attr]  # the other kind of bucket


def _is(field: str, buckets: dict[Any, Bucket], _: Scans) -> Probe:
    def probe(facts: Facts, found: list[int]) -> None:
        bucket = buckets.get(facts.key(field))
        if bucket is not None:
            _take(bucket, facts, found)

    return probe


def _has(field: str, buckets: dict[Any, Bucket], _: Scans) -> Probe:
    return _each(buckets, lambda facts: facts.members(field))


def _word(field: str, buckets: dict[Any, Bucket], scans: Scans) -> Probe:
    return _each(buckets, lambda facts: scans.words(facts, field))


def _pattern(field: str, buckets: dict[Any, Bucket], scans: Scans) -> Probe:
    return _each(buckets, lambda facts: scans.patterns(facts, field))


def _each(buckets: dict[Any, Bucket], standing: Callable[[Facts], Iterable[str]]) -> Probe:
    def probe(facts: Facts, found: list[int]) -> None:
        for key in standing(facts):
            bucket = buckets.get(key)
            if bucket is not None:
                _take(bucket, facts, found)

    return probe


def _test(_: str, buckets: dict[Any, Bucket], scans: Scans) -> Probe:
    asked = tuple((compiled(leaf, scans), bucket) for leaf, bucket in buckets.items())

    def probe(facts: Facts, found: list[int]) -> None:
        for test, bucket in asked:
            if test(facts):
                _take(bucket, facts, found)

    return probe


_PROBES: Final = {"is": _is, "has": _has, "word": _word, "pattern": _pattern, "test": _test}


def _ranges(field: str, rows: dict[Any, list[Filed]], bucket_of: Callable[[Sequence[Filed]], Bucket]) -> Probe:
    """Cells between and on the cuts; a range is filed in every cell it reaches into."""
    bounds = sorted({bound for key in rows for bound in key if bound is not None})
    step = -(-len(bounds) // CUTS)
    cuts: list[Decimal] = bounds[::step]
    cells: list[list[Filed]] = [[] for _ in range(2 * len(cuts) + 1)]
    for (low, high), filed in rows.items():
        first = 0 if low is None else _cell(cuts, low)
        last = len(cells) - 1 if high is None else _cell(cuts, high)
        for cell in cells[first : last + 1]:
            cell.extend(filed)
    buckets = [bucket_of(cell) for cell in cells]

    def probe(facts: Facts, found: list[int]) -> None:
        value = facts.number(field)
        if value is not None:
            _take(buckets[_cell(cuts, value)], facts, found)

    return probe


def _cell(cuts: Sequence[Decimal], value: Decimal) -> int:
    """2n + 1 on the n-th cut, 2n just below it."""
    place = bisect_left(cuts, value)
    return 2 * place + (place < len(cuts) and cuts[place] == value)

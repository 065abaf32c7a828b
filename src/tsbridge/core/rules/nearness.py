"""Which rules come near to matching, without asking each of them: an index over their parts.

Every part that must hold is filed by itself, under what must be true for it. What stands in the facts is counted for each
rule; of the parts that are not counted, so many are missing. The index may count a part too many, never one too few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from tsbridge.core.rules.compiled import Scans
from tsbridge.core.rules.covers import Effects, Place, Planner
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.index import build, tabled
from tsbridge.core.rules.language import Condition, Leaf, Tree


class Nearness:
    """Conditions by their places. `may_change`: what rules set while they are asked; parts that read it are never missed."""

    def __init__(self, conditions: Sequence[Condition], may_change: Effects, scans: Scans) -> None:
        planner = Planner(conditions, may_change, may_change)
        filed: list[Sequence[Place]] = []
        self._whose: list[int] = []
        self._filed = [0] * len(conditions)
        for place, condition in enumerate(conditions):
            for part in _parts(condition):
                covers = planner.covers(part)
                if covers:
                    filed.append(covers[0].places)
                    self._whose.append(place)
                    self._filed[place] += 1
        self._index = build(tabled(enumerate(filed)), tuple, scans)
        self._few = lru_cache(maxsize=8)(self._of_few_parts)

    def within(self, facts: Facts, most: int) -> Mapping[int, int]:
        """The places of all that miss at most `most` of their parts, in their order: how many each misses at the least."""
        standing = Counter([self._whose[part] for part in set().union(*self._index.found(facts))])
        filed = self._filed
        near = {place: least for place, least in self._few(most).items() if place not in standing}
        near.update({place: filed[place] - count for place, count in standing.items() if filed[place] - count <= most})
        return dict(sorted(near.items()))

    def _of_few_parts(self, most: int) -> dict[int, int]:
        return {place: filed for place, filed in enumerate(self._filed) if filed <= most}


def _parts(condition: Condition) -> Iterator[Condition]:
    """What must hold at once for a condition."""
    if isinstance(condition, Leaf):
        yield condition
        return
    yield from condition.all
    if condition.any:
        yield Tree(any=condition.any)

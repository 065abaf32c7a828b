"""The rules of one pass, ready to be asked: an index that proposes them, and a test for each. Immutable once built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from tsbridge.core.rules.compiled import Scans, Test, compiled, shortfall
from tsbridge.core.rules.covers import Effects, Planner
from tsbridge.core.rules.due import but_for_time, by_time_unknown, reads_the_clock
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.index import Node, build
from tsbridge.core.rules.language import Condition, Rule, leaves

FEW: Final = 64
"""So few rules are all asked: looking them up would cost more."""


class Plan:
    """Rules in document order; their places are their slots. `may_change`: what rules set while the pass goes on."""

    def __init__(self, rules: Sequence[Rule], scans: Scans, may_change: Effects) -> None:
        self.rules = tuple(rules)
        self.slots = {rule.key: slot for slot, rule in enumerate(rules)}
        self._scans = scans
        self._tests: list[Test | None] = [None] * len(self.rules)
        self._shortfalls: dict[tuple[int, int], Callable[[Facts], int]] = {}
        self._every = range(len(self.rules))
        self.clocked = frozenset(slot for slot, rule in enumerate(rules) if reads_the_clock(rule))
        conditions = dict(enumerate(rule.when for rule in rules))
        self._index = self._filed(conditions, may_change) if len(conditions) >= FEW else None
        timeless = {slot: but_for_time(conditions[slot]) for slot in sorted(self.clocked)}
        self._timeless = {slot: compiled(condition, scans) for slot, condition in timeless.items()}
        self._clocked_index = self._filed(timeless, may_change) if len(timeless) >= FEW else None

    def _filed(self, conditions: Mapping[int, Condition], may_change: Effects) -> Node:
        planner = Planner(conditions.values(), may_change)
        return build([(slot, tuple(planner.covers(condition))) for slot, condition in conditions.items()], self._scans)

    def candidates(self, facts: Facts) -> Iterable[int]:
        """The slots of every rule that may match, and of some that will not, in document order."""
        if self._index is None:
            return self._every
        found: list[int] = []
        self._index.propose(facts, found)
        return sorted(set(found))

    def clocked_candidates(self, facts: Facts) -> Iterable[int]:
        """The slots of rules that may match now or at another time, the facts being the same."""
        if self._clocked_index is None:
            return self.clocked
        found: list[int] = []
        self._clocked_index.propose(facts, found)
        return found

    def hangs_on_time(self, slot: int, facts: Facts) -> bool:
        """Whether time alone makes this rule match or not."""
        return slot in self.clocked and self._timeless[slot](facts) and by_time_unknown(self.rules[slot].when, facts) is None

    def holds(self, slot: int, facts: Facts) -> bool:
        test = self._tests[slot]
        if test is None:
            test = self._tests[slot] = compiled(self.rules[slot].when, self._scans)
        return test(facts)

    def nearly_holds(self, slot: int, facts: Facts, most: int) -> bool:
        """Whether this rule might match if at most so many of its conditions were otherwise; to be looked at closely then."""
        key = (slot, most)
        count = self._shortfalls.get(key)
        if count is None:
            count = self._shortfalls[key] = shortfall(self.rules[slot].when, self._scans, most)
        return count(facts) <= most


def scans_of(rules: Iterable[Rule]) -> Scans:
    return Scans(leaf for rule in rules for leaf in leaves(rule.when))

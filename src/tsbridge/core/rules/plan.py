"""The rules of one pass, ready to be asked: an index that proposes them, and a test for each. Immutable once built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tsbridge.core.rules.compiled import Scans, Test, compiled
from tsbridge.core.rules.covers import NO_EFFECTS, Effects
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Condition, Leaf, Rule, Tree, leaves
from tsbridge.core.rules.lookup import Lookup, Tests
from tsbridge.core.rules.nearness import Nearness
from tsbridge.core.rules.next_change import by_time_unknown, lasting, reads_the_clock


class Plan:
    """Rules in document order; their places are their slots.

    `may_change`: what rules set while the pass goes on; `set_by_rules`: what any part of the rulebook sets or takes away.
    `tests[slot](facts)`: whether the condition of a rule is true. `rest[slot](facts)`: the same of a candidate, at its place.
    """

    def __init__(self, rules: Sequence[Rule], scans: Scans, may_change: Effects, set_by_rules: Effects) -> None:
        self.rules = tuple(rules)
        self.slots = {rule.key: slot for slot, rule in enumerate(rules)}
        self.clocked = frozenset(slot for slot, rule in enumerate(rules) if reads_the_clock(rule))
        self._scans = scans
        self._may_change = may_change
        conditions = {slot: rule.when for slot, rule in enumerate(rules)}
        self.tests: Mapping[int, Test] = Tests(conditions, scans)
        self._lookup = Lookup(conditions, scans, may_change, set_by_rules)
        self.rest = self._lookup.rest
        self._waiting = Lookup(
            {slot: lasting(conditions[slot], set_by_rules) for slot in sorted(self.clocked)}, scans, NO_EFFECTS, NO_EFFECTS
        )
        self._parts: dict[int, tuple[Part, ...]] = {}
        self._nearness: Nearness | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs; the rest is made there when it is first asked for."""
        return {**self.__dict__, "_parts": {}, "_nearness": None}

    def candidates(self, facts: Facts) -> Sequence[int]:
        """The slots of every rule that may match, and of some that will not, in document order."""
        return self._lookup.candidates(facts)

    def may_wait(self, facts: Facts) -> frozenset[int]:
        """The slots of rules that time alone may make match or not, if nothing happens after the moment these facts are of."""
        return frozenset([slot for slot in self._waiting.candidates(facts) if self._waiting.rest[slot](facts)])

    def waits(self, slot: int, facts: Facts) -> bool:
        """Whether time alone makes this rule match or not, everything else being as in these facts."""
        return by_time_unknown(self.rules[slot].when, facts) is None

    def near(self, facts: Facts, most: int) -> Mapping[int, int]:
        """The slots of every rule that may miss no more than `most` conditions: how many it misses at the least."""
        if most == 0:
            return dict.fromkeys(self.candidates(facts), 0)
        if self._nearness is None:
            self._nearness = Nearness([rule.when for rule in self.rules], self._may_change, self._scans)
        return self._nearness.within(facts, most)

    def failing(self, slot: int, facts: Facts, most: int) -> list[Part] | None:
        """The parts of a rule's condition that are not as they would have to be; None when they are more than `most`."""
        parts = self._parts.get(slot)
        if parts is None:
            parts = self._parts[slot] = tuple(_parts(self.rules[slot].when, self._scans))
        found: list[Part] = []
        for part in parts:
            if part.test(facts) is not part.wanted:
                if len(found) == most:
                    return None
                found.append(part)
        return found


class Part(NamedTuple):
    """A part of a condition, and what it has to say for the whole to be true."""

    condition: Condition
    wanted: bool
    test: Test


def _parts(condition: Condition, scans: Scans) -> Iterator[Part]:
    if isinstance(condition, Leaf):
        condition = Tree((condition,))
    for part in condition.all:
        yield Part(part, True, compiled(part, scans))
    for part in condition.none:
        yield Part(part, False, compiled(part, scans))
    if condition.any:
        yield Part(some := Tree(any=condition.any), True, compiled(some, scans))


def scans_of(rules: Iterable[Rule]) -> Scans:
    return Scans.of(leaf for rule in rules for leaf in leaves(rule.when))

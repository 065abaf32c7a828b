"""The rules of one pass, ready to be asked: an index that proposes them, and a test for each. Immutable once built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tsbridge.core.rules.compiled import Scans, Test, compiled
from tsbridge.core.rules.covers import NO_EFFECTS, Cover, Effects, Planner, likely_false_first
from tsbridge.core.rules.due import by_time_unknown, lasting, reads_the_clock
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.index import Node, build
from tsbridge.core.rules.language import Condition, Leaf, Rule, Tree, leaves
from tsbridge.core.rules.nearness import Nearness

FEW: Final = 24
"""So few rules are all asked: looking them up would cost more."""


class Plan:
    """Rules in document order; their places are their slots.

    `may_change`: what rules set while the pass goes on; `set_by_rules`: what any part of the rulebook sets.
    `tests[slot](facts)`: whether the condition of a rule is true.
    """

    def __init__(self, rules: Sequence[Rule], scans: Scans, may_change: Effects, set_by_rules: Effects) -> None:
        self.rules = tuple(rules)
        self.slots = {rule.key: slot for slot, rule in enumerate(rules)}
        self.clocked = frozenset(slot for slot, rule in enumerate(rules) if reads_the_clock(rule))
        self._every = range(len(self.rules))
        self._scans = scans
        self._may_change = may_change
        conditions = {slot: rule.when for slot, rule in enumerate(rules)}
        covers = _covers(conditions, may_change)
        self._index = self._filed(covers)
        self.tests: Mapping[int, Test] = _Tests(
            {slot: likely_false_first(one, covers.get(slot, ())) for slot, one in conditions.items()}, scans
        )
        remains = {slot: lasting(conditions[slot], set_by_rules) for slot in sorted(self.clocked)}
        self._clocked_index = self._filed(_covers(remains, NO_EFFECTS))
        self._lasting = _Tests(remains, scans)
        self._parts: dict[int, tuple[Part, ...]] = {}
        self._nearness: Nearness | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs; the rest is made there when it is first asked for."""
        return {**self.__dict__, "_parts": {}, "_nearness": None}

    def _filed(self, covers: Mapping[int, tuple[Cover, ...]]) -> Node | None:
        return build(tuple(covers.items()), self._scans) if covers else None

    def candidates(self, facts: Facts) -> Iterable[int]:
        """The slots of every rule that may match, and of some that will not, in document order."""
        if self._index is None:
            return self._every
        found: list[int] = []
        self._index.propose(facts, found)
        return sorted(set(found))

    def may_wait(self, facts: Facts) -> frozenset[int]:
        """The slots of rules that time alone may make match or not, if nothing happens after the moment these facts are of."""
        slots: Iterable[int] = self.clocked
        if self._clocked_index is not None:
            slots = []
            self._clocked_index.propose(facts, slots)
        return frozenset([slot for slot in slots if self._lasting[slot](facts)])

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


class _Tests(dict[int, Test]):
    """The tests of some conditions, each made when it is first asked for. Sent to another process as the conditions they are of."""

    __slots__ = ("_conditions", "_scans")

    def __init__(self, conditions: Mapping[int, Condition], scans: Scans) -> None:
        self._conditions = conditions
        self._scans = scans

    def __missing__(self, slot: int) -> Test:
        test = self[slot] = compiled(self._conditions[slot], self._scans, in_order=True)
        return test

    def __reduce__(self) -> tuple[Any, ...]:
        return _Tests, (self._conditions, self._scans)


def _covers(conditions: Mapping[int, Condition], may_change: Effects) -> dict[int, tuple[Cover, ...]]:
    if len(conditions) < FEW:
        return {}
    planner = Planner(tuple(conditions.values()), may_change)
    return {slot: tuple(planner.covers(condition)) for slot, condition in conditions.items()}


def scans_of(rules: Iterable[Rule]) -> Scans:
    return Scans.of(leaf for rule in rules for leaf in leaves(rule.when))

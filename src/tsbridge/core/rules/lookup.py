"""Conditions found by what stands in the facts, without asking each of them; and what is left to ask of those that were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tsbridge.core.rules.bitmaps import Bitmaps
from tsbridge.core.rules.columns import Accepted, Columns
from tsbridge.core.rules.compiled import Scans, Test, compiled
from tsbridge.core.rules.covers import Effects, Planner
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.index import Filed, Node, build
from tsbridge.core.rules.language import Condition, Leaf, Tree

FEW: Final = 24
"""So few are all asked: looking them up would cost more."""


class Lookup:
    """Conditions by slot. Each is in the bitmaps or in the index, wherever it is found less often in vain.

    `may_change`: what rules set while they are asked; `touched`: what any part of the rulebook sets or takes away.
    `rest[slot](facts)`: whether a condition that was found is true.
    """

    def __init__(self, conditions: Mapping[int, Condition], scans: Scans, may_change: Effects, touched: Effects) -> None:
        self._every = tuple(conditions)
        self._index: Node | None = None
        self.rest: Mapping[int, Test] = Tests(conditions, scans)
        if len(conditions) < FEW:
            return
        planner = Planner(conditions.values(), may_change, touched)
        columns = Columns(conditions, may_change, touched)
        mapped: list[tuple[int, Accepted]] = []
        filed: list[Filed] = []
        known: dict[int, Sequence[Condition]] = {}
        self._against: dict[int, int] = {}
        for slot, condition in conditions.items():
            covers, (accepted, settled) = planner.covers(condition), columns.asked_by(slot)
            if accepted and columns.share(accepted) <= (covers[0].share if covers else 1):
                mapped.append((slot, accepted))
            else:
                filed.append((slot, tuple(covers)))
                settled += [cover.of for cover in covers[:1] if planner.settles(cover)]
                self._against[slot] = columns.against(accepted)
            if settled:
                known[slot] = tuple(settled)
        self._bitmaps = Bitmaps(columns, mapped)
        self._index = build(filed, scans)
        self.rest = Tests(conditions, scans, known)

    def candidates(self, facts: Facts) -> Sequence[int]:
        """The slots of all conditions that may be true, and of some that are not, in order."""
        if self._index is None:
            return self._every
        against = self._against
        classes, found = self._bitmaps.look(facts)
        return sorted({*found, *[slot for slot in self._index.propose(facts) if not classes & against[slot]]})


class Tests(dict[int, Test]):
    """The tests of some conditions, each made when it is first asked for. Sent to another process as the conditions they are of.

    `known`: parts of them that need not be asked.
    """

    __slots__ = ("_conditions", "_known", "_scans")

    def __init__(self, conditions: Mapping[int, Condition], scans: Scans, known: Mapping[int, Sequence[Condition]] | None = None) -> None:
        self._conditions = conditions
        self._scans = scans
        self._known = known or {}

    def __missing__(self, slot: int) -> Test:
        test = self[slot] = compiled(_without(self._conditions[slot], self._known.get(slot, ())), self._scans)
        return test

    def __reduce__(self) -> tuple[Any, ...]:
        return Tests, (self._conditions, self._scans, self._known)


def _without(condition: Condition, known: Sequence[Condition]) -> Condition:
    """What is left of a condition without the parts that are known. They are told by what they are, not by what they say."""
    if not known:
        return condition
    settled = {id(part) for part in known}
    if id(condition) in settled or isinstance(condition, Leaf):
        return Tree()
    every, none = (tuple(part for part in parts if id(part) not in settled) for parts in (condition.all, condition.none))
    return Tree(every, condition.any, none)

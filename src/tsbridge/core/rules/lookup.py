"""Conditions found by what stands in the facts, without asking each of them; and what is left to ask of those that were found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final

from tsbridge.core.rules.bitmaps import Bitmaps, bitmap, slots_of
from tsbridge.core.rules.columns import Columns
from tsbridge.core.rules.compiled import Scans, Test, compiled
from tsbridge.core.rules.covers import Cover, Effects, Planner, Table
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.index import Index, Tables, build, tabled
from tsbridge.core.rules.language import Condition, Leaf, Tree

FEW: Final = 24
"""So few are all asked: looking them up would cost more."""
CROWD: Final = 64
"""Conditions that share a token before they are filed once more under what else must be true for them."""
DEPTH: Final = 5
LOOK_UP: Final = {"is": 0.1, "range": 0.5, "test": 0.5}
"""What looking into a table of an index costs, by kind, in conditions asked in vain. Tags, words and patterns have one table each:
what a text has is found once for all."""

Filed = Mapping[int, Sequence[Cover]]
"""Covers by slot; a condition is filed under the first."""


class Lookup:
    """Conditions by slot, each in the bitmaps of all its columns and in an index under its rarest other cover.

    `may_change`: what rules set while they are asked; `touched`: what any part of the rulebook sets or takes away.
    `rest[slot](facts)`: whether a condition that was found is true.
    """

    def __init__(self, conditions: Mapping[int, Condition], scans: Scans, may_change: Effects, touched: Effects) -> None:
        self._every = tuple(conditions)
        self._bitmaps: Bitmaps | None = None
        self.rest: Mapping[int, Test] = Tests(conditions, scans)
        if len(conditions) < FEW:
            return
        columns = Columns(conditions, may_change, touched)
        asked = {slot: columns.asked_by(slot) for slot in conditions}
        self._bitmaps = Bitmaps(columns, {slot: accepted for slot, (accepted, _, _) in asked.items()})
        known = {slot: settled for slot, (_, _, settled) in asked.items()}
        planner = Planner(conditions.values(), may_change, touched, [part for _, told, _ in asked.values() for part in told])
        covered = {slot: found for slot, condition in conditions.items() if (found := planner.covers(condition))}
        filed = _worth_a_table(covered, lambda slot: columns.share(asked[slot][0]))
        self._indexes: list[tuple[Index[int], int]] = []  # each with the bits of what is not filed in it
        while filed and len(self._indexes) < DEPTH:
            tables = tabled((slot, covers[0].places) for slot, covers in filed.items())
            self._indexes.append((build(tables, bitmap, scans), bitmap(conditions.keys() - filed.keys())))
            for slot, covers in filed.items():
                if planner.settles(covers[0]):
                    known[slot].append(covers[0].of)
            filed = {slot: filed[slot][1:] for slot in _crowded(tables) if len(filed[slot]) > 1}
        self.rest = Tests(conditions, scans, known)

    def candidates(self, facts: Facts) -> Sequence[int]:
        """The slots of all conditions that may be true, and of some that are not, in order."""
        if self._bitmaps is None:
            return self._every
        left = self._bitmaps.left(facts)
        for index, others in self._indexes:
            left &= reduce(or_, index.found(facts), others)
        return slots_of(left)


def _worth_a_table(covered: Filed, share: Callable[[int], float]) -> Filed:
    """Each under the first of its covers that needs no table which spares less than looking into it costs. `share`: in what part of
    the cases a condition would be asked if it were not filed."""
    spared: defaultdict[Table, float] = defaultdict(float)
    worth: set[Table] = set()
    for slot, covers in covered.items():
        for table, _ in covers[0].places:
            if table not in worth:
                spared[table] += share(slot) * (1 - covers[0].share)
                if spared[table] >= LOOK_UP.get(table[0], 0):
                    worth.add(table)
    filed = {}
    for slot, covers in covered.items():
        for place, cover in enumerate(covers):
            if all([table in worth for table, _ in cover.places]):
                filed[slot] = covers[place:]
                break
    return filed


def _crowded(tables: Tables) -> list[int]:
    """The slots that share a token with many, in order."""
    buckets = (slots for by_field in tables.values() for table in by_field.values() for slots in table.values())
    return sorted({slot for slots in buckets if len(slots) > CROWD for slot in slots})


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

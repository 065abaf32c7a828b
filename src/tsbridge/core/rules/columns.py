"""What conditions ask of fields that have named values, or that are compared as numbers, and what of it one look can tell.

Each such field is a column. What it may hold falls into classes: the values that rules name and any other, or the stretches
between the bounds they name and no number. A moment is in one class of each column; a condition accepts some.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import prod
from typing import Any, Final

from tsbridge.core.rules.covers import Effects
from tsbridge.core.rules.language import Condition, Leaf, Tree
from tsbridge.core.rules.vocabulary import field_named
from tsbridge.core.values import Number, as_key, number

NAMED: Final = 0.05
"""A field is a column when at least this part of the rules ask for its value."""
MOST: Final = 2_048
"""Values of a column: each takes room for a bit per rule. A field of which rules name more is none."""
BOUNDS: Final = 64
"""Bounds of numbers that a column tells apart."""
LONG: Final = ("text", "set")
"""Types of fields whose values are not looked at as a whole."""
OPPOSITE: Final = {"is_not": "is", "not_in": "in", "not_present": "present"}
EQUAL: Final = ("is", "in", "changed_to")
COMPARED: Final = frozenset({"less_than", "at_most", "greater_than", "at_least", "between"})
TOLD: Final = COMPARED.union(EQUAL, OPPOSITE, OPPOSITE.values())
"""Operators that a column may tell of."""

Name = tuple[bool, str]
"""A column: whether it is compared as a number, and the field."""
Accepted = Mapping[Name, int]
"""Some classes of some columns, a bit each."""
Demand = tuple[Leaf, str, Sequence[Any], bool, Name]
"""What a part of a condition asks of a column: that an operator, never a negative one, with these keys or bounds, be true, or be false."""
Asked = tuple[dict[Name, int], list[Condition], list[Condition]]
"""In which classes a condition may be true, or become true by what rules set; the parts that say so; and those of them that are
what they have to be in all of these classes, whatever rules have set since."""


class Columns:
    """The columns of some conditions, by slot.

    `may_change`: what rules set while they are asked. `touched`: what any part of the rulebook sets or takes away.
    """

    def __init__(self, conditions: Mapping[int, Condition], may_change: Effects, touched: Effects) -> None:
        self._may_change = may_change
        self._touched = touched
        parts = {slot: _parts(condition) for slot, condition in conditions.items()}
        often = Counter([name for found in parts.values() for name, _, _ in found])
        names = {name for name, times in often.items() if times >= NAMED * len(conditions)}
        self._demands = {
            slot: [demand for name, part, wanted in found if name in names and (demand := _demand(name, part, wanted))]
            for slot, found in parts.items()
        }
        named: dict[Name, set[Any]] = {name: set() for name in sorted(names)}
        for demands in self._demands.values():
            for _, _, values, _, name in demands:
                named[name].update(values)
        self.by_name: dict[Name, Values | Numbers] = {}
        for name, found in named.items():
            if name[0] or len(found) <= MOST:
                self.by_name[name] = Numbers(found) if name[0] else Values(found)

    def asked_by(self, slot: int) -> Asked:
        """What a condition asks of the columns. Those that do not matter, as what rules set may turn them, are left out."""
        accepted: dict[Name, int] = {}
        told: list[Condition] = []
        settled: list[Condition] = []
        for part, operator, values, wanted, name in self._demands[slot]:
            column = self.by_name.get(name)
            if column is None or (self._may_change.may_set(part.field) and self._may_turn(part.field, operator, values, wanted)):
                continue
            classes = column.accepted(operator, values)
            accepted[name] = accepted.get(name, column.whole) & (classes if wanted else column.whole & ~classes)
            told.append(part)
            if column.settles(operator, values) and not self._touched.may_set(part.field):
                settled.append(part)
        return accepted, told, settled

    def share(self, accepted: Accepted) -> float:
        """In what part of the cases these classes leave a condition, by a guess."""
        return prod([classes.bit_count() / self.by_name[name].width for name, classes in accepted.items()])

    def _may_turn(self, field: str, operator: str, values: Iterable[Any], wanted: bool) -> bool:
        """Whether what rules set of this field may make a part what it has to be."""
        return not (wanted and operator in EQUAL) or any(self._may_change.may_set(field, key) for key in values)


class Values:
    """The keys that rules name for a field. The last two classes: any other value, and none."""

    def __init__(self, keys: Collection[str]) -> None:
        self.places = {key: place for place, key in enumerate(sorted(keys))}
        self.width = len(keys) + 2
        self.whole = (1 << self.width) - 1

    def accepted(self, operator: str, keys: Iterable[str]) -> int:
        if operator == "present":
            return self.whole >> 1
        classes = 0
        for key in keys:
            classes |= 1 << self.places[key]
        return classes

    def settles(self, operator: str, keys: Iterable[str]) -> bool:
        """Whether it is true in all classes that are accepted."""
        return operator != "changed_to"


class Numbers:
    """The stretches between and on the `cuts`; the last class is no number."""

    def __init__(self, bounds: Collection[Number]) -> None:
        self.cuts = cuts_of(bounds, BOUNDS)
        self.width = 2 * len(self.cuts) + 2
        self.whole = (1 << self.width) - 1

    def accepted(self, operator: str, bounds: Sequence[Number]) -> int:
        first, last = cell(self.cuts, bounds[0]), cell(self.cuts, bounds[-1])
        if operator in ("less_than", "at_most"):
            first, last = 0, last - (last % 2 if operator == "less_than" else 0)
        elif operator in ("greater_than", "at_least"):
            first, last = first + (first % 2 if operator == "greater_than" else 0), self.width - 2
        return max(0, (1 << last + 1) - (1 << first))

    def settles(self, operator: str, bounds: Iterable[Number]) -> bool:
        return all([cell(self.cuts, bound) % 2 for bound in bounds])


def cuts_of(bounds: Collection[Number], most: int) -> Sequence[Number]:
    """These bounds in order; of more than `most`, evenly fewer."""
    return sorted(bounds)[:: max(1, -(-len(bounds) // most))]


def cell(cuts: Sequence[Number], value: Number) -> int:
    """Where a number stands among cuts: 2n + 1 on the n-th, 2n just below it."""
    return bisect_left(cuts, value) + bisect_right(cuts, value)


def _parts(condition: Condition) -> list[tuple[Name, Leaf, bool]]:
    """The parts of a condition that must be true, or must not, and that a column may tell of."""
    if isinstance(condition, Leaf):
        condition = Tree((condition,))
    found: list[tuple[Name, Leaf, bool]] = []
    for parts, wanted in ((condition.all, True), (condition.none, False)):
        for part in parts:
            if isinstance(part, Leaf):
                if part.operator in TOLD:
                    found.append(((part.operator in COMPARED, part.field), part, wanted))
            elif wanted:
                found += _parts(part)
    return found


def _demand(name: Name, part: Leaf, wanted: bool) -> Demand | None:
    """What a part asks of a column, if that can be told."""
    operator, value = part.operator, part.value
    if operator in OPPOSITE:
        operator, wanted = OPPOSITE[operator], not wanted
    if operator in COMPARED:
        bounds = [number(one) for one in (value if operator == "between" else (value,))]
        return (part, operator, bounds, wanted, name) if wanted and None not in bounds else None
    if operator == "present":
        known = field_named(part.field)
        return (part, operator, (), wanted, name) if known is not None and known.type not in LONG else None
    keys = [as_key(one) for one in (value if operator == "in" else (value,))]
    return (part, operator, keys, wanted, name) if wanted or operator != "changed_to" else None

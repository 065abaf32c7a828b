"""What must be true for a condition: the places under which an index may file a rule.

A cover is a set of tokens of which at least one stands in the facts whenever the condition is true. Only necessary
conditions make tokens: an index built on covers may propose a rule too many, never one too few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple

from tsbridge.core.rules.language import Action, Condition, Leaf, Tree, leaves
from tsbridge.core.severities import ALL
from tsbridge.core.values import as_key, number, plain

UNFILED: Final = 0.7
"""A cover that stands in more cases than this is not worth a place."""
WIDEST: Final = 2_000
"""Tokens of one cover; a rule with longer lists is filed under something else, or always asked."""


TESTED: Final = {"changed": 0.15, "changed_from": 0.1, "within_hours": 0.5, "outside_hours": 0.5}
"""In what part of the cases a condition is true that is asked once for all rules."""
EXACT: Final = frozenset({"is", "in", "includes", "contains", "contains_any", "matches", "present", *TESTED})
"""Conditions that are true wherever one of their tokens stands."""


Table = tuple[str, str]
"""A table of an index: its kind (is, has, word, pattern, range or test) and the field."""
Place = tuple[Table, tuple[Any, ...]]
"""A table, and the keys that are looked up there. A token is a key in a table."""


class Cover(NamedTuple):
    """Places in which a token must stand for the condition `of`, and in what part of the cases one does, by a guess."""

    share: float
    places: tuple[Place, ...]
    of: Condition


@dataclass(frozen=True, slots=True)
class Effects:
    """What rules may set while they are asked: values by field (in the form they are compared in). None stands for any."""

    values: Mapping[str, frozenset[str]]

    def may_set(self, field: str, key: str | None = None) -> bool:
        found = self.values.get(field)
        return found is not None and (key is None or key in found)


NO_EFFECTS: Final = Effects({})
_FIELDS: Final = {
    "set_severity": "case.severity",
    "set_category": "case.category",
    "set_priority": "ticket.priority",
    "route": "case.queue",
}


def effects(actions: Iterable[Action], *, taken_off: bool = False) -> Effects:
    """What these actions may set. Taking a tag off makes nothing true that is filed under a tag: it counts where asked for."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for action in actions:
        if action.name in ("add_tags", "remove_tags"):
            found["tags"].update(action.value if taken_off or action.name == "add_tags" else ())
        elif action.name == "set_custom_field":
            found[f"ticket.custom.{action.value[0]}"].add(plain(action.value[1]))
        elif action.name == "set_severity":  # seen is the worst among others, whatever that is
            found[_FIELDS[action.name]].update(map(str, ALL))
        elif action.name in _FIELDS:
            found[_FIELDS[action.name]].add(plain(action.value))
    return Effects({field: frozenset(map(str.casefold, keys)) for field, keys in found.items()})


class Planner:
    """Finds covers. Guesses how often a token stands from how many different ones the rules name for its field.

    `may_change`: what rules set while they are asked. `touched`: what any part of the rulebook sets or takes away. `told`: parts
    of the conditions that need no cover.
    """

    def __init__(self, conditions: Iterable[Condition], may_change: Effects, touched: Effects, told: Iterable[Condition] = ()) -> None:
        self._effects = may_change
        self._touched = touched
        self._places: dict[int, Place] = {}
        ignored = {id(part) for part in told}
        named: defaultdict[Table, set[Any]] = defaultdict(set)
        for condition in conditions:
            for leaf in leaves(condition):
                if id(leaf) not in ignored and (place := _place(leaf)) is not None:
                    self._places[id(leaf)] = place
                    table, keys = place
                    named[table].update(keys)
        self._shares = {table: _share_of_one(table[0], len(keys)) for table, keys in named.items()}

    def covers(self, condition: Condition) -> list[Cover]:
        """Every cover found, each sufficient by itself, the rarest first."""
        return sorted(self._covers(condition), key=itemgetter(0))

    def settles(self, cover: Cover) -> bool:
        """Whether a condition is true wherever a token of its cover stands, whatever rules have set since."""
        if isinstance(cover.of, Leaf):
            return self._told(cover.of)
        return not cover.of.all and not cover.of.none and all(map(self._told, cover.of.any))

    def _told(self, part: Condition) -> bool:
        if not isinstance(part, Leaf) or part.operator not in EXACT:
            return False
        return not self._touched.may_set(part.field, as_key(part.value) if part.operator == "includes" else None)

    def _covers(self, condition: Condition) -> list[Cover]:
        found: list[Cover] = []
        for part in (condition,) if isinstance(condition, Leaf) else condition.all:
            if not isinstance(part, Leaf):
                found += self._covers(part)
            elif (cover := self._of_leaf(part)) is not None:
                found.append(cover)
        if isinstance(condition, Tree) and condition.any:
            branches = [min(self._covers(part), key=itemgetter(0), default=None) for part in condition.any]
            if None not in branches:
                places = tuple([place for branch in branches if branch is not None for place in branch.places])
                share = sum([branch.share for branch in branches if branch is not None])
                if sum([len(keys) for _, keys in places]) <= WIDEST and share <= UNFILED:
                    found.append(Cover(share, places, condition))
        return found

    def _of_leaf(self, leaf: Leaf) -> Cover | None:
        place = self._places.get(id(leaf))
        if place is None or len(place[1]) > WIDEST:
            return None
        (kind, field), keys = place
        if field in self._effects.values:
            exact = kind in ("is", "has")
            if any(self._effects.may_set(field, key if exact else None) for key in keys):
                return None
        if kind == "range":
            share = 0.5 if None in keys[0] else 0.3
        elif kind == "test":
            share = TESTED.get(leaf.operator, 0.6)
        else:
            share = self._shares[place[0]] * len(keys)
        return Cover(share, (place,), leaf) if share <= UNFILED else None


def _share_of_one(kind: str, named: int) -> float:
    """In what part of the cases a token stands where so many different ones are named."""
    match kind:
        case "is":
            return 1 / (named + 1)
        case "word":
            return min(0.3, 5 / (named + 10))
    return min(0.4, 3 / (named + 3))


def _place(leaf: Leaf) -> Place | None:
    """Where a token stands when the leaf is true; None when nothing can be said. Open bounds are filed as closed ones."""
    field, value = leaf.field, leaf.value
    match leaf.operator:
        case "is" | "changed_to":
            return ("is", field), (as_key(value),)
        case "in":
            return ("is", field), tuple([as_key(one) for one in value])
        case "includes":
            return ("has", field), (as_key(value),)
        case "includes_all" if value:
            return ("has", field), (as_key(value[0]),)
        case "contains" | "contains_any":
            return ("word", field), leaf.words
        case "contains_all" if leaf.words:
            return ("word", field), (max(leaf.words, key=len),)
        case "matches":
            return ("pattern", field), (value,)
        case "less_than" | "at_most":
            return ("range", field), ((None, number(value)),)
        case "greater_than" | "at_least":
            return ("range", field), ((number(value), None),)
        case "between":
            return ("range", field), ((number(value[0]), number(value[1])),)
        case "present" | "changed" | "changed_from" | "within_hours" | "outside_hours":
            return ("test", field), ((Leaf(field, leaf.operator, value, leaf.words), repr(value)),)  # True is 1, but not as text
    return None

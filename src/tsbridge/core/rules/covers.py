"""What must be true for a condition: the places under which an index may file a rule.

A cover is a set of tokens of which at least one stands in the facts whenever the condition is true. Only necessary
conditions make tokens: an index built on covers may propose a rule too many, never one too few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tsbridge.core.rules.compiled import cost
from tsbridge.core.rules.facts import Number, number, plain
from tsbridge.core.rules.language import Action, Condition, Leaf, Tree, leaves

UNFILED: Final = 0.7
"""A cover that stands in more cases than this is not worth a place."""
WIDEST: Final = 2_000
"""Tokens of one cover; a rule with longer lists is filed under something else, or always asked."""


TESTED: Final = {"changed": 0.15, "changed_from": 0.1, "within_hours": 0.5, "outside_hours": 0.5}
"""In what part of the cases a condition is true that is asked once for all rules."""


class Token(NamedTuple):
    """A place in the index. `kind`: is, has, word, pattern, range or test; `key`: what is looked up there."""

    kind: str
    field: str
    key: Any


class Cover(NamedTuple):
    """Tokens of which one must stand for the condition `of`, and in what part of the cases one does, by a guess."""

    share: float
    tokens: tuple[Token, ...]
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
    found: dict[str, set[str]] = {}
    for action in actions:
        if action.name in ("add_tags", "remove_tags"):
            found.setdefault("tags", set()).update(tag.casefold() for tag in action.value if taken_off or action.name == "add_tags")
        elif action.name == "set_custom_field":
            found.setdefault(f"ticket.custom.{action.value[0]}", set()).add(plain(action.value[1]).casefold())
        elif action.name in _FIELDS:
            found.setdefault(_FIELDS[action.name], set()).add(plain(action.value).casefold())
    return Effects({field: frozenset(keys) for field, keys in found.items()})


class Planner:
    """Finds covers. Guesses how often a token stands from how many different ones the rules name for its field."""

    def __init__(self, conditions: Sequence[Condition], may_change: Effects) -> None:
        self._conditions = conditions
        self._effects = may_change
        self._tokens: dict[int, tuple[Token, ...]] = {}
        named: defaultdict[tuple[str, str], set[Any]] = defaultdict(set)
        for condition in conditions:
            for leaf in leaves(condition):
                tokens = self._tokens[id(leaf)] = _tokens(leaf)
                if tokens:
                    named[tokens[0].kind, leaf.field].update([token.key for token in tokens])
        self._shares = {(kind, field): _share_of_one(kind, len(keys)) for (kind, field), keys in named.items()}

    def covers(self, condition: Condition) -> list[Cover]:
        """Every cover found, each sufficient by itself, the rarest first."""
        return sorted(self._covers(condition), key=lambda cover: (cover.share, len(cover.tokens), cover.tokens[:1] and cover.tokens[0][:2]))

    def _covers(self, condition: Condition) -> list[Cover]:
        if isinstance(condition, Leaf):
            cover = self._of_leaf(condition)
            return [] if cover is None else [cover]
        found = [cover for part in condition.all for cover in self._covers(part)]
        if condition.any:
            branches = [min(self._covers(part), key=lambda cover: cover.share, default=None) for part in condition.any]
            if None not in branches:
                tokens = tuple(dict.fromkeys(token for branch in branches if branch is not None for token in branch.tokens))
                if len(tokens) <= WIDEST:
                    found.append(Cover(sum(branch.share for branch in branches if branch is not None), tokens, condition))
        return [cover for cover in found if cover.share <= UNFILED]

    def _of_leaf(self, leaf: Leaf) -> Cover | None:
        tokens = self._tokens[id(leaf)]
        if not tokens or len(tokens) > WIDEST:
            return None
        if leaf.field in self._effects.values:
            exact = tokens[0].kind in ("is", "has")
            if any(self._effects.may_set(leaf.field, token.key if exact else None) for token in tokens):
                return None
        share = min(1.0, len(tokens) * self._share(tokens[0]))
        return Cover(share, tokens, leaf) if share <= UNFILED else None

    def _share(self, token: Token) -> float:
        if token.kind == "range":
            low, high = token.key
            return 0.5 if low is None or high is None else 0.3
        return TESTED.get(token.key.operator, 0.6) if token.kind == "test" else self._shares[token.kind, token.field]


def _share_of_one(kind: str, named: int) -> float:
    """In what part of the cases a token stands where so many different ones are named."""
    match kind:
        case "is":
            return 1 / (named + 1)
        case "word":
            return min(0.3, 5 / (named + 10))
    return min(0.4, 3 / (named + 3))


def likely_false_first(condition: Condition, covers: Sequence[Cover]) -> Condition:
    """The condition with the parts that must all hold in the order to ask them: the first of its covers stands already, and is last."""
    if isinstance(condition, Leaf) or len(condition.all) < 2:
        return condition
    share = {id(cover.of): cover.share for cover in covers}
    filed_under = id(covers[0].of) if covers else None
    every = sorted(condition.all, key=lambda part: (id(part) == filed_under, cost(part) / (1 - share.get(id(part), UNFILED))))
    return Tree(tuple(every), condition.any, condition.none)


def _tokens(leaf: Leaf) -> tuple[Token, ...]:
    """The tokens of which one stands when the leaf is true; none when nothing can be said."""
    field, value = leaf.field, leaf.value
    match leaf.operator:
        case "is" | "changed_to":
            return (Token("is", field, plain(value).casefold()),)
        case "in":
            return tuple(dict.fromkeys(Token("is", field, plain(one).casefold()) for one in value))
        case "includes":
            return (Token("has", field, plain(value).casefold()),)
        case "includes_all":
            return tuple(Token("has", field, plain(one).casefold()) for one in value[:1])
        case "contains" | "contains_any":
            return tuple(dict.fromkeys(Token("word", field, word) for word in leaf.words))
        case "contains_all":
            return (Token("word", field, max(leaf.words, key=len)),)
        case "matches":
            return (Token("pattern", field, value),)
        case "less_than" | "at_most":
            return _range(field, None, number(value))
        case "greater_than" | "at_least":
            return _range(field, number(value), None)
        case "between":
            return _range(field, number(value[0]), number(value[1]))
        case "present" | "changed" | "changed_from" | "within_hours" | "outside_hours":
            return (Token("test", field, Leaf(field, leaf.operator, value, leaf.words)),)
    return ()


def _range(field: str, low: Number | None, high: Number | None) -> tuple[Token, ...]:
    """From `low` to `high`, both included; None is no bound. Open ends are filed as closed ones."""
    return (Token("range", field, (low, high)),)

"""What a condition says of the facts. Every operator is total: a missing value makes the positive form false, and
`not_x` is exactly "not x". Nothing here loops, fails or hangs, whatever the facts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tsbridge.core.moments import Value
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Condition, Leaf
from tsbridge.core.rules.text import find_word, search
from tsbridge.core.values import Number, alike, as_key, members, number, plain


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether a condition is true of the facts."""
    if isinstance(condition, Leaf):
        return leaf_holds(condition, facts)
    return (
        all(holds(part, facts) for part in condition.all)
        and (not condition.any or any(holds(part, facts) for part in condition.any))
        and not any(holds(part, facts) for part in condition.none)
    )


def leaf_holds(leaf: Leaf, facts: Facts) -> bool:
    return _OPERATORS[leaf.operator](leaf, facts)


def same(a: Value, b: Value) -> bool:
    """Equal as people mean it: numbers by value, everything else by text without regard to letter case."""
    if a is None or b is None:
        return False
    if isinstance(a, int | float) and isinstance(b, int | float) and not isinstance(a, bool) and not isinstance(b, bool):
        return a == b
    return as_key(a) == as_key(b)


def differs(leaf: Leaf, facts: Facts) -> bool:
    known, before = facts.before(leaf.field)
    now = facts.get(leaf.field)
    return known and not alike(before, now)


def _contains(leaf: Leaf, facts: Facts, quantity: Callable[[Any], bool]) -> bool:
    text = facts.folded[leaf.field]
    if not text:
        return False
    return quantity(find_word(text, word) >= 0 for word in leaf.words)


def _starts(leaf: Leaf, facts: Facts) -> bool:
    return facts.folded[leaf.field].startswith(leaf.words[0])


def _matches(leaf: Leaf, facts: Facts) -> bool:
    value = facts.get(leaf.field)
    if value is None:
        return False
    return search(leaf.value, plain(value)) is not None


def _compare(leaf: Leaf, facts: Facts, test: Callable[[Number, Number], bool]) -> bool:
    value, bound = number(facts.get(leaf.field)), number(leaf.value)
    return value is not None and bound is not None and test(value, bound)


def _between(leaf: Leaf, facts: Facts) -> bool:
    value, low, high = number(facts.get(leaf.field)), number(leaf.value[0]), number(leaf.value[1])
    return value is not None and low is not None and high is not None and low <= value <= high


def _not(test: Callable[[Leaf, Facts], bool]) -> Callable[[Leaf, Facts], bool]:
    return lambda leaf, facts: not test(leaf, facts)


def _is(leaf: Leaf, facts: Facts) -> bool:
    return same(facts.get(leaf.field), leaf.value)


def _in(leaf: Leaf, facts: Facts) -> bool:
    value = facts.get(leaf.field)
    return value is not None and any(same(value, one) for one in leaf.value)


def _contains_any(leaf: Leaf, facts: Facts) -> bool:
    return _contains(leaf, facts, any)


def _includes(leaf: Leaf, facts: Facts) -> bool:
    return as_key(leaf.value) in members(facts.get(leaf.field))


def _present(leaf: Leaf, facts: Facts) -> bool:
    return facts.get(leaf.field) is not None


def _within(leaf: Leaf, facts: Facts) -> bool:
    return facts.open[leaf.field, leaf.value]


_OPERATORS: Final[Mapping[str, Callable[[Leaf, Facts], bool]]] = {
    "is": _is,
    "is_not": _not(_is),
    "in": _in,
    "not_in": _not(_in),
    "contains": _contains_any,
    "not_contains": _not(_contains_any),
    "contains_any": _contains_any,
    "contains_all": lambda leaf, facts: _contains(leaf, facts, all),
    "starts_with": _starts,
    "matches": _matches,
    "includes": _includes,
    "not_includes": _not(_includes),
    "includes_all": lambda leaf, facts: {as_key(v) for v in leaf.value} <= members(facts.get(leaf.field)),
    "less_than": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a < b),
    "at_most": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a <= b),
    "greater_than": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a > b),
    "at_least": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a >= b),
    "between": _between,
    "present": _present,
    "not_present": _not(_present),
    "changed": differs,
    "not_changed": _not(differs),
    "changed_to": lambda leaf, facts: differs(leaf, facts) and _is(leaf, facts),
    "changed_from": lambda leaf, facts: differs(leaf, facts) and same(facts.before(leaf.field)[1], leaf.value),
    "within_hours": _within,
    "outside_hours": _not(_within),
}

"""Conditions as small closures, the cheap ones first. They say exactly what `conditions.holds` says of the same facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tsbridge.core.rules.conditions import differs, same
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Condition, Leaf
from tsbridge.core.rules.scan import PatternScan, WordScan
from tsbridge.core.values import as_key, number, plain

Test = Callable[[Facts], bool]

WORD_OPERATORS: Final = frozenset({"contains", "not_contains", "contains_any", "contains_all"})
DEAR: Final = {"matches": 3, "within_hours": 3, "outside_hours": 3, **dict.fromkeys(WORD_OPERATORS, 2), "starts_with": 2}


class Scans:
    """The words and patterns that some rules look for, by field; `tests`: the conditions compiled with them, each once.

    Sent to another process, all is made ready there anew.
    """

    def __init__(self, words: Mapping[str, tuple[str, ...]], patterns: Mapping[str, tuple[str, ...]]) -> None:
        self.tests: dict[tuple[str, ...], Test] = {}
        self._wanted = (words, patterns)
        self._words = {field: WordScan(wanted) for field, wanted in words.items()}
        self._patterns = {field: PatternScan(wanted) for field, wanted in patterns.items()}

    @classmethod
    def of(cls, leaves: Iterable[Leaf]) -> Scans:
        """All that these conditions look for."""
        words: dict[str, set[str]] = {}
        patterns: dict[str, set[str]] = {}
        for leaf in leaves:
            if leaf.operator in WORD_OPERATORS:
                words.setdefault(leaf.field, set()).update(leaf.words)
            elif leaf.operator == "matches":
                patterns.setdefault(leaf.field, set()).add(leaf.value)
        return cls(*({field: tuple(sorted(wanted)) for field, wanted in found.items()} for found in (words, patterns)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Scans, self._wanted

    def words(self, facts: Facts, field: str) -> frozenset[str]:
        """The words looked for in this field that its text has."""
        found = facts.words.get(field)
        if found is None:
            found = facts.words[field] = self._words[field].found(facts.folded[field])
        return found

    def patterns(self, facts: Facts, field: str) -> frozenset[str]:
        """The patterns looked for in this field that match it."""
        found = facts.patterns.get(field)
        if found is None:
            value = facts.get(field)
            found = facts.patterns[field] = frozenset() if value is None else self._patterns[field].found(plain(value))
        return found


def cost(condition: Condition) -> int:
    """How dear a condition is to ask, roughly."""
    if isinstance(condition, Leaf):
        return DEAR.get(condition.operator, 1)
    return 1 + sum(cost(part) for part in (*condition.all, *condition.any, *condition.none))


def compiled(condition: Condition, scans: Scans) -> Test:
    """A condition as a function of the facts."""
    if isinstance(condition, Leaf):
        return _leaf(condition, scans)
    every = [compiled(part, scans) for part in _cheap_first(condition.all)]
    some = [compiled(part, scans) for part in _cheap_first(condition.any)]
    no = [compiled(part, scans) for part in _cheap_first(condition.none)]
    if some:
        every.append(some[0] if len(some) == 1 else _any_of(tuple(some)))
    if no:
        every.append(_none_of(tuple(no)))
    return _all_of(tuple(every))


def _cheap_first(parts: tuple[Condition, ...]) -> list[Condition]:
    return sorted(parts, key=cost)


def _all_of(tests: tuple[Test, ...]) -> Test:
    """One after the other; written out for the usual few: this is where the judge spends its time."""
    match tests:
        case ():
            return lambda facts: True
        case (only,):
            return only
        case (first, second):
            return lambda facts: first(facts) and second(facts)
        case (first, second, third):
            return lambda facts: first(facts) and second(facts) and third(facts)
    first, second, *others = tests
    rest = _all_of(tuple(others))
    return lambda facts: first(facts) and second(facts) and rest(facts)


def _any_of(tests: tuple[Test, ...]) -> Test:
    def test(facts: Facts) -> bool:
        for one in tests:  # noqa: SIM110  # a plain loop is the fastest
            if one(facts):
                return True
        return False

    return test


def _none_of(tests: tuple[Test, ...]) -> Test:
    some = _any_of(tests)
    return lambda facts: not some(facts)


def _not(test: Test) -> Test:
    return lambda facts: not test(facts)


def _leaf(leaf: Leaf, scans: Scans) -> Test:
    """The same condition in many rules is one closure: less to make, and less to fetch from memory."""
    what = leaf.field, leaf.operator, repr(leaf.value)  # as text, for True is not 1
    test = scans.tests.get(what)
    if test is None:
        test = scans.tests[what] = _made(leaf, scans)
    return test


def _made(leaf: Leaf, scans: Scans) -> Test:
    name, value = leaf.field, leaf.value
    match leaf.operator:
        case "is":
            key = as_key(value)
            return lambda facts: facts.keys[name] == key
        case "in":
            keys = frozenset(as_key(one) for one in value)
            return lambda facts: facts.keys[name] in keys
        case "contains" | "contains_any":
            some = frozenset(leaf.words)
            return lambda facts: not some.isdisjoint(facts.words[name] if name in facts.words else scans.words(facts, name))
        case "contains_all":
            every = frozenset(leaf.words)
            return lambda facts: every <= scans.words(facts, name)
        case "starts_with":
            return lambda facts: facts.folded[name].startswith(leaf.words[0])
        case "matches":
            return lambda facts: value in scans.patterns(facts, name)
        case "includes":
            member = as_key(value)
            return lambda facts: member in facts.members[name]
        case "includes_all":
            wanted = frozenset(as_key(one) for one in value)
            return lambda facts: wanted <= facts.members[name]
        case "present":
            return lambda facts: facts.get(name) is not None
        case "changed":
            return lambda facts: differs(leaf, facts)
        case "changed_to":
            became = as_key(value)
            return lambda facts: facts.keys[name] == became and differs(leaf, facts)
        case "changed_from":
            return lambda facts: differs(leaf, facts) and same(facts.before(name)[1], value)
        case "within_hours":
            return lambda facts: facts.open[name, value]
        case "outside_hours":
            return lambda facts: not facts.open[name, value]
        case "less_than" | "at_most" | "greater_than" | "at_least" | "between":
            return _comparison(leaf)
    opposite = {"not_contains": "contains_any"}.get(leaf.operator) or leaf.operator.replace("not_", "").replace("_not", "")
    return _not(_leaf(Leaf(name, opposite, value, leaf.words), scans))


def _comparison(leaf: Leaf) -> Test:
    name = leaf.field
    low, high = (number(leaf.value[0]), number(leaf.value[1])) if leaf.operator == "between" else (number(leaf.value),) * 2
    if low is None or high is None:
        return lambda facts: False
    match leaf.operator:
        case "less_than":
            return lambda facts: (found := facts.numbers[name]) is not None and found < high
        case "at_most":
            return lambda facts: (found := facts.numbers[name]) is not None and found <= high
        case "greater_than":
            return lambda facts: (found := facts.numbers[name]) is not None and found > low
        case "at_least":
            return lambda facts: (found := facts.numbers[name]) is not None and found >= low
    return lambda facts: (found := facts.numbers[name]) is not None and low <= found <= high

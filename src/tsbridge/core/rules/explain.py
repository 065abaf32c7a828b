"""Why a rule matched, or what it would have taken. Read off the same conditions on the same facts; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tsbridge.core.rules.conditions import holds
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Condition, Leaf, Rule
from tsbridge.core.rules.text import excerpt, find_word, search
from tsbridge.core.values import plain

SHOWN = 120
LIST_SHOWN = 50
"""Entries of a set that is told whole, such as a ticket's tags."""
WORDS_SHOWN = 3
"""Words of a list that is too long to be told whole."""
WHOLE = 5
"""Words of a list that is told whole."""
Turned = list[tuple[Leaf, bool]]
"""Conditions, each with what it would have to say."""


@dataclass(frozen=True, slots=True)
class RuleExplained:
    """One rule of a decision. `because`: the conditions that made it what it is; `missing`: the fewest that would have
    had to be otherwise, with what was `wanted` of each. Both in the shape of contract section 6; with `cut` where only the
    newest part of the text was seen."""

    key: str
    kind: str
    matched: bool
    because: tuple[dict[str, Any], ...] = field(hash=False)
    missing: tuple[dict[str, Any], ...] = field(hash=False)


def explain_rule(rule: Rule, facts: Facts, matched: bool) -> RuleExplained:
    because = tuple([{**_shown(leaf, facts), "outcome": outcome} for leaf, outcome in _support(rule.when, facts, matched)])
    return RuleExplained(rule.key, rule.kind, matched, because, () if matched else _missing(_turned(rule.when, facts, True) or (), facts))


def explain_miss(rule: Rule, facts: Facts, turned: Turned) -> RuleExplained:
    """A rule that did not match by what it would have taken alone: see `turned`."""
    return RuleExplained(rule.key, rule.kind, False, (), _missing(turned, facts))


def turned(failing: Iterable[tuple[Condition, bool]], facts: Facts) -> Turned | None:
    """The fewest conditions that would have to be otherwise for each of these to be as it is wanted; None when nothing would help."""
    return _together(_turned(condition, facts, wanted) for condition, wanted in failing)


def _missing(turned: Iterable[tuple[Leaf, bool]], facts: Facts) -> tuple[dict[str, Any], ...]:
    return tuple([{**_shown(leaf, facts), "wanted": wanted} for leaf, wanted in turned])


def _support(condition: Condition, facts: Facts, outcome: bool) -> Iterator[tuple[Leaf, bool]]:
    """The conditions that make `condition` true, or false, and what each of them says."""
    if isinstance(condition, Leaf):
        yield condition, outcome
        return
    if outcome:
        parts = (*condition.all, *(part for part in condition.any if holds(part, facts)))
        for part in parts:
            yield from _support(part, facts, True)
        for part in condition.none:
            yield from _support(part, facts, False)
        return
    for part in condition.all:
        if not holds(part, facts):
            yield from _support(part, facts, False)
    if condition.any and not any(holds(part, facts) for part in condition.any):
        for part in condition.any:
            yield from _support(part, facts, False)
    for part in condition.none:
        if holds(part, facts):
            yield from _support(part, facts, True)


def _flips(condition: Condition, facts: Facts, wanted: bool) -> Turned | None:
    """The fewest conditions whose turning would make `condition` what is wanted; None when nothing would."""
    return [] if holds(condition, facts) == wanted else _turned(condition, facts, wanted)


def _turned(condition: Condition, facts: Facts, wanted: bool) -> Turned | None:
    """The same for a condition that is not what is wanted."""
    if isinstance(condition, Leaf):
        return [(condition, wanted)]
    every = [(part, wanted) for part in condition.all] + [(part, not wanted) for part in condition.none]
    ways = [_flips(part, facts, one) for part, one in every]
    some = [_flips(part, facts, wanted) for part in condition.any]
    if wanted:
        return _together([*ways, _least(some)] if some else ways)
    return _least([*ways, _together(some)] if some else ways)


def _together(ways: Iterable[Turned | None]) -> Turned | None:
    found: Turned = []
    for way in ways:
        if way is None:
            return None
        found += way
    return found


def _least(ways: Iterable[Turned | None]) -> Turned | None:
    return min((way for way in ways if way is not None), key=len, default=None)


def _shown(leaf: Leaf, facts: Facts) -> dict[str, Any]:
    found = _found(leaf, facts)
    return {
        "field": leaf.field,
        "operator": leaf.operator,
        "expected": _few(leaf.value),
        "actual": _actual(leaf, facts, found),
        **({} if found is None else {"found": found.word}),
        **({"cut": True} if leaf.field in facts.cut else {}),
    }


def _few(expected: Any) -> Any:
    """What a condition expects; of a long list a few entries, and how many more there are."""
    if not isinstance(expected, tuple):
        return expected
    if len(expected) <= WHOLE:
        return list(expected)
    return [*expected[:WORDS_SHOWN], f"and {len(expected) - WORDS_SHOWN} more"]


class _Found(NamedTuple):
    """The first of a condition's words that the text has: as the rulebook writes it, and where it stands in the folded text."""

    word: str
    at: int
    length: int


def _found(leaf: Leaf, facts: Facts) -> _Found | None:
    if not leaf.words or leaf.operator == "starts_with" or not isinstance(facts.get(leaf.field), str):
        return None
    folded, scanned = facts.folded[leaf.field], facts.words.get(leaf.field)
    written = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    for word, needle in zip(written, leaf.words, strict=True):
        if (scanned is None or needle in scanned) and (at := find_word(folded, needle)) >= 0:
            return _Found(word, at, len(needle))
    return None


def _actual(leaf: Leaf, facts: Facts, found: _Found | None) -> Any:
    """The value that was found; of a long text the words around the hit."""
    value = facts.get(leaf.field)
    if leaf.operator in ("changed", "not_changed", "changed_to", "changed_from"):
        known, before = facts.before(leaf.field)
        return {"before": _short(before), "now": _short(value)} if known else {"now": _short(value)}
    if not isinstance(value, str) or len(value) <= SHOWN // 2:
        return _short(value)
    if found is not None:
        return excerpt(facts.folded[leaf.field], found.at, found.length)
    if leaf.operator == "matches" and (span := search(leaf.value, value)) is not None:
        return excerpt(value, span[0], span[1] - span[0])
    return _short(value)


def _short(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value[:LIST_SHOWN])
    if isinstance(value, str) and len(value) > SHOWN:
        return plain(value)[:SHOWN] + "…"
    return value

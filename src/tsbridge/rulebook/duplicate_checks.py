"""Rules that say the same twice: for the same events, under the same condition however it is written, with the same effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, Final

from tsbridge.core.moments import canonical
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.conditions import holds
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judge import asked
from tsbridge.core.rules.language import Condition, Leaf, Rule, leaves
from tsbridge.core.rules.text import fold
from tsbridge.core.values import as_key, plain
from tsbridge.rulebook.examiner import Examiner, matches, reads, settings, tag_wishes
from tsbridge.rulebook.satisfy import Undecided, negated
from tsbridge.rulebook.worlds import World

FEW: Final = 30
"""Rules of one effect that are all compared with each other; of more of them, those that speak of the same words."""
PAIRS: Final = 20_000
ALLOWANCE: Final = 10_000
"""Pairs that are compared, and branches that may cost, in one check."""


def duplicates(examiner: Examiner, about: str | None) -> Iterator[Finding]:
    """Each rule that says the same as one above it. `about`: the key of a rule that must be one of the two."""
    told: set[str] = set()
    for group in _by_effect(examiner.book.rules):
        seen: dict[bytes, Rule] = {}
        for rule in group:
            first = seen.setdefault(canonical(_form(rule.when, True)), rule)
            if first is not rule and about in (None, rule.key, first.key):
                told.add(rule.key)
                yield _twin(examiner, first, rule)
    for first, rule in _same_meaning(examiner, told, about):
        yield _twin(examiner, first, rule)


def _twin(examiner: Examiner, first: Rule, rule: Rule) -> Finding:
    both = (first, rule) if rule.kind == "escalation" else (first,)
    witness = examiner.example([examiner.condition(rule)], matches(*(one.key for one in both)), *both)
    words = f"this rule says the same as {first.key} above it"
    return Finding("warning", "duplicate_rule", words, rule.path, rule.key, None if witness is None else witness.to_json())


def _by_effect(rules: Iterable[Rule]) -> Iterator[list[Rule]]:
    alike: dict[Hashable, list[Rule]] = defaultdict(list)
    for rule in rules:
        alike[rule.kind, rule.on, _effect(rule)].append(rule)
    return (group for group in alike.values() if len(group) > 1)


def _effect(rule: Rule) -> Hashable:
    """What a rule does, however its actions are ordered and grouped."""
    added, removed = tag_wishes(rule)
    once = sorted(
        (action.name, repr(action.value)) for action in rule.then if action.name in ("note", "notify", "escalate", "route", "stop")
    )
    if added & removed:  # then the first of the two wins
        return repr(rule.then)
    singles = tuple(sorted((slot, repr(value)) for slot, value in settings(rule).items()))
    return added, removed, singles, tuple(once)


# -- the same form -------------------------------------------------------------------------------------------------------


def _form(condition: Condition, wanted: bool) -> Any:
    """A condition so that order, nesting, letter case, lists of one and `none` against `not_x` make no difference."""
    if isinstance(condition, Leaf):
        operator, value, same = _plainest(condition)
        return ["leaf", condition.field, operator, value, wanted is same]
    parts = [_form(part, wanted) for part in condition.all] + [_form(part, not wanted) for part in condition.none]
    if condition.any:
        parts.append(_joined("any" if wanted else "all", [_form(part, wanted) for part in condition.any]))
    return _joined("all" if wanted else "any", parts)


def _joined(name: str, parts: Sequence[Any]) -> Any:
    flat = [inner for part in parts for inner in (part[1:] if part[0] == name else [part])]
    apart = {canonical(part): part for part in flat}
    return flat[0] if len(apart) == 1 else [name, *(apart[key] for key in sorted(apart))]


def _plainest(leaf: Leaf) -> tuple[str, Any, bool]:
    """(operator, value, whether the leaf says this or its opposite)."""
    operator, same = leaf.operator, True
    known = vocabulary.operator_named(operator)
    if operator == "outside_hours":
        operator, same = "within_hours", False
    elif known is not None and known.opposite is not None:
        operator, same = known.opposite, False
    if leaf.words:
        several = sorted(set(leaf.words))
        return ("contains_any" if operator == "contains" or (len(several) == 1 and operator == "contains_all") else operator), several, same
    if operator in ("is", "in", "includes", "includes_all", "changed_to", "changed_from"):
        values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        several = sorted({as_key(value) for value in values})
        return {"is": "in", "includes": "includes_all"}.get(operator, operator), several, same
    if operator == "between":
        return operator, [plain(value) for value in leaf.value], same
    return operator, leaf.value if isinstance(leaf.value, str) else plain(leaf.value), same


# -- the same meaning ----------------------------------------------------------------------------------------------------


def _same_meaning(examiner: Examiner, told: set[str], about: str | None) -> Iterator[tuple[Rule, Rule]]:
    """Escalation rules whose conditions are proven to hold for the same events. Of routing rules the lower is never reached anyway."""
    worlds: dict[str, World | None] = {}
    end = examiner.solver.spent + ALLOWANCE
    for count, (first, rule) in enumerate(_pairs(examiner.book.escalation, told, about)):
        if count >= PAIRS or examiner.solver.spent >= end:
            return
        if rule.key in told or not (_meet(examiner, worlds, first, rule) and _meet(examiner, worlds, rule, first)):
            continue
        one, other = examiner.condition(first), examiner.condition(rule)
        if not examiner.possible(one, negated(other)) and not examiner.possible(other, negated(one)):
            told.add(rule.key)
            yield first, rule


def _pairs(rules: Iterable[Rule], told: set[str], about: str | None) -> Iterator[tuple[Rule, Rule]]:
    alike: dict[Hashable, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.key not in told:
            alike[_effect(rule)].append(rule)
    for group in alike.values():
        for part in [group] if len(group) <= FEW else _by_words(group):
            yield from (pair for pair in combinations(part, 2) if about is None or about in (pair[0].key, pair[1].key))


def _by_words(rules: Iterable[Rule]) -> Iterable[list[Rule]]:
    alike: dict[Hashable, list[Rule]] = defaultdict(list)
    for rule in rules:
        words = {fold(plain(value)) for leaf in leaves(rule.when) for value in _values(leaf) if isinstance(value, str)}
        alike[reads(rule.when), frozenset(words)].append(rule)
    return alike.values()


def _values(leaf: Leaf) -> tuple[Any, ...]:
    return leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)


def _meet(examiner: Examiner, worlds: dict[str, World | None], one: Rule, other: Rule) -> bool:
    """Whether an event of `one` is an event of `other`: if not, they are not the same, and nothing need be proven."""
    if one.key not in worlds:
        try:
            worlds[one.key] = examiner.solver.find([examiner.condition(one)])
        except Undecided:
            worlds[one.key] = None
    world = worlds[one.key]
    return world is not None and asked(other, world.given) and holds(other.when, world.facts(examiner.book, examiner.zone))

"""What is wrong with single rules and with their order: never, always, twice, never reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, Final

from tsbridge.core.moments import canonical
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.conditions import holds
from tsbridge.core.rules.findings import Finding, nearest
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Condition, Leaf, Rule, Tree, leaves
from tsbridge.rulebook.examiner import Confirms, Examiner, matches, reads, stops, written
from tsbridge.rulebook.satisfy import Node, Undecided, negated
from tsbridge.rulebook.worlds import World

ALLOWANCE: Final = 20_000
"""Branches that looking for unreachable rules may cost in one check; then the rules that are left are not told about."""
NAMED: Final = 3
"""Rules that a message names before it counts the rest."""


def dead_and_idle(examiner: Examiner, rules: Iterable[Rule]) -> Iterator[Finding]:
    """Rules that can never match, parts of conditions that never or always hold, values a field never has."""
    for rule in rules:
        yield from _strange_values(rule)
        if not examiner.possible(examiner.condition(rule)):
            words = "this rule can never match: its conditions exclude each other"
            yield Finding("warning", "never_matches", words, _at(rule.when, f"{rule.path}/when"), rule.key)
            continue
        yield from _parts(examiner, rule, rule.when, f"{rule.path}/when")


def _parts(examiner: Examiner, rule: Rule, condition: Condition, path: str) -> Iterator[Finding]:
    """The topmost parts of a condition that are always the same."""
    if isinstance(condition, Tree) and condition.unconditional:
        return
    truth = examiner.proven(condition)
    if truth is None:
        if isinstance(condition, Tree):
            for name, branch in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
                for place, part in enumerate(branch):
                    yield from _parts(examiner, rule, part, f"{path}/{name}/{place}")
    elif truth:
        witness = examiner.example([examiner.condition(rule)], matches(rule.key), rule)
        words = "this condition is always true: it might as well be left out"
        yield Finding("warning", "always_true", words, path, rule.key, _shown(witness))
    else:
        yield Finding("warning", "never_true", "this part of the condition can never be true", path, rule.key)


def _strange_values(rule: Rule) -> Iterator[Finding]:
    """Values that a field with a known set of words does not have: mostly a slip of the pen."""
    for leaf in leaves(rule.when):
        known = vocabulary.field_named(leaf.field)
        if known is None or not known.choices or leaf.operator not in ("is", "is_not", "in", "not_in", "changed_to", "changed_from"):
            continue
        values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        for value in values:
            if str(value).casefold() not in known.choices:
                words = f"{leaf.field} never has this value{nearest(str(value).casefold(), known.choices)}"
                yield Finding("warning", "unknown_value", words, f"{leaf.path}/value", rule.key)


def duplicates(examiner: Examiner, about: str | None) -> Iterator[Finding]:
    """Rules that say the same as one above: same events, same condition however it is written, same actions."""
    alike: dict[Any, list[Rule]] = defaultdict(list)
    for rule in examiner.book.rules:
        alike[rule.kind, rule.on, repr(rule.then)].append(rule)
    for group in alike.values():
        seen: dict[bytes, Rule] = {}
        for rule in group if len(group) > 1 else ():
            first = seen.setdefault(canonical(_form(rule.when, True)), rule)
            if first is not rule and about in (None, rule.key, first.key):
                yield _twin(examiner, first, rule)


def _twin(examiner: Examiner, first: Rule, rule: Rule) -> Finding:
    both = (first, rule) if rule.kind == "escalation" else (first,)
    witness = examiner.example([examiner.condition(rule)], matches(*(one.key for one in both)), *both)
    words = f"this rule says the same as {first.key} above it"
    return Finding("warning", "duplicate_rule", words, rule.path, rule.key, _shown(witness))


def unreachable(examiner: Examiner, skip: Container[str | None], about: str | None) -> Iterator[Finding]:
    """Routing rules for which those above leave nothing over. With `about`: that rule, and those below that lose by it."""
    routing = examiner.book.routing
    end = examiner.solver.spent + ALLOWANCE
    first = next((place for place, rule in enumerate(routing) if about in (None, rule.key)), len(routing))
    for place, rule in enumerate(routing[first:], first):
        if examiner.solver.spent >= end:
            return
        if rule.key in skip or not examiner.possible(examiner.condition(rule)):
            continue
        eaters = _eaters(examiner, rule, routing[:place])
        if eaters and about in (None, rule.key, *(one.key for one in eaters)):
            names = _named([one.key for one in eaters])
            words = (
                f"no event reaches this rule: {names} above it {'takes' if len(eaters) == 1 else 'together take'} all that it could match"
            )
            witness = examiner.example([examiner.condition(rule)], _won_by(eaters), rule)
            yield Finding("warning", "unreachable", words, rule.path, rule.key, _shown(witness))


def _won_by(eaters: Sequence[Rule]) -> Confirms:
    keys = {rule.key for rule in eaters}

    def confirms(_: World, judgement: Judgement) -> bool:
        return any(match.key in keys for match in judgement.matched)

    return confirms


def _eaters(examiner: Examiner, rule: Rule, above: Sequence[Rule]) -> list[Rule]:
    """The fewest rules above that together take every event of `rule`; empty when some event passes them, or nobody knows.

    Only rules that stand in the way of an event found so far are looked at, so most rules cost one question.
    """
    target = examiner.condition(rule)
    used: list[Rule] = []
    refused: list[Node] = []
    try:
        while (world := examiner.solver.find([target, *refused])) is not None:
            winner = _winner(examiner, world, above)
            if winner is None or winner in used:
                return []
            used.append(winner)
            refused.append(negated(examiner.condition(winner)))
        for one in list(used):
            fewer = [other for other in used if other is not one]
            if examiner.solver.find([target, *(negated(examiner.condition(other)) for other in fewer)]) is None:
                used = fewer
    except Undecided:
        return []
    return sorted(used, key=above.index)


def _winner(examiner: Examiner, world: World, above: Sequence[Rule]) -> Rule | None:
    facts = world.facts(examiner.book, examiner.zone)
    event = world.given.get("event")
    return next((rule for rule in above if (not rule.on or event in rule.on) and holds(rule.when, facts)), None)


def behind_stop(examiner: Examiner, skip: Container[str | None], about: str | None) -> Iterator[Finding]:
    """Escalation rules that a `stop` above always keeps from being asked. `about` as with `unreachable`."""
    rules = examiner.book.escalation
    halts = [(place, rule) for place, rule in enumerate(rules) if stops(rule)]
    for place, rule in enumerate(rules):
        if rule.key in skip:
            continue
        for at, stop in halts:
            if at >= place:
                break
            if about not in (None, rule.key, stop.key):
                continue
            apart = written(rules[at:place]) & reads(rule.when)
            mine = examiner.asked(rule, examiner.solver.node(rule.when, apart=apart))
            if examiner.possible(mine) and not examiner.possible(mine, negated(examiner.condition(stop))):
                words = f"this rule is never asked when it could match: {stop.key} above it stops there"
                witness = examiner.example([examiner.condition(rule)], matches(stop.key), stop)
                yield Finding("warning", "unreachable", words, rule.path, rule.key, _shown(witness))
                break


# -- the same said otherwise ---------------------------------------------------------------------------------------------


def _form(condition: Condition, wanted: bool) -> Any:
    """A condition so that the order of its parts, and `none` against `not_x`, make no difference."""
    if isinstance(condition, Leaf):
        operator = vocabulary.operator_named(condition.operator)
        if operator is not None and operator.opposite is not None:
            return ["leaf", condition.field, operator.opposite, _values(condition), not wanted]
        return ["leaf", condition.field, condition.operator, _values(condition), wanted]
    parts = [_form(part, wanted) for part in condition.all] + [_form(part, not wanted) for part in condition.none]
    choices = [_form(part, wanted) for part in condition.any]
    if choices:
        parts.append(choices[0] if len(choices) == 1 else _sorted("any" if wanted else "all", choices))
    return parts[0] if len(parts) == 1 else _sorted("all" if wanted else "any", parts)


def _sorted(name: str, parts: list[Any]) -> list[Any]:
    return [name, *sorted(parts, key=canonical)]


def _values(leaf: Leaf) -> Any:
    if isinstance(leaf.value, tuple) and leaf.operator != "between":
        return sorted(leaf.value, key=lambda value: (str(type(value)), str(value)))
    return leaf.value


# -- small things --------------------------------------------------------------------------------------------------------


def _at(condition: Condition, path: str) -> str:
    return condition.path or path if isinstance(condition, Leaf) else path


def _named(keys: Sequence[str]) -> str:
    rest = len(keys) - NAMED
    return ", ".join(keys[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _shown(world: World | None) -> Any:
    return None if world is None else world.to_json()

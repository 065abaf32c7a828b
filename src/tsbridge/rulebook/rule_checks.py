"""What is wrong with single rules and with their order: never, always, never reached."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Condition, Leaf, Rule, Tree
from tsbridge.core.rules.vocabulary import WHAT_HAPPENS
from tsbridge.rulebook.examiner import Confirms, Examiner, field_of, matches, reads, settings, stops
from tsbridge.rulebook.satisfy import Node, Undecided, negated, some
from tsbridge.rulebook.worlds import World

ALLOWANCE: Final = 20_000
"""Branches that looking for unreachable rules may cost in one check; then the rules that are left are not told about."""
CERTAIN: Final = 30
"""Settings of escalation rules that are looked at for one routing rule."""
NAMED: Final = 3
"""Rules that a message names before it counts the rest."""


def dead_and_idle(examiner: Examiner, rules: Iterable[Rule]) -> Iterator[Finding]:
    """Rules that can never match, and parts of conditions that never or always hold."""
    for rule in rules:
        if not examiner.possible(examiner.condition(rule)):
            words = "this rule can never match: its conditions exclude each other"
            yield Finding("warning", "never_matches", words, _at(rule.when, f"{rule.path}/when"), rule.key)
            continue
        if rule.kind == "routing" and _ruled_out(examiner, rule):
            words = (
                "this rule can never match: where its other conditions hold, escalation rules have set what it asks for to something else"
            )
            yield Finding("warning", "never_matches", words, _at(rule.when, f"{rule.path}/when"), rule.key)
            continue
        for truth, path in constants(examiner, rule.when, f"{rule.path}/when", rule):
            witness = examiner.example([examiner.condition(rule)], matches(rule.key), rule) if truth else None
            yield constant(truth, path, "" if rule.on == WHAT_HAPPENS else "on the events of this rule", rule.key, _shown(witness))


def _ruled_out(examiner: Examiner, rule: Rule) -> bool:
    """Whether what escalation rules have certainly set, when the routing rules are asked, keeps this one from matching."""
    asked = reads(rule.when) & examiner.settable
    certain = list(islice(_certainly_set(examiner, asked), CERTAIN)) if asked else []
    return bool(certain) and not examiner.possible(examiner.condition(rule), *certain)


def _certainly_set(examiner: Examiner, fields: Container[str]) -> Iterator[Node]:
    """Where an escalation rule matches, a field has its value or that of a rule above it. Only of rules that are asked whatever
    happens, and that read nothing that rules set."""
    values: dict[str, tuple[Any, ...]] = {}
    for rule in examiner.book.escalation:
        for slot, value in settings(rule).items():
            field = field_of(slot)
            if field in fields:
                values[field] = (*values.get(field, ()), value)
                if not reads(rule.when) & examiner.settable:
                    held = examiner.solver.leaf(Leaf(field, "in", values[field]), True)
                    yield some([negated(examiner.condition(rule)), held])
        if stops(rule):
            return


def constant(truth: bool, path: str, when: str = "", rule: str | None = None, witness: Any = None) -> Finding:
    where = f" {when}" if when else ""
    if truth:
        words = f"this condition is always true{where}: it might as well be left out"
        return Finding("warning", "always_true", words, path, rule, witness)
    return Finding("warning", "never_true", f"this part of the condition can never be true{where}", path, rule)


def constants(examiner: Examiner, condition: Condition, path: str, rule: Rule | None = None) -> Iterator[tuple[bool, str]]:
    """The topmost parts of a condition that are always the same, and their places. `rule`: on whose events."""
    if isinstance(condition, Tree) and condition.unconditional:
        return
    truth = examiner.proven(condition, rule)
    if truth is not None:
        yield truth, path
    elif isinstance(condition, Tree):
        for name, branch in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
            for place, part in enumerate(branch):
                yield from constants(examiner, part, f"{path}/{name}/{place}", rule)


def unreachable(examiner: Examiner, skip: Container[str | None], about: str | None) -> Iterator[Finding]:
    """Routing rules for which those above leave nothing over. With `about`: that rule, and those below that lose by it."""
    routing = examiner.book.routing
    end = examiner.solver.spent + ALLOWANCE
    first = next((place for place, rule in enumerate(routing) if about in (None, rule.key)), len(routing))
    for place, rule in enumerate(routing[first:], first):
        if examiner.solver.spent >= end:
            return
        if place == 0 or rule.key in skip or not examiner.possible(examiner.condition(rule)):
            continue
        takers = eaters(examiner, examiner.condition(rule), partial(examiner.routed, place=place))
        if takers and about in (None, rule.key, *(one.key for one in takers)):
            witness = examiner.example([examiner.condition(rule)], won_by(takers), rule)
            # the last rule has to stand there even when the rules above it leave nothing over
            severity = "info" if rule is routing[-1] and len(takers) > 1 else "warning"
            words = f"no event reaches this rule: {_take(takers)} all that it could match"
            yield Finding(severity, "unreachable", words, rule.path, rule.key, _shown(witness))


def won_by(eaters: Sequence[Rule]) -> Confirms:
    keys = {rule.key for rule in eaters}

    def confirms(_: World, judgement: Judgement) -> bool:
        return any(match.key in keys for match in judgement.matched)

    return confirms


def eaters(examiner: Examiner, target: Node, winner: Callable[[World], Rule | None]) -> list[Rule]:
    """The fewest rules that together take every event of `target`; empty when some event passes them, or nobody knows.

    `winner`: which rule takes an event. Only rules that stand in the way of an event found so far are looked at, so most
    targets cost one question.
    """
    used: list[Rule] = []
    refused: list[Node] = []
    try:
        while (world := examiner.solver.find([target, *refused])) is not None:
            taken = winner(world)
            if taken is None or taken in used:
                return []
            used.append(taken)
            refused.append(negated(examiner.condition(taken)))
        for one in list(used):
            fewer = [other for other in used if other is not one]
            if examiner.solver.find([target, *(negated(examiner.condition(other)) for other in fewer)]) is None:
                used = fewer
    except Undecided:
        return []
    return sorted(used, key=examiner.book.rules.index)


# -- small things --------------------------------------------------------------------------------------------------------


def _at(condition: Condition, path: str) -> str:
    return condition.path or path if isinstance(condition, Leaf) else path


def _take(eaters: Sequence[Rule]) -> str:
    return f"{named([one.key for one in eaters])} above it {'takes' if len(eaters) == 1 else 'together take'}"


def named(keys: Sequence[str]) -> str:
    rest = len(keys) - NAMED
    return ", ".join(keys[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _shown(world: World | None) -> Any:
    return None if world is None else world.to_json()

"""Escalation rules that a `stop` above, or several, always keep from being asked."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace

from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Action, Rule
from tsbridge.rulebook.examiner import Examiner, reads, stops, written
from tsbridge.rulebook.rule_checks import ALLOWANCE, eaters, named, won_by
from tsbridge.rulebook.satisfy import Undecided, negated
from tsbridge.rulebook.worlds import World


def behind_stop(examiner: Examiner, skip: Container[str | None], about: str | None) -> Iterator[Finding]:
    """Rules that are never asked when they could match. `about`: the key of one that must be concerned."""
    rules = examiner.book.escalation
    halts = {rule.key: place for place, rule in enumerate(rules) if stops(rule)}
    first = min(halts.values(), default=len(rules))
    watch = _watch(examiner, halts)
    between: frozenset[str] = frozenset()
    end = examiner.solver.spent + ALLOWANCE
    for place in range(first + 1, len(rules)):
        rule = rules[place]
        between |= written([rules[place - 1]])
        if rule.key in skip or about not in (None, rule.key, *halts):
            continue
        if examiner.solver.spent >= end:
            return
        stopping = _stopping(examiner, watch, rule, place, halts, between)
        if stopping and about in (None, rule.key, *(one.key for one in stopping)):
            words = f"this rule is never asked when it could match: {named([one.key for one in stopping])} above it stops there"
            witness = examiner.example([examiner.condition(rule)], won_by(stopping), *stopping)
            shown = None if witness is None else witness.to_json()
            yield Finding("warning", "unreachable", words, rule.path, rule.key, shown)


def _watch(examiner: Examiner, halts: Container[str]) -> Judge:
    """A judge who says which of the rules with a `stop` match an event, and does nothing else."""
    nothing = (Action("notify", "nobody"),)
    watched = tuple(rule._replace(then=nothing) for rule in examiner.book.escalation if rule.key in halts)
    return Judge(replace(examiner.book, escalation=watched, policies={}), examiner.zone)


def _stopping(examiner: Examiner, watch: Judge, rule: Rule, place: int, halts: dict[str, int], between: frozenset[str]) -> Sequence[Rule]:
    """The rules with a `stop` that let no event of `rule` pass. What is set `between` may be another value at each of them."""
    rules = examiner.book.escalation

    def matched(world: World) -> list[Rule]:
        return [rules[at] for match in world.judged(watch).matched if (at := halts.get(match.key, place)) < place]

    def steady(world: World) -> Rule | None:
        return next((one for one in matched(world) if not reads(one.when) & between), None)

    try:
        world = examiner.solver.find([examiner.condition(rule)])
    except Undecided:
        return []
    if world is None or not (near := matched(world)):
        return []
    mine = examiner.asked(rule, examiner.solver.node(rule.when, apart=between & reads(rule.when)))
    together = eaters(examiner, mine, steady) if examiner.possible(mine) else []
    if together:
        return together
    for stop in near:
        apart = written(rules[halts[stop.key] : place]) & reads(rule.when)
        alone = examiner.asked(rule, examiner.solver.node(rule.when, apart=apart))
        if examiner.possible(alone) and not examiner.possible(alone, negated(examiner.condition(stop))):
            return [stop]
    return []

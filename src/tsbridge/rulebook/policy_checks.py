"""Policies whose steps can never run, or that nothing ever stops."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import timedelta
from itertools import pairwise, takewhile
from typing import Any, Final

from tsbridge.core.escalation import due
from tsbridge.core.moments import Value
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Leaf, Policy, Rule, leaves
from tsbridge.core.values import as_key
from tsbridge.rulebook.examiner import Examiner, field_of, reads, slots
from tsbridge.rulebook.rule_checks import constant, constants
from tsbridge.rulebook.satisfy import Known
from tsbridge.rulebook.solved import CHANGES
from tsbridge.rulebook.worlds import WORKDAY, World

LEVEL: Final = "case.escalation_level"
PASSING: Final = frozenset({"pending", "hold"})


def policies(examiner: Examiner, unasked: Container[str | None] = ()) -> Iterator[Finding]:
    """All there is to say about each policy: at most one reason why it never runs, or else why it never stops.

    `unasked`: keys of rules that a stop above always keeps from being asked.
    """
    raisers = _raisers(examiner)
    for name, policy in examiner.book.policies.items():
        path = f"/policies/{name}"
        mine = raisers.get(name, [])
        living = [rule for rule in mine if rule.key not in unasked and examiner.possible(examiner.condition(rule))]
        if not living:
            why = "no rule escalates to it" if not mine else "the rules that escalate to it can never match, or are never asked"
            yield Finding("warning", "policy_never_runs", f"the steps of {name} never run: {why}", path)
            continue
        yield from _steps(examiner, policy, path, living)
        yield from _stops(examiner, policy, path, living)
        yield from _passing(policy)
        yield from _rests(examiner, policy, path)
        if policy.pauses_when is not None:
            for truth, place in constants(examiner, policy.pauses_when, f"{path}/pauses_when"):
                yield constant(truth, place)


def _rests(examiner: Examiner, policy: Policy, path: str) -> Iterator[Finding]:
    """A rest after an acknowledgement that never is, since the acknowledgement ends the policy."""
    if policy.acknowledged_for is None or policy.stops_when is None:
        return
    acknowledged = examiner.solver.leaf(Leaf("case.acknowledged", "is", True), True)
    if not examiner.possible(examiner.solver.node(policy.stops_when, False), acknowledged):
        words = f"an acknowledgement stops {policy.name}, so it never rests for {policy.acknowledged_for}: take it out of stops_when"
        yield Finding("warning", "never_rests", words, f"{path}/acknowledged_for")


def _passing(policy: Policy) -> Iterator[Finding]:
    """A state that comes and goes stops a policy for good: mostly a pause is meant."""
    for leaf in () if policy.stops_when is None else leaves(policy.stops_when):
        values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        if leaf.field == "ticket.status" and leaf.operator in ("is", "in", "changed_to") and not PASSING.isdisjoint(map(as_key, values)):
            words = f"{policy.name} is over for good once the ticket is pending or on hold, which comes and goes: say it in pauses_when"
            yield Finding("warning", "stops_for_good", words, f"{leaf.path}/value")
            return


def _raisers(examiner: Examiner) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in examiner.book.escalation:
        for action in rule.then:
            if action.name == "escalate":
                found.setdefault(action.value, []).append(rule)
    return found


def _steps(examiner: Examiner, policy: Policy, path: str, raisers: list[Rule]) -> Iterator[Finding]:
    """Steps that wait inside a calendar which has no room for them. The first of them keeps back all below it."""
    for place, step in enumerate(policy.steps):
        if due(step, WORKDAY, examiner.book.calendars) is None:
            words = f"this step never comes due: {step.within} is not open long enough within a year, and the steps below it wait with it"
            witness = _armed(examiner, policy, raisers)
            yield Finding("warning", "step_never_due", words, f"{path}/steps/{place}", None, witness)
            return


def _stops(examiner: Examiner, policy: Policy, path: str, raisers: list[Rule]) -> Iterator[Finding]:
    stops = policy.stops_when
    late = any(step.after > timedelta() for step in policy.steps)
    if stops is None:
        if late and policy.acknowledged_for is None:
            words = f"nothing stops {policy.name}: all its steps run, whoever takes the case; add stops_when"
            yield Finding("warning", "policy_never_stops", words, path, None, _armed(examiner, policy, raisers))
        return
    holds = examiner.solver.node(stops)
    if not examiner.possible(holds):
        words = f"nothing stops {policy.name}: its stops_when can never be true"
        yield Finding("warning", "policy_never_stops", words, f"{path}/stops_when", None, _armed(examiner, policy, raisers))
        return
    if all(_stopped_at_once(examiner, policy, rule) for rule in raisers):
        words = f"the steps of {policy.name} never run: its stops_when is true whenever a rule escalates to it"
        witness = examiner.example([examiner.condition(raisers[0])], _silent(raisers[0], policy.name), *raisers)
        yield Finding("warning", "policy_never_runs", words, f"{path}/stops_when", None, None if witness is None else witness.to_json())
        return
    for truth, place in constants(examiner, stops, f"{path}/stops_when"):
        yield constant(truth, place)
    yield from _stopped_by_itself(examiner, policy, path, raisers)


def _stopped_by_itself(examiner: Examiner, policy: Policy, path: str, raisers: list[Rule]) -> Iterator[Finding]:
    """The first step that comes too late, because the steps above it, by having run, make true what stops the policy."""
    if policy.stops_when is None:
        return
    goes_on = examiner.solver.node(policy.stops_when, False)
    for place, (above, step) in enumerate(pairwise(policy.steps), 1):
        reached = examiner.solver.leaf(Leaf(LEVEL, "at_least", place), True)
        if step.after > above.after and step.within == above.within and not examiner.possible(goes_on, reached):
            words = f"this step never runs: once the steps above it have run, the stops_when of {policy.name} is true"
            yield Finding("warning", "step_never_due", words, f"{path}/steps/{place}", None, _armed(examiner, policy, raisers))
            return


def _stopped_at_once(examiner: Examiner, policy: Policy, rule: Rule) -> bool:
    """Proven: on every event on which the rule matches, the policy is to stop. What other rules may set counts as unknown."""
    if policy.stops_when is None:
        return False
    asked = reads(policy.stops_when)
    known = _certain(examiner, rule, asked)
    goes_on = examiner.solver.node(policy.stops_when, False, known=known, apart=examiner.settable & asked)
    return not examiner.possible(examiner.condition(rule), goes_on)


def _certain(examiner: Examiner, rule: Rule, asked: Container[str]) -> Known:
    """What is known of a leaf on the fields `asked` once all rules are asked and `rule` was among those that matched: what it sets
    itself, where no rule above sets it otherwise."""
    first: dict[str, Value] = {}
    for action in rule.then:
        for slot, value in slots(action):
            if ("tags" if slot.startswith("tag:") else field_of(slot)) in asked:
                first.setdefault(slot, value)
    above = takewhile(lambda other: other is not rule, examiner.book.escalation) if first else ()
    undone = {slot for other in above for action in other.then for slot, value in slots(action) if first.get(slot, value) != value}
    sure = {slot: value for slot, value in first.items() if slot not in undone}
    values = {field_of(slot): value for slot, value in sure.items() if not slot.startswith("tag:")}
    facts = World(values).facts(examiner.book, examiner.zone)

    def known(leaf: Leaf) -> bool | None:
        if leaf.field == "tags" and leaf.operator in ("includes", "not_includes"):
            there = sure.get(f"tag:{as_key(leaf.value)}")
            return None if there is None else there is (leaf.operator == "includes")
        return leaf_holds(leaf, facts) if leaf.field in values and leaf.operator not in (*CHANGES, "not_changed") else None

    return known


def _silent(rule: Rule, policy: str) -> Any:
    def confirms(_: World, judgement: Judgement) -> bool:
        return any(match.key == rule.key for match in judgement.matched) and policy not in judgement.escalated

    return confirms


def _armed(examiner: Examiner, policy: Policy, raisers: list[Rule]) -> Any:
    """An event that arms the policy."""

    def confirms(_: World, judgement: Judgement) -> bool:
        return policy.name in judgement.escalated

    for rule in raisers:
        witness = examiner.example([examiner.condition(rule)], confirms, rule)
        if witness is not None:
            return witness.to_json()
    return None

"""Policies whose steps can never run, or that nothing ever stops."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tsbridge.core.escalation import due
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Policy, Rule
from tsbridge.rulebook.examiner import Examiner, reads, written
from tsbridge.rulebook.worlds import WORKDAY, World


def policies(examiner: Examiner) -> Iterator[Finding]:
    """All there is to say about each policy: at most one reason why it never runs, or else why it never stops."""
    raisers = _raisers(examiner)
    for name, policy in examiner.book.policies.items():
        path = f"/policies/{name}"
        mine = raisers.get(name, [])
        living = [rule for rule in mine if examiner.possible(examiner.condition(rule))]
        if not living:
            why = "no rule escalates to it" if not mine else "the rules that escalate to it can never match"
            yield Finding("warning", "policy_never_runs", f"the steps of {name} never run: {why}", path)
            continue
        yield from _steps(examiner, policy, path, living)
        yield from _stops(examiner, policy, path, living)


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
        if late:
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


def _stopped_at_once(examiner: Examiner, policy: Policy, rule: Rule) -> bool:
    """Proven: on every event on which the rule matches, the policy is to stop. What rules may set in between counts as unknown."""
    if policy.stops_when is None:
        return False
    apart = written(examiner.book.escalation) & reads(policy.stops_when)
    goes_on = examiner.solver.node(policy.stops_when, False, apart=apart)
    return not examiner.possible(examiner.condition(rule), goes_on)


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

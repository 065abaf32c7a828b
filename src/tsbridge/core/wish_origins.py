"""Who asks for which part of a wish, and which parts wait because every rule that asks for them is paused.

Pausing stops what a rule writes, not what it decides: decisions, queues and escalation go on and stay explained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, Final

from tsbridge.core.rules.language import Action, Rulebook

SLOTS: Final = {"set_priority": "priority", "route": "group_id", "assign": "assignee_id"}


def askers(book: Rulebook, matched: Iterable[tuple[str, str]], outcome: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(part, who asks for it) of one decision: the rules that `matched` (key, kind) by their keys, the steps it fired as `<policy>/<step>`.

    A part is named as `helpdesk.hold` names it.
    """
    rules = {rule.key: rule for rule in (*book.escalation, *book.routing)}
    for key, _ in matched:
        if key in rules:
            yield from ((part, key) for action in rules[key].then for part in _parts(action, f"rule:{key}"))
    for fired in outcome.get("steps", ()):
        policy, step = book.policies.get(fired["policy"]), fired["step"]
        if policy is not None and step <= len(policy.steps):
            who = f"{policy.name}/{step}"
            yield from ((part, who) for action in policy.steps[step - 1].actions for part in _parts(action, f"policy:{who}"))


def parts(book: Rulebook) -> frozenset[str]:
    """All parts a rulebook can ask for."""
    actions = [(action, f"rule:{rule.key}") for rule in (*book.escalation, *book.routing) for action in rule.then]
    for policy in book.policies.values():
        for number, step in enumerate(policy.steps, 1):
            actions += [(action, f"policy:{policy.name}/{number}") for action in step.actions]
    return frozenset(part for action, who in actions for part in _parts(action, who))


def held(asked: Iterable[tuple[str, str]], paused: Set[str]) -> frozenset[str]:
    """The parts nobody asks for but paused rules."""
    going: set[str] = set()
    waiting: set[str] = set()
    for part, who in asked:
        (waiting if who in paused else going).add(part)
    return frozenset(waiting - going)


def _parts(action: Action, who: str) -> list[str]:
    if action.name in ("add_tags", "remove_tags"):
        kind = "tag" if action.name == "add_tags" else "absent"
        return [f"{kind}:{tag}" for tag in action.value]
    if action.name == "set_custom_field":
        return [f"custom:{action.value[0]}"]
    if action.name == "note":
        return [f"note:{who}"]
    return [SLOTS[action.name]] if action.name in SLOTS else []

"""What the desk of a seeded world goes by: rulebooks, a roster, and what Zendesk's own triggers do. Plain data; the laws read it, too."""

from __future__ import annotations

import random
from typing import Any, Final

INTAKE, SAFETY, CLAIMS = 61000000001, 61000000010, 61000000011
INSURED, COUNT = 360000001, 360000002
FIELDS: Final = {INSURED: ("checkbox", True), COUNT: ("integer", 7)}
"""Fields of the account's that a rule sets, what kind each is, and to what."""
GROUPS: Final = {"intake": INTAKE, "safety": SAFETY}
HURT, LOST, MONEY, PLAIN = "my dog was bitten", "our cat ran away", "a refund, please", "thank you, all the best"
WORDS: Final = {"hurt": "bitten", "lost": "ran away", "money": "refund"}
"""What each rule listens for in the requester's own words."""
STEPS: Final = (("0m", "ts_sev1"), ("2m", "ts_l2"), ("6m", "ts_l3"))
PAGED: Final = "paged"
NOTE: Final = "Somebody is hurt: read the whole story."
THEIRS: Final = (
    {
        "title": "Page the one on duty",
        "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "ts_sev1"},
                               {"field": "current_tags", "operator": "not_includes", "value": PAGED}]},
        "actions": [{"field": "current_tags", "value": PAGED}],
    },
    {
        "title": "Ask how it was",
        "conditions": {"all": [{"field": "status", "operator": "is", "value": "solved"},
                               {"field": "current_tags", "operator": "not_includes", "value": "survey"}]},
        "actions": [{"field": "current_tags", "value": "survey"}],
    },
)  # fmt: skip
"""Triggers of the team's own: the first answers to a write of ours, inside our update; the second to an agent's."""


def says(word: str) -> dict[str, Any]:
    return {"field": "text.requester", "operator": "contains", "value": word}


def rulebook(rng: random.Random, version: int = 1) -> dict[str, Any]:
    """Rules over the requester's words. Later versions tag some of it otherwise."""
    first = version == 1
    hurt: list[Any] = [{"set_severity": 1}, {"set_category": "safety_incident"}, {"add_tags": ["ts_hurt"]}, {"escalate": "sev1"}]
    if rng.random() < 0.7:
        hurt.append({"set_priority": "urgent"})
    if rng.random() < 0.5:
        hurt.append({"note": NOTE})
    hurt += [{"set_custom_field": {"id": id_, "value": value}} for id_, (_, value) in FIELDS.items()]
    lost: list[Any] = [{"set_severity": 2}, {"add_tags": ["ts_lost" if first or rng.random() < 0.5 else "ts_stray"]}]
    rules: list[dict[str, Any]] = [
        {"key": "hurt", "kind": "escalation", "on": ["ticket", "call"], "when": says(WORDS["hurt"]), "then": hurt},
        {"key": "lost", "kind": "escalation", "on": ["ticket", "call"], "when": says(WORDS["lost"]), "then": lost},
    ]
    if first or rng.random() < 0.6:
        rules.append(
            {
                "key": "money",
                "kind": "escalation",
                "on": ["ticket", "call"],
                "when": says(WORDS["money"]),
                "then": [{"add_tags": ["ts_money"]}],
            }
        )
    solved = {"field": "ticket.status", "operator": "changed_to", "value": "solved"}
    rules.append({"key": "solved", "kind": "escalation", "on": ["ticket"], "when": solved, "then": [{"add_tags": ["ts_done"]}]})
    severe = {"field": "case.severity", "operator": "at_most", "value": 2}
    rules.append({"key": "to-safety", "kind": "routing", "when": severe, "then": [{"route": "safety"}]})
    rules.append({"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "intake"}]})
    acknowledged = {"field": "case.acknowledged", "operator": "is", "value": True}
    steps = [{"after": after, "actions": [{"add_tags": [tag]}, {"notify": "oncall"}]} for after, tag in STEPS]
    return {
        "schema": 1,
        "linking": {"window": "2d"},
        "queues": {key: {"zendesk_group_id": group} for key, group in GROUPS.items()},
        "policies": {"sev1": {"stops_when": {"any": [acknowledged]}, "steps": steps}},
        "rules": rules,
    }


def roster(rng: random.Random, *, nobody: bool = False) -> dict[str, Any]:
    """Three people who take turns, two ways to reach them. `nobody`: is on call."""
    agents = {
        key: {"name": key.title(), "zendesk_user_id": number, "email": f"{key}@example.com", "queues": ["safety", "intake"], "reach": reach}
        for key, number, reach in (("ana", 7001, ["mail", "chat"]), ("ben", 7002, ["chat"]), ("cem", 7003, ["mail"]))
    }
    cover: list[Any] = [{"oncall": rng.choice(["lead", "ana", "ben"]), "then": ["cem"]}]
    if nobody:
        cover = [{"queue": "claims", "oncall": "ana"}]
    return {
        "schema": 1,
        "timezone": "UTC",
        "agents": agents,
        "ways": {"mail": {"kind": "webhook", "url": "https://mail.example/hook", "secret_file": "/run/secrets/mail"},
                 "chat": {"kind": "slack", "url_file": "/run/secrets/chat"}},
        "rotations": {"lead": {"members": ["ana", "ben"], "every": "1d", "starts": "2026-11-16T09:05"}},
        "cover": cover,
    }  # fmt: skip

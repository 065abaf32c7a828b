"""Small rulebooks for tests."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Los_Angeles")


def leaf(field: str, operator: str, *value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, **({"value": value[0]} if value else {})}


def rule(key: str, when: Any, *then: Any, **more: Any) -> dict[str, Any]:
    """An escalation rule; a routing rule when it routes."""
    actions = list(then) or [{"add_tags": [f"ts_{key}"]}]
    kind = "routing" if any("route" in action for action in actions) else "escalation"
    return {"key": key, "kind": kind, "when": when, "then": actions, **more}


def routing(key: str, when: Any, queue: str = "one", **more: Any) -> dict[str, Any]:
    return rule(key, when, {"route": queue}, **more)


def book(*rules: Any, **parts: Any) -> dict[str, Any]:
    """A rulebook of these rules, with two queues and the rule that catches what is left."""
    return {
        "schema": 1,
        "queues": {"one": {}, "two": {}},
        **parts,
        "rules": [*rules, {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "two"}]}],
    }

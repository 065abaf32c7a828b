"""Explained rules in the shape of contract section 6."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tsbridge.core.rules.explain import RuleExplained
from tsbridge.core.rules.judge import Near

NEAR: Final = Near(2)
"""What counts as a near miss."""


def rule_shown(rule: RuleExplained) -> dict[str, Any]:
    return {"key": rule.key, "kind": rule.kind, "matched": rule.matched, "because": list(rule.because)}


def near_misses(rules: Iterable[RuleExplained]) -> list[dict[str, Any]]:
    """Rules that almost matched, the nearest first."""
    near = [rule for rule in rules if not rule.matched and 0 < len(rule.missing) <= NEAR.most]
    near.sort(key=lambda rule: len(rule.missing))
    return [{"key": rule.key, "missing": list(rule.missing)} for rule in near[: NEAR.shown]]

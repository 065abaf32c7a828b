"""Explained rules in the shape of contract section 6."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tsbridge.core.rules.explain import RuleExplained
from tsbridge.core.rules.judge import Near

NEAR: Final = Near(2)
"""What counts as a near miss, and how many are told unless more are asked for."""
MOST_NEAR: Final = 100
"""The most that may be asked for."""


def rule_shown(rule: RuleExplained) -> dict[str, Any]:
    return {"key": rule.key, "kind": rule.kind, "matched": rule.matched, "because": list(rule.because)}


def near_misses(rules: Iterable[RuleExplained], near: Near = NEAR) -> list[dict[str, Any]]:
    """Rules that almost matched, the nearest first; of equally near ones those that are asked first."""
    missed = [rule for rule in rules if not rule.matched and 0 < len(rule.missing) <= near.most]
    missed.sort(key=lambda rule: len(rule.missing))
    return [{"key": rule.key, "missing": list(rule.missing)} for rule in missed[: near.shown]]

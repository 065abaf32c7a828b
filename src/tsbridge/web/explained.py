"""A decision with its reasons: recomputed from what it saw and the rulebook version that made it, so it cannot drift."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.rules.explain import RuleExplained
from tsbridge.core.rules.judge import Near
from tsbridge.store import decisions, routing
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.shapes import decision_item

NEAR: Final = Near(2)
"""What counts as a near miss."""


def explained(conn: Connection, live: LiveRulebook, decision_id: str) -> dict[str, Any] | None:
    """Contract section 6, whole; None when there is no such decision.

    Once what it saw has been erased, `inputs_erased` is true and `because` stays empty: the rules that matched are known,
    their reasons no more.
    """
    row = routing.decision(conn, decision_id)
    loaded = decisions.load(conn, decision_id)
    if row is None or loaded is None:
        return None
    shown = decision_item(row, routing.writebacks_for(conn, [row]).get(decision_id))
    if row["retracted"] or loaded.seen is None:
        return {**shown, "near_misses": [], "inputs_erased": not row["retracted"]}
    seen = loaded.seen
    built = live.version(conn, row["rulebook_version"])
    asked = built.judge.explain(seen.given, seen.previous, seen.standing, seen.at, loaded.subject, near=NEAR)
    matched = {key for key, _ in row["matched"]}
    return {
        **shown,
        "rules": [rule_shown(rule) for rule in asked if rule.key in matched],
        "near_misses": near_misses(rule for rule in asked if rule.key not in matched),
        "inputs_erased": False,
    }


def rule_shown(rule: RuleExplained) -> dict[str, Any]:
    return {"key": rule.key, "kind": rule.kind, "matched": rule.matched, "because": list(rule.because)}


def near_misses(rules: Iterable[RuleExplained]) -> list[dict[str, Any]]:
    """Rules that almost matched, the nearest first."""
    near = [rule for rule in rules if not rule.matched and 0 < len(rule.missing) <= NEAR.most]
    near.sort(key=lambda rule: len(rule.missing))
    return [{"key": rule.key, "missing": list(rule.missing)} for rule in near[: NEAR.shown]]

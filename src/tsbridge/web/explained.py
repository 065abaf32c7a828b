"""A decision with its reasons: recomputed from what it saw and the rulebook version that made it, so it cannot drift."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import Connection

from tsbridge.acts import audit
from tsbridge.acts.shape import as_json
from tsbridge.core.rules.judge import Near
from tsbridge.core.rules.shown import MOST_NEAR, NEAR, near_misses, rule_shown
from tsbridge.store import decisions, routing
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.inputs import whole_number


def _near(
    near: Annotated[
        str | None,
        Query(
            description=f"How many near misses are told at most, 0 to {MOST_NEAR}; {NEAR.shown} unless told.",
            json_schema_extra={"type": "integer", "minimum": 0, "maximum": MOST_NEAR},
        ),
    ] = None,
) -> Near:
    return NEAR if near is None else NEAR._replace(shown=whole_number("query", "near", near, 0, MOST_NEAR))


Nearby = Annotated[Near, Depends(_near)]
"""How many rules that nearly matched the caller wants to be told of."""


def explained(conn: Connection, live: LiveRulebook, decision_id: str, near: Near = NEAR) -> dict[str, Any] | None:
    """Contract section 6, whole, with the rules that came `near`; None when there is no such decision.

    Once what it saw has been erased, `inputs_erased` is true and `because` stays empty: the rules that matched are known,
    their reasons no more. Once words that it saw are gone at the vendor, `redacted_since` says since when, and the reasons are those
    that were true then, without the values.
    """
    row, told = routing.decision(conn, decision_id), audit.decision(conn, decision_id)
    loaded = decisions.load(conn, decision_id)
    if row is None or told is None or loaded is None:
        return None
    shown = as_json(told)
    held = loaded.held
    if held is not None:
        fewest = {"near_misses": held.reasons["near_misses"][: near.shown]}
        return {**shown, **held.reasons, **fewest, "inputs_erased": False, "redacted_since": held.since}
    if row["retracted"] or loaded.seen is None:
        return {**shown, "near_misses": [], "inputs_erased": not row["retracted"], "redacted_since": None}
    seen = loaded.seen
    built = live.version(conn, row["rulebook_version"])
    books = live.books(conn, row["rulebook_version"])
    asked = built.judge.explain(seen.given, seen.previous, seen.standing, seen.at, loaded.subject, near=near, books=books)
    matched = {key for key, _ in row["matched"]}
    return {
        **shown,
        "rules": [rule_shown(rule) for rule in asked if rule.key in matched],
        "near_misses": near_misses((rule for rule in asked if rule.key not in matched), near),
        "inputs_erased": False,
        "redacted_since": None,
    }

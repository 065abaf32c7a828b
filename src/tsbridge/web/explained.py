"""A decision with its reasons, as the API shows it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import Connection

from tsbridge.acts import explained as acts
from tsbridge.acts.shape import as_json
from tsbridge.core.rules.judge import Near
from tsbridge.core.rules.shown import MOST_NEAR, NEAR
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
    """As `acts.explained`, in the shape of contract section 6."""
    found = acts.explained(conn, live, decision_id, near)
    if found is None:
        return None
    authors = [{"rule": key, **as_json(author)} for key, author in found.authors.items()]
    return {
        **as_json(found.decided),
        "rules": list(found.rules),
        "near_misses": list(found.near_misses),
        "inputs_erased": found.inputs_erased,
        "redacted_since": found.redacted_since,
        "last_changed": authors,
        "in_words": list(found.in_words),
    }

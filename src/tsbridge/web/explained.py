"""How many rules that nearly matched a caller wants to be told of."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from tsbridge.core.rules.judge import Near
from tsbridge.core.rules.shown import MOST_NEAR, NEAR
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

"""Severities, 1 (the worst) to 4, of several things at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PRESSING: Final = (1, 2)
"""Severities that wait for somebody however long it takes."""
LEAST: Final = 3
"""The weight of all others, and of what has none."""
ALL: Final = range(1, 5)


def worst(severities: Iterable[int | None]) -> int | None:
    return min([one for one in severities if one is not None], default=None)


def weight(severity: int | None) -> int:
    """How much it weighs what was asked about something of this severity, against what was asked about something else; 1 is the most."""
    return severity if severity in PRESSING else LEAST

"""Does a new rulebook tag far more than its history promises? A comparison of shares, not of numbers: a busy day is no suspicion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ENOUGH: Final = 50
"""Decisions on either side, below which nothing is said."""
OFTEN: Final = 0.25
"""Share of decisions below which a tag is never suspicious."""
TIMES: Final = 5
"""How much more often than before."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How many decisions, and how many of them added each tag."""

    decisions: int = 0
    tags: Mapping[str, int] = field(default_factory=dict)


def suspects(live: Sample, before: Sample) -> tuple[str, ...]:
    """Tags that the live rulebook adds to at least a quarter of all, and at least five times as often as those before it did."""
    if live.decisions < ENOUGH or before.decisions < ENOUGH:
        return ()
    found = []
    for tag, count in live.tags.items():
        share, was = count / live.decisions, before.tags.get(tag, 0) / before.decisions
        if share >= OFTEN and share >= TIMES * was:
            found.append(tag)
    return tuple(sorted(found))

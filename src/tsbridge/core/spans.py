"""Times from one instant to another, as sets: joined, and what of some others leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

Span = tuple[datetime, datetime]
"""From (included) to (excluded)."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """In order, those that touch or overlap as one; empty ones left out."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of `spans` no time of `others` holds; both apart and in order."""
    left: list[Span] = []
    for start, end in spans:
        for since, until in others:
            if until <= start or since >= end:
                continue
            if start < since:
                left.append((start, since))
            start = until
            if start >= end:
                break
        if start < end:
            left.append((start, end))
    return left

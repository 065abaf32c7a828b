"""What is unusual: cases against the eight times of the same length before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tsbridge.reports.model import Column, Figure, Item, Measure
from tsbridge.reports.table import counted

BEFORE: Final = 8
NOW: Final = "cases opened in the time asked for"
THEN: Final = "cases opened in the eight times of the same length before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Item):
    """A case, opened in the time asked for or `before` it."""

    before: bool
    is_open: bool


def patterns() -> Sequence[Measure[Seen]]:
    def usual(items: Sequence[Seen]) -> Figure:
        return round(sum(item.before for item in items) / BEFORE, 2)

    def times(items: Sequence[Seen]) -> Figure:
        then = sum(item.before for item in items)
        return round(sum(not item.before for item in items) * BEFORE / then, 2) if then else None

    return (
        counted("cases", "Cases", "cases opened", NOW, lambda case: not case.before),
        counted("open", "Open", "of them those that are not resolved", NOW, lambda case: not case.before and case.is_open),
        counted("before", "Cases before", "cases opened before", THEN, lambda case: case.before),
        Measure(Column("usual", "Usual", "count", "an eighth of them", THEN), usual, lambda case: case.before),
        Measure(
            Column("times_usual", "Times the usual", "ratio", "cases now to the usual", f"{NOW}, and before"), times, lambda case: True
        ),
    )

"""Cover as it was: when nobody was on call, and whom that left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tsbridge.reports.model import SECOND, Column, Item, Measure
from tsbridge.reports.table import cases_counted, counted, summed

UNCOVERED = "times without anybody on call for a queue, within the time asked for and up to `as_of`, by the roster as it was known then"
TOLD = "messages that were due in the time asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole(Item):
    """A time without anybody on call, from `at` to `end`; or, without an end, a message that had nobody to go to."""

    end: datetime | None = None
    goes_on: bool = False

    def lasted_s(self) -> int | None:
        return None if self.end is None else (self.end - self.at) // SECOND


def coverage() -> Sequence[Measure[Hole]]:
    def longest(items: Sequence[Hole]) -> int:
        return max((item.lasted_s() or 0 for item in items), default=0)

    column = Column("longest_s", "Longest", "s", "the longest of them", UNCOVERED, time="calendar")
    return (
        counted("holes", "Holes", "times without anybody on call", UNCOVERED, lambda hole: hole.end is not None),
        summed(
            "uncovered_s",
            "Uncovered",
            "s",
            "how long they were together, each queue and severity for itself",
            UNCOVERED,
            Hole.lasted_s,
            time="calendar",
        ),
        Measure(column, longest, lambda hole: hole.end is not None, Hole.lasted_s),
        counted("open", "Going on", "holes that are not over", UNCOVERED, lambda hole: hole.goes_on),
        counted("nobody", "Nobody told", "messages that had nobody to go to", TOLD, lambda hole: hole.end is None),
        cases_counted("cases", "Cases", "cases of such messages", TOLD, lambda hole: hole.end is None),
    )

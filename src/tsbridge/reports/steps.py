"""Figures about steps of escalations, each counted in the time in which it was armed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tsbridge.reports.model import SECOND, Item, Measure
from tsbridge.reports.table import cases_counted, counted, timed

TOLERANCE: Final = timedelta(seconds=60)
"""A step that fires within a minute of its time is in time."""
ARMED: Final = "steps armed in the time asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Item):
    """A step as it was known at `as_of`; `at` is when it was armed. `acted_at`: when we did what it asks, later than its time where we
    were; of one that has not fired None."""

    as_of: datetime
    status: str
    due_at: datetime
    acted_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status in ("armed", "paused")

    def late_s(self) -> int | None:
        """By how much it fired behind its time."""
        if self.status != "fired":
            return None
        return max(0, ((self.acted_at or self.due_at) - self.due_at) // SECOND)

    def overdue_s(self) -> int | None:
        """By how much it is behind its time and has not fired."""
        return (self.as_of - self.due_at) // SECOND if self.status == "armed" and self.due_at < self.as_of else None

    @property
    def is_late(self) -> bool:
        late = self.late_s() if self.status == "fired" else self.overdue_s()
        return late is not None and late > TOLERANCE // SECOND


def escalations() -> Sequence[Measure[Step]]:
    behind = "from its due time until it fired"
    return (
        cases_counted("cases", "Cases", "cases with steps", ARMED),
        counted("armed", "Armed", "steps that were armed, whatever became of them", ARMED),
        counted("fired", "Fired", "steps that came due and fired", ARMED, lambda step: step.status == "fired"),
        counted("acknowledged", "Acknowledged", "steps that somebody was faster than", ARMED, lambda step: step.status == "acknowledged"),
        counted("stopped", "Stopped", "steps that ended otherwise", ARMED, lambda step: step.status == "stopped"),
        counted(
            "passed", "Passed over", "steps that came due in history that was brought in quietly", ARMED, lambda s: s.status == "passed"
        ),
        counted("open", "To come", "steps still to come", ARMED, lambda step: step.is_open),
        counted("late", "Late", "steps that fired more than a minute behind their time, or are overdue by it", ARMED, lambda s: s.is_late),
        timed("late_p50_s", "Behind time, half within", behind, "steps that fired or are overdue", 50, Step.late_s, Step.overdue_s),
        timed("late_p95_s", "Behind time, 95 % within", behind, "steps that fired or are overdue", 95, Step.late_s, Step.overdue_s),
    )

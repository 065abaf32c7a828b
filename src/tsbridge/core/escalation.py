"""Escalation policies: what is armed, when its next step is due, when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tsbridge.core.calendar import Calendar
from tsbridge.core.moments import Interaction, instant_text, read_instant
from tsbridge.core.rules.language import Rulebook, Step


@dataclass(frozen=True, slots=True)
class Armed:
    """A policy whose steps are still to come. `next_step` counts from 0; `interaction`: whose moment armed it."""

    policy: str
    armed_at: datetime
    next_step: int
    interaction: Interaction

    def to_json(self) -> list[Any]:
        return [self.policy, instant_text(self.armed_at), self.next_step, list(self.interaction)]

    @classmethod
    def from_json(cls, data: list[Any]) -> Armed:
        policy, armed_at, next_step, interaction = data
        return cls(policy, read_instant(armed_at), next_step, Interaction(*interaction))


def due(step: Step, armed_at: datetime, calendars: Mapping[str, Calendar]) -> datetime | None:
    """When a step comes due: `after` on the wall clock, or that much time inside its calendar. None: never."""
    if step.within is None or step.after == timedelta(0):
        return armed_at + step.after
    calendar = calendars.get(step.within)
    return None if calendar is None else calendar.after(armed_at, step.after)


def step_due(book: Rulebook, armed: Armed, index: int) -> datetime | None:
    """When step `index` of an armed policy comes due. A step never comes before the one above it."""
    policy = book.policies.get(armed.policy)
    if policy is None or index >= len(policy.steps):
        return None
    times = [due(step, armed.armed_at, book.calendars) for step in policy.steps[: index + 1]]
    return None if any(time is None for time in times) else max(time for time in times if time is not None)


def next_due(book: Rulebook, armed: tuple[Armed, ...]) -> datetime | None:
    """The earliest step to come."""
    return min([time for one in armed if (time := step_due(book, one, one.next_step)) is not None], default=None)

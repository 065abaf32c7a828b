"""What somebody carries: hours, nights, weekends, holidays, pages received, distressing cases; and how evenly a team carries it.

Points are whole numbers, so that they are the same on every machine: an hour at work is 4. An hour at night, on a weekend or
on a holiday weighs so much more each; a page and a distressing case are worth hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from tsbridge.core.spans import Span, merged

HOUR: Final = 4
NIGHT: Final = 2
WEEKEND: Final = 2
HOLIDAY: Final = 4
PAGE: Final = 8
DISTRESSING: Final = 8
NIGHT_ENDS, NIGHT_BEGINS = 6, 22
"""Hours of the day on the wall clock."""
QUARTER: Final = timedelta(minutes=15)
"""Wall clocks are whole quarters apart: within one, in UTC, neither the hour nor the day of any of them changes."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING: Final = timedelta()
WINDOW: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Burden:
    """`worked`: time at work; `nights`, `weekends` and `holidays` are what of it lies at such times."""

    worked: timedelta = NOTHING
    nights: timedelta = NOTHING
    weekends: timedelta = NOTHING
    holidays: timedelta = NOTHING
    pages: int = 0
    distressing: int = 0

    def __add__(self, other: Burden) -> Burden:
        return Burden(
            self.worked + other.worked,
            self.nights + other.nights,
            self.weekends + other.weekends,
            self.holidays + other.holidays,
            self.pages + other.pages,
            self.distressing + other.distressing,
        )

    @property
    def points(self) -> int:
        time = HOUR * self.worked + NIGHT * self.nights + WEEKEND * self.weekends + HOLIDAY * self.holidays
        return time // timedelta(hours=1) + PAGE * self.pages + DISTRESSING * self.distressing


def of_time(spans: Iterable[Span], zone: tzinfo, is_holiday: Callable[[date], bool]) -> Burden:
    """The burden of spans of time at work, in the zone of whoever works. Spans that overlap count once."""
    worked = nights = weekends = holidays = NOTHING
    for start, end in merged(spans):
        at = start.astimezone(UTC)
        while at < end:
            local, cut = at.astimezone(zone), min(end, at - (at - EPOCH) % QUARTER + QUARTER)
            lasts = cut - at
            worked += lasts
            nights += lasts if local.hour >= NIGHT_BEGINS or local.hour < NIGHT_ENDS else NOTHING
            weekends += lasts if local.weekday() >= 5 else NOTHING
            holidays += lasts if is_holiday(local.date()) else NOTHING
            at = cut
    return Burden(worked, nights, weekends, holidays)


def jain(values: Sequence[int]) -> float:
    """Jain's index of fairness: 1 where all carry the same, 1/n where one carries all; 1 where nobody carries anything."""
    squares = sum(value * value for value in values)
    return 1.0 if squares == 0 else sum(values) ** 2 / (len(values) * squares)

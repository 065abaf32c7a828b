"""Calendars: when a team is there. Weekly hours in a zone, holidays, and counting time inside the open hours.

All arithmetic runs on UTC instants between the openings and closings of local days, so a day of 23 or 25 hours counts
as what it is: a wall time in a skipped hour reads with the offset before the gap, one in a repeated hour is the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Final

import holidays

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY: Final = 24 * 60
HORIZON: Final = timedelta(days=400)
"""How far ahead an opening is looked for; a calendar that never opens has none."""

Span = tuple[int, int]
"""Minutes of the local day, from (included) and to (excluded)."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Open hours. `hours`: for each weekday (0 is Monday) its spans, sorted, none overlapping. `always`: never closed."""

    name: str
    zone: tzinfo
    hours: tuple[tuple[Span, ...], ...] = ((),) * 7
    closed: frozenset[date] = frozenset()
    country: str | None = None
    subdivision: str | None = None
    always: bool = False

    def is_open(self, at: datetime) -> bool:
        if self.always:
            return True
        return any(start <= at < end for start, end in self._spans_around(at))

    def is_holiday(self, day: date) -> bool:
        return day in self.closed or (self.country is not None and day in country_holidays(self.country, self.subdivision, day.year))

    def next_change(self, at: datetime) -> datetime | None:
        """The next instant after `at` at which it opens or closes."""
        if self.always:
            return None
        for start, end in self.spans(at):
            if start > at:
                return start
            if end > at and not self.is_open(end):
                return end
        return None

    def after(self, at: datetime, open_time: timedelta) -> datetime | None:
        """The instant by which `open_time` has passed inside the open hours since `at`; None when it never does.

        It is one at which it is open: an end that falls on the closing is the next opening, as Zendesk's own library for
        business hours has it. So nothing to wait for is done at once when it is open, else at the next opening.
        """
        if self.always:
            return at + open_time
        left = open_time
        for start, end in self.spans(at):
            start = max(start, at)
            if end <= start:
                continue
            if left < end - start:
                return start + left
            left -= end - start
        return None

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` it was open."""
        if end <= start:
            return timedelta()
        if self.always:
            return end - start
        total = timedelta()
        for opened, closed in self.spans(start):
            if opened >= end:
                break
            total += max(min(closed, end) - max(opened, start), timedelta())
        return total

    def spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Open spans in UTC that end after `at`, in order and apart, up to the horizon."""
        behind = at
        day = at.astimezone(self.zone).date() - timedelta(days=1)
        last = (at + HORIZON).astimezone(self.zone).date()
        while day <= last:
            for start, end in self._spans_of(day):
                if end > behind:  # a night may reach into the next day's hours
                    yield max(start, behind) if behind > at else start, end
                    behind = end
            day += timedelta(days=1)

    def _spans_around(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = at.astimezone(self.zone).date()
        for near in (day - timedelta(days=1), day, day + timedelta(days=1)):
            yield from self._spans_of(near)

    def _spans_of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if self.is_holiday(day):
            return
        for start, end in self.hours[day.weekday()]:
            opened, closed = self._instant(day, start), self._instant(day, end)
            if opened < closed:
                yield opened, closed

    def _instant(self, day: date, minute: int) -> datetime:
        whole, rest = divmod(minute, MINUTES_A_DAY)
        local = datetime.combine(day + timedelta(days=whole), time(rest // 60, rest % 60), self.zone)
        # A wall time that does not exist reads with the offset before the gap: it lands behind the gap, as it should.
        return local.astimezone(UTC)


ALWAYS: Final = Calendar("always", UTC, always=True)


@lru_cache(maxsize=512)
def country_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Public holidays of a country in one year. Raises LookupError for a country or subdivision that the library does not know."""
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
    except NotImplementedError:  # the library's word for it
        raise LookupError(country, subdivision) from None


def read_hours(text: str) -> tuple[Span, ...]:
    """`"06:00-22:00"` or several with commas; an end at or before the start goes over midnight; `24:00` ends a day.

    Raises ValueError with what was expected.
    """
    spans = []
    for part in text.split(","):
        start_text, dash, end_text = part.strip().partition("-")
        if not dash:
            raise ValueError('expected hours like "06:00-22:00"')
        start, end = _minute(start_text), _minute(end_text)
        if start == MINUTES_A_DAY:
            raise ValueError("a day begins at 00:00, not at 24:00")
        spans.append((start, end if end > start else end + MINUTES_A_DAY))
    spans.sort()
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise ValueError("hours of one day overlap")
    return tuple(spans)


def read_days(text: str) -> tuple[int, ...]:
    """`mon`, `mon-fri`, `sat-sun` or several with commas, as weekday numbers (0 is Monday)."""
    days: list[int] = []
    for part in text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError('expected days like "mon-fri" or "sat"')
        start, end = DAYS.index(first), DAYS.index(last) if dash else DAYS.index(first)
        days.extend(range(start, end + 1) if start <= end else (*range(start, 7), *range(end + 1)))
    return tuple(dict.fromkeys(days))


def _minute(text: str) -> int:
    hour, colon, minute = text.strip().partition(":")
    if not (colon and hour.isdigit() and minute.isdigit() and len(minute) == 2):
        raise ValueError('expected a time like "06:00"')
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > MINUTES_A_DAY:
        raise ValueError("expected a time from 00:00 to 24:00")
    return total

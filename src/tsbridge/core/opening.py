"""Hours, days of the week and dates as a rulebook writes them, read into numbers and days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from tsbridge.core.calendar import DAYS, MINUTES_A_DAY, Hours

CLOSED: Final = "closed"
LONGEST: Final = 366
"""Days of a range of dates."""
ANY_YEAR: Final = 2000
"""One that has all days, for dates of every year."""
_NEW_YEAR: Final = date(ANY_YEAR, 1, 1)
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_OF_EVERY_YEAR: Final = re.compile(r"[0-9]{2}-[0-9]{2}", re.ASCII)
_EXPECTED: Final = "expected a date like 2026-12-24, one of every year like 12-24, or a range like 2026-12-24..2026-12-31"


@dataclass(frozen=True, slots=True)
class Dates:
    """Days from `first` to `last`, both included. `yearly`: of every year, told in the year 2000; then `last` may come before `first`."""

    first: date
    last: date
    yearly: bool

    @property
    def length(self) -> int:
        days = (self.last - self.first).days + 1
        return days if days > 0 else days + LONGEST

    def __iter__(self) -> Iterator[date]:
        if not self.yearly:
            return (self.first + timedelta(days=n) for n in range(self.length))
        begin = (self.first - _NEW_YEAR).days
        return (_NEW_YEAR + timedelta(days=(begin + n) % LONGEST) for n in range(self.length))


def read_hours(text: str) -> Hours:
    """`"06:00-22:00"` or several with commas; an end at or before the start goes over midnight; `24:00` ends a day; `closed` is none.

    Raises ValueError with what was expected.
    """
    if text.strip() == CLOSED:
        return ()
    spans = []
    for part in text.split(","):
        start_text, dash, end_text = part.strip().partition("-")
        if not dash:
            raise ValueError('expected hours like "06:00-22:00", or closed')
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


def read_dates(text: str) -> Dates:
    """`2026-12-24`, `12-24` of every year, or a range of either with `..`. Raises ValueError with what was expected."""
    first_text, dots, last_text = text.partition("..")
    ends = [end.strip() for end in ((first_text, last_text) if dots else (first_text, first_text))]
    yearly = all(_OF_EVERY_YEAR.fullmatch(end) for end in ends)
    if not yearly and not all(_DATE.fullmatch(end) for end in ends):
        raise ValueError(_EXPECTED)
    try:
        first, last = (date.fromisoformat(f"{ANY_YEAR}-{end}" if yearly else end) for end in ends)
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if not yearly and not 0 <= (last - first).days < LONGEST:
        raise ValueError("expected a range that ends after it begins, within a year")
    return Dates(first, last, yearly)


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError('expected a time like "06:00"')
    hour, minute = int(found[1]), int(found[2])
    if minute > 59 or hour * 60 + minute > MINUTES_A_DAY:
        raise ValueError("expected a time from 00:00 to 24:00")
    return hour * 60 + minute

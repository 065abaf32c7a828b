"""Calendars: when a team is there. Weekly hours in a zone, days with hours of their own, and counting time inside the open hours.

All arithmetic runs on UTC instants between the openings and closings of local days, so a day of 23 or 25 hours counts
as what it is: a wall time in a skipped hour reads with the offset before the gap, one in a repeated hour is the first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.public_days import PublicDays, folded

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY: Final = 24 * 60
HORIZON: Final = timedelta(days=400)
"""How far ahead an opening is looked for; a calendar that never opens has none."""

MONTHS_KEPT: Final = 240
"""So many months of a calendar are kept as instants, once asked for."""

Span = tuple[int, int]
"""Minutes of the local day, from (included) and to (excluded)."""
Hours = tuple[Span, ...]
"""The spans of one day, sorted, none overlapping; a night belongs to the day it starts on. None at all: closed."""


def hours_text(hours: Hours) -> str:
    """As a rulebook writes them; an end on the next day comes before its start."""
    return ",".join(f"{_clock(start)}-{_clock(end)}" for start, end in hours) or "closed"


def _clock(minute: int) -> str:
    minute = minute if minute <= MINUTES_A_DAY else minute - MINUTES_A_DAY
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True, slots=True)
class Day:
    """One local day: its hours and why it has them.

    `why`: `weekday`; `date` and `yearly`, an entry of the calendar's own; `holiday`, as the country has it; `moved`, a free day
    that the country works. `names`: what the country calls a holiday. `holiday`: closed because of what day it is.
    """

    hours: Hours
    why: str
    holiday: bool = False
    names: tuple[str, ...] = ()


def _month_of(at: datetime) -> int:
    """The month of UTC that an instant is in, counted from the year 0."""
    utc = at.astimezone(UTC)
    return utc.year * 12 + utc.month - 1


def _first(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """The open time of one month of UTC, to look up in: spans in order and apart, and how much is open until the end of each."""

    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    until: tuple[timedelta, ...]

    @classmethod
    def of(cls, month: int, spans_of: Callable[[date], Iterable[tuple[datetime, datetime]]]) -> OpenMonth:
        """`spans_of`: of a local day."""
        behind, last = _first(month), _first(month + 1)
        starts, ends, until = [], [], []
        total = timedelta()
        day = behind.date() - timedelta(days=2)  # a zone is up to half a day apart, and a night reaches into the next day
        while day <= last.date():
            for start, end in spans_of(day):
                start, end = max(start, behind), min(end, last)
                if start < end:
                    total += end - start
                    starts.append(start)
                    ends.append(end)
                    until.append(total)
                    behind = end
            day += timedelta(days=1)
        return cls(tuple(starts), tuple(ends), tuple(until))

    @property
    def total(self) -> timedelta:
        return self.until[-1] if self.until else timedelta()

    def is_open(self, at: datetime) -> bool:
        place = bisect_right(self.starts, at)
        return place > 0 and at < self.ends[place - 1]

    def before(self, at: datetime) -> timedelta:
        """How much is open before `at`."""
        place = bisect_right(self.starts, at)
        if not place:
            return timedelta()
        return self.until[place - 1] - max(self.ends[place - 1] - at, timedelta())

    def when(self, passed: timedelta) -> datetime:
        """The open instant before which `passed` is open, less than the whole."""
        place = bisect_right(self.until, passed)
        return self.ends[place] - (self.until[place] - passed)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Open hours. `hours`: for each weekday (0 is Monday). `always`: never closed.

    `dates` and `yearly` (month and day) are days with hours of their own; with None a day is as its weekday, whatever the country
    says. `without`: holidays of the country that are not kept, their names folded. `almanac`: who knows the country's days.
    """

    name: str
    zone: tzinfo
    hours: tuple[Hours, ...] = ((),) * 7
    dates: Mapping[date, Hours | None] = field(default_factory=dict, hash=False)
    yearly: Mapping[tuple[int, int], Hours | None] = field(default_factory=dict, hash=False)
    country: str | None = None
    subdivision: str | None = None
    without: frozenset[str] = frozenset()
    always: bool = False
    almanac: Almanac = field(default=INSTALLED, repr=False, compare=False)
    _months: dict[int, OpenMonth] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_open(self, at: datetime) -> bool:
        return self.always or self._month(_month_of(at)).is_open(at)

    def is_holiday(self, day: date) -> bool:
        return self.day(day).holiday

    def day(self, day: date) -> Day:
        """A local day: by its date, else by its date of every year, else as the country has it, else by its weekday."""
        usual = self.hours[day.weekday()]
        if day in self.dates:
            own, why = self.dates[day], "date"
        elif (day.month, day.day) in self.yearly:
            own, why = self.yearly[day.month, day.day], "yearly"
        elif self.country is not None:
            return self._as_the_country_has_it(day, usual, self.almanac.days(self.country, self.subdivision, day.year))
        else:
            return Day(usual, "weekday")
        return Day(usual, why) if own is None else Day(own, why, holiday=not own)

    def _as_the_country_has_it(self, day: date, usual: Hours, known: PublicDays) -> Day:
        names = known.names.get(day, ())
        if self.without:
            names = tuple(name for name in names if folded(name) not in self.without)
        if names:
            return Day((), "holiday", holiday=True, names=names)
        return Day(self.hours[0], "moved") if not usual and day in known.worked else Day(usual, "weekday")

    def next_change(self, at: datetime) -> datetime | None:
        """The next instant after `at` at which it opens or closes."""
        if self.always:
            return None
        is_open = False
        for start, end in self.spans(at):
            if start > at and not is_open:
                return start
            if not self.is_open(end):
                return end
            is_open = True  # goes on without a break: two days of 24 hours
        return None

    def after(self, at: datetime, open_time: timedelta) -> datetime | None:
        """The instant by which `open_time` has passed inside the open hours since `at`; None when it never does.

        It is one at which it is open: an end that falls on the closing is the next opening, as Zendesk's own library for
        business hours has it. So nothing to wait for is done at once when it is open, else at the next opening.
        """
        if self.always:
            return at + open_time
        first = _month_of(at)
        left = self._month(first).before(at) + open_time
        for month in range(first, _month_of(at + HORIZON) + 1):
            open_month = self._month(month)
            if left < open_month.total:
                found = open_month.when(left)
                return found if found <= at + HORIZON else None
            left -= open_month.total
        return None

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` it was open."""
        if end <= start:
            return timedelta()
        if self.always:
            return end - start
        first, last = _month_of(start), _month_of(end)
        whole = sum((self._month(month).total for month in range(first, last)), timedelta())
        return whole + self._month(last).before(end) - self._month(first).before(start)

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

    def _month(self, month: int) -> OpenMonth:
        found = self._months.get(month)
        if found is None:
            if len(self._months) >= MONTHS_KEPT:
                self._months.clear()
            found = self._months[month] = OpenMonth.of(month, self._spans_of)
        return found

    def _spans_of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for start, end in self.day(day).hours:
            opened, closed = self._instant(day, start), self._instant(day, end)
            if opened < closed:
                yield opened, closed

    def _instant(self, day: date, minute: int) -> datetime:
        whole, rest = divmod(minute, MINUTES_A_DAY)
        local = datetime.combine(day + timedelta(days=whole), time(rest // 60, rest % 60), self.zone)
        # A wall time that does not exist reads with the offset before the gap: it lands behind the gap, as it should.
        return local.astimezone(UTC)


ALWAYS: Final = Calendar("always", UTC, always=True)

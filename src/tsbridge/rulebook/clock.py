"""Conditions on the time: an instant that fits them, or the proof that none does.

First come instants worth a try. When none of them fits, a whole year is gone through, at every instant at which an hour
begins or a calendar opens or closes. Next year the holidays fall otherwise, so no proof builds on where they fall this year.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import cached_property
from itertools import islice
from typing import Final

from tsbridge.core.calendar import DAYS, MINUTES_A_DAY, Calendar, Hours
from tsbridge.core.moments import Value
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.rules.language import Leaf, Rulebook
from tsbridge.rulebook.solved import NONE, UNKNOWN, Literal, Part, Solved, unchanging
from tsbridge.rulebook.worlds import WORKDAY

YEAR: Final = timedelta(days=371)
DATES: Final = 50
"""Dates written out in one calendar that are tried, the past ones too."""
SPANS: Final = 3
"""Openings and closings from such a day on that are tried."""
WHOLE_DAY: Final = ((0, MINUTES_A_DAY),)


class Clock:
    """The time of one team with the calendars of one book. `fits` tells whether facts turn out as wanted."""

    def __init__(self, book: Rulebook, zone: tzinfo, fits: Callable[[Part, Sequence[Literal]], bool]) -> None:
        self._calendars = book.calendars
        self._zone = zone
        self._fits = fits
        self._held: dict[Leaf, int] = {}
        self._held_in_year: dict[Leaf, int] = {}

    def solve(self, literals: Sequence[Literal]) -> Solved:
        left = (1 << len(self._instants)) - 1
        for leaf, wanted in literals:
            left &= self._when(leaf) if wanted else ~self._when(leaf)
        if left:
            return Solved(Part(at=self._instants[(left & -left).bit_length() - 1]))
        if not unchanging(literals):
            return UNKNOWN
        return NONE if self._one_by_one(literals) or self._all_year(literals) else UNKNOWN

    # -- instants worth a try ----------------------------------------------------------------------------------------

    def _when(self, leaf: Leaf) -> int:
        """The instants at which a condition holds, one bit each."""
        found = self._held.get(leaf)
        if found is None:
            found = sum(1 << place for place, at in enumerate(self._instants) if self._fits(Part(at=at), ((leaf, True),)))
            self._held[leaf] = found
        return found

    @cached_property
    def _instants(self) -> tuple[datetime, ...]:
        return tuple(dict.fromkeys(self._likely()))

    def _likely(self) -> Iterator[datetime]:
        """The usual one, every hour of a week in winter and in summer, openings and closings, holidays."""
        yield WORKDAY
        for week in (0, 26):
            start = WORKDAY + timedelta(weeks=week)
            start = (start - timedelta(days=start.weekday())).astimezone(self._zone).replace(hour=0, minute=30)
            yield from ((start + timedelta(hours=hour)).astimezone(UTC) for hour in range(7 * 24))
        for calendar in self._calendars.values():
            change = calendar.next_change(WORKDAY)
            for _ in range(20):
                if change is None:
                    break
                yield change
                change = calendar.next_change(change)
            coming = ((WORKDAY + timedelta(days=day)).date() for day in range(366))
            written = sorted(day for day in calendar.dates if day.year in YEARS)[:DATES]
            for day in (*written, *(day for day in coming if calendar.day(day).why != "weekday")):
                noon = datetime.combine(day, time(12), self._zone)
                yield from ((noon + timedelta(hours=hours)).astimezone(UTC) for hours in (0, -9, -4, 4, 9))
                morning = noon - timedelta(hours=13)
                yield from (at for span in islice(calendar.spans(morning.astimezone(UTC)), SPANS) for at in span if at > morning)

    # -- proofs ------------------------------------------------------------------------------------------------------

    def _one_by_one(self, literals: Sequence[Literal]) -> bool:
        """Whether a field alone can never be as wanted, or a calendar never open or never closed."""
        for name in {leaf.field for leaf, _ in literals}:
            mine = [(leaf, wanted) for leaf, wanted in literals if leaf.field == name]
            if name == "time.now":
                excluded = any(not self._allows(leaf, wanted) for leaf, wanted in mine)
            else:
                excluded = not any(self._fits(Part({name: value}), mine) for value in self._values(name))
            if excluded:
                return True
        return False

    def _values(self, name: str) -> Sequence[Value]:
        if name == "time.hour":
            return range(24)
        if name == "time.weekday":
            return DAYS
        return (False, True) if any(_has_holidays(calendar) for calendar in self._calendars.values()) else (False,)

    def _allows(self, leaf: Leaf, wanted: bool) -> bool:
        if leaf.operator == "present":
            return wanted
        calendar = self._calendars.get(leaf.value)
        if calendar is None or calendar.always:
            return wanted is (calendar is not None)
        if wanted:
            return any(calendar.hours) or _opens(calendar)
        return _rests(calendar) or any(day != WHOLE_DAY for day in calendar.hours)

    def _all_year(self, literals: Sequence[Literal]) -> bool:
        """Whether no instant of a year fits, wherever days of their own may fall: what they may close or open counts as both."""
        left = (1 << len(self._year)) - 1
        for leaf, wanted in literals:
            if leaf.field == "time.holiday" or leaf.operator == "present":
                continue
            if leaf.operator == "within_hours" and (_opens if wanted else _rests)(self._calendars[leaf.value]):
                continue
            left &= self._when_in_year(leaf) if wanted else ~self._when_in_year(leaf)
        return not left

    def _when_in_year(self, leaf: Leaf) -> int:
        found = self._held_in_year.get(leaf)
        if found is None:
            if leaf.operator == "within_hours":
                truths = self._open(self._calendars[leaf.value])
            else:
                hold = {value for value in self._values(leaf.field) if self._fits(Part({leaf.field: value}), ((leaf, True),))}
                truths = (value in hold for value in (self._hours if leaf.field == "time.hour" else self._days))
            found = int("".join("1" if truth else "0" for truth in truths)[::-1], 2)
            self._held_in_year[leaf] = found
        return found

    def _open(self, calendar: Calendar) -> Iterator[bool]:
        if calendar.always:
            return iter([True] * len(self._year))
        spans = list(calendar.spans(WORKDAY))
        starts = [start for start, _ in spans]
        return (place > 0 and at < spans[place - 1][1] for at in self._year for place in (bisect_right(starts, at),))

    @cached_property
    def _year(self) -> tuple[datetime, ...]:
        """Every instant of a year at which the hour or the state of a calendar may change."""
        end = WORKDAY + YEAR
        quarters = {WORKDAY + timedelta(minutes=15 * n) for n in range(int(YEAR / timedelta(minutes=15)))}
        edges = {at for calendar in self._calendars.values() if not calendar.always for span in calendar.spans(WORKDAY) for at in span}
        hours = {at for at in quarters if at.astimezone(self._zone).minute == 0}
        return tuple(sorted(at for at in hours | edges if WORKDAY <= at < end))

    @cached_property
    def _hours(self) -> tuple[Value, ...]:
        return tuple(at.astimezone(self._zone).hour for at in self._year)

    @cached_property
    def _days(self) -> tuple[Value, ...]:
        return tuple(DAYS[at.astimezone(self._zone).weekday()] for at in self._year)


def _rests(calendar: Calendar) -> bool:
    """Whether a date may close it."""
    return calendar.country is not None or bool(calendar.dates or calendar.yearly)


def _opens(calendar: Calendar) -> bool:
    """Whether a date may open it at other hours than those of the week."""
    return any(_own_hours(calendar)) or (
        calendar.country is not None and calendar.almanac.days(calendar.country, calendar.subdivision, WORKDAY.year).moves
    )


def _has_holidays(calendar: Calendar) -> bool:
    return calendar.country is not None or () in _own_hours(calendar)


def _own_hours(calendar: Calendar) -> tuple[Hours | None, ...]:
    return (*calendar.dates.values(), *calendar.yearly.values())

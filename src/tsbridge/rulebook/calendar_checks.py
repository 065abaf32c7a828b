"""Calendars whose country says nothing, or not what the calendar takes away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tsbridge.core.calendar import Calendar
from tsbridge.core.public_days import folded
from tsbridge.core.rules.findings import Finding, escape, nearest
from tsbridge.rulebook.worlds import WORKDAY

ASKED: Final = (WORKDAY.year, WORKDAY.year + 1)
"""Years that must have holidays."""
KNOWN: Final = range(WORKDAY.year - 2, WORKDAY.year + 4)
"""Years in which a holiday that is not kept is looked for: some do not come every year."""


def calendars(made: Iterable[Calendar]) -> Iterator[Finding]:
    for calendar in made:
        if calendar.country is None:
            continue
        path = f"/calendars/{escape(calendar.name)}/holidays"
        for year in ASKED:
            if not calendar.almanac.days(calendar.country, calendar.subdivision, year).names:
                words = f"{calendar.almanac.library} has no holiday of {calendar.country} in {year}: none is kept; write them into dates"
                yield Finding("warning", "no_holidays", words, f"{path}/country")
        if not calendar.without:
            continue
        years = (calendar.almanac.days(calendar.country, calendar.subdivision, year).names for year in KNOWN)
        known = {folded(name) for year in years for names in year.values() for name in names}
        for name in sorted(calendar.without - known):
            words = f"{calendar.country} has no holiday {name}: nothing is taken away{nearest(name, known)}"
            yield Finding("warning", "unknown_holiday", words, f"{path}/without")

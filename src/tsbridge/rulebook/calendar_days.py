"""The days of a rulebook's calendars that are not like their weekday, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from typing_extensions import TypedDict

from tsbridge.core.calendar import DAYS, Calendar, hours_text
from tsbridge.core.rules.language import Rulebook


class DayShown(TypedDict):
    date: str
    weekday: str
    hours: str
    holiday: bool
    why: str
    names: list[str]


class CalendarShown(TypedDict):
    name: str
    timezone: str | None
    country: str | None
    subdivision: str | None
    hours: dict[str, str]
    days: list[DayShown]


CalendarDays = TypedDict("CalendarDays", {"from": str, "to": str, "library": str, "zone_rules": str, "calendars": list[CalendarShown]})


def calendar_days(book: Rulebook, first: date, last: date) -> CalendarDays:
    """Every calendar with its days from `first` to `last`, both included. `library` and `zone_rules`: what they were resolved with."""
    made = [calendar for name, calendar in sorted(book.calendars.items()) if not calendar.always]
    return {
        "from": str(first),
        "to": str(last),
        "library": book.almanac.library,
        "zone_rules": book.almanac.zone_rules,
        "calendars": [_calendar(calendar, first, last) for calendar in made],
    }


def _calendar(calendar: Calendar, first: date, last: date) -> CalendarShown:
    return {
        "name": calendar.name,
        "timezone": calendar.zone.key if isinstance(calendar.zone, ZoneInfo) else None,
        "country": calendar.country,
        "subdivision": calendar.subdivision,
        "hours": {name: hours_text(hours) for name, hours in zip(DAYS, calendar.hours, strict=True)},
        "days": list(_days(calendar, first, last)),
    }


def _days(calendar: Calendar, first: date, last: date) -> Iterator[DayShown]:
    for n in range((last - first).days + 1):
        date_ = first + timedelta(days=n)
        day = calendar.day(date_)
        if day.why != "weekday":
            yield {
                "date": str(date_),
                "weekday": DAYS[date_.weekday()],
                "hours": hours_text(day.hours),
                "holiday": day.holiday,
                "why": day.why,
                "names": list(day.names),
            }

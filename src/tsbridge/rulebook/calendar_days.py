"""The days of a rulebook's calendars that are not like their weekday, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tsbridge.core.calendar import DAYS, Calendar, hours_text
from tsbridge.core.rules.language import Rulebook


def calendar_days(book: Rulebook, first: date, last: date) -> dict[str, Any]:
    """Every calendar with its days from `first` to `last`, both included. `library` and `zone_rules`: what they were resolved with."""
    made = [calendar for name, calendar in sorted(book.calendars.items()) if not calendar.always]
    return {
        "from": str(first),
        "to": str(last),
        "library": book.almanac.library,
        "zone_rules": book.almanac.zone_rules,
        "calendars": [_calendar(calendar, first, last) for calendar in made],
    }


def _calendar(calendar: Calendar, first: date, last: date) -> dict[str, Any]:
    return {
        "name": calendar.name,
        "timezone": calendar.zone.key if isinstance(calendar.zone, ZoneInfo) else None,
        "country": calendar.country,
        "subdivision": calendar.subdivision,
        "hours": {name: hours_text(hours) for name, hours in zip(DAYS, calendar.hours, strict=True)},
        "days": list(_days(calendar, first, last)),
    }


def _days(calendar: Calendar, first: date, last: date) -> Iterator[dict[str, Any]]:
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

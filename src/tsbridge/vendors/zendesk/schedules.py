"""Zendesk's schedules as calendars of a rulebook (reference section 8.2, `business_hours/schedules`).

Theirs are minutes since Sunday 00:00 on the clock of a zone with Rails's name; holidays are whole days of that zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from tsbridge.core import zones
from tsbridge.core.calendar import DAYS, MINUTES_A_DAY, Hours, Span, hours_text

A_WEEK: Final = 7 * MINUTES_A_DAY
LONGEST: Final = 366
"""Days of one entry of a calendar."""
NEVER: Final = {"mon-sun": "closed"}


@dataclass(frozen=True, slots=True)
class Carried:
    """Calendars by name as a rulebook writes them, and what could not be carried over, in words."""

    calendars: Mapping[str, Any]
    left: tuple[str, ...]


def as_calendars(schedules: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> Carried:
    """`schedules`: each with its holidays, as the API gives them."""
    calendars: dict[str, Any] = {}
    left: list[str] = []
    for schedule, holidays in schedules:
        name = _name(schedule, calendars)
        zone = str(schedule.get("time_zone"))
        try:
            zones.zone(zone)
        except LookupError:
            left.append(f"{name}: its time zone has no name that we know; set timezone")
        try:
            calendars[name] = {"timezone": zone, "hours": _hours(_intervals(schedule))}
            if dates := [one for holiday in holidays for one in _dates(holiday)]:
                calendars[name]["holidays"] = {"dates": dates}
        except (ValueError, TypeError, KeyError):
            calendars.pop(name, None)
            left.append(f"{name}: is not as Zendesk describes schedules")
    return Carried(calendars, tuple(left))


def _name(schedule: Mapping[str, Any], taken: Mapping[str, Any]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", str(schedule.get("name") or "")).strip("-._")[:60].lower()
    id_ = str(schedule.get("id"))
    if not plain:
        return f"schedule-{id_}"
    return f"{plain}-{id_}" if plain in taken or plain == "always" else plain


def _intervals(schedule: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Minutes since Sunday 00:00, in order and apart. An end of 0 is the end of the week."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((int(one["start_time"]), int(one["end_time"]) or A_WEEK) for one in schedule.get("intervals") or ()):
        if not 0 <= start < end <= A_WEEK:
            raise ValueError("no interval of a week")
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _hours(intervals: Sequence[tuple[int, int]]) -> dict[str, str]:
    """By days as a rulebook writes them. Cut at midnight: a holiday of theirs closes its own day, and not the rest of a night."""
    week: list[Hours] = [tuple(_on(intervals, (day + 1) % 7 * MINUTES_A_DAY)) for day in range(7)]
    found: dict[str, str] = {}
    first = 0
    for day in range(7):
        if day == 6 or week[day + 1] != week[day]:
            if week[day]:
                found[DAYS[first] if first == day else f"{DAYS[first]}-{DAYS[day]}"] = hours_text(week[day])
            first = day + 1
    return found or dict(NEVER)


def _on(intervals: Sequence[tuple[int, int]], midnight: int) -> Iterator[Span]:
    for start, end in intervals:
        opens, closes = max(start - midnight, 0), min(end - midnight, MINUTES_A_DAY)
        if opens < closes:
            yield opens, closes


def _dates(holiday: Mapping[str, Any]) -> Iterator[str]:
    """A holiday's days, both ends included, in pieces of at most a year."""
    first, last = (date.fromisoformat(str(holiday[name])) for name in ("start_date", "end_date"))
    if last < first:
        raise ValueError("a holiday ends before it begins")
    while first <= last:
        end = min(last, first + timedelta(days=LONGEST - 1))
        yield str(first) if first == end else f"{first}..{end}"
        first = end + timedelta(days=1)

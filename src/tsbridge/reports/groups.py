"""By what figures are grouped, and what the groups are called: `2026-11-22`, `2026-W47`, `2026-11-22T13`, `mon`, or a key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from tsbridge.core.rules.facts import YEARS
from tsbridge.reports.model import NONE, Days, Item, Question

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = timedelta(days=1)
_WEEK: Final = re.compile(r"\d{4}-W\d{2}", re.ASCII)


def labels_of(group_by: str, zone: tzinfo, days: Days) -> Callable[[Item], tuple[str, ...]]:
    """What an item is counted under; more than one where several rules matched."""
    by: dict[str, Callable[[Item], tuple[str, ...]]] = {
        "day": lambda item: (day_of(item.at, zone).isoformat(),),
        "week": lambda item: (week(day_of(item.at, zone)),),
        "hour": lambda item: (hour(item.at, zone),),
        "weekday": lambda item: (WEEKDAYS[day_of(item.at, zone).weekday()],),
        "channel": lambda item: (item.channel or NONE,),
        "category": lambda item: (item.category or NONE,),
        "severity": lambda item: (NONE if item.severity is None else str(item.severity),),
        "queue": lambda item: (item.queue or NONE,),
        "agent": lambda item: (item.agent or NONE,),
        "rule": lambda item: item.rules or (NONE,),
        "shift": lambda item: (days.shift(item.at) or NONE,),
        "holiday": lambda item: (days.holiday(item.at, item.queue) or NONE,),
    }
    return by[group_by]


def expected(question: Question) -> list[str]:
    """The groups that stand there even when nothing fell into them: a day without cases is a figure, too."""
    days = list(days_between(question.start, min(question.end, question.as_of), question.zone))
    if question.group_by == "day":
        return [day.isoformat() for day in days]
    if question.group_by == "week":
        return list(dict.fromkeys(week(day) for day in days))
    if question.group_by == "weekday":
        return [WEEKDAYS[number] for number in sorted({day.weekday() for day in days})]
    return []


def in_order(group_by: str, labels: set[str]) -> list[str]:
    """Times as they come, weekdays from Monday, keys by the alphabet; `(none)` last."""
    if group_by == "weekday":
        return [day for day in WEEKDAYS if day in labels]
    return sorted(labels, key=lambda label: (label == NONE, label))


def day_of(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()


def week(day: date) -> str:
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def monday_of(text: str) -> date:
    """The first day of a week like 2026-W47, of a year that calendars reach. Raises `ValueError` with words that do not quote the text."""
    try:
        found = date.fromisocalendar(int(text[:4]), int(text[6:]), 1) if _WEEK.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or found.year not in YEARS:
        raise ValueError("Expected a week like 2026-W47.")
    return found


def hour(at: datetime, zone: tzinfo) -> str:
    """The hour on the wall clock: when clocks go back, two hours of time share a name."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H}"


def start_of(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day. Where midnight is skipped it lies behind the gap."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def days_between(start: datetime, end: datetime, zone: tzinfo) -> Iterator[date]:
    """The days that have something of the time from `start` to `end`."""
    day = day_of(start, zone)
    while start_of(day, zone) < end:
        yield day
        day += DAY

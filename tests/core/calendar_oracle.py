"""Calendars read a second time, apart from the code: the document's words, day by day, and a clock read minute by minute.

Nothing of `tsbridge` is imported. A wall time that the clock skips is read as if it had not been changed yet; of one that it shows
twice the first counts.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = {
    "Eastern Time (US & Canada)": "America/New_York",
    "Casablanca": "Africa/Casablanca",
    "W. Europe Standard Time": "Europe/Berlin",
    "Kathmandu": "Asia/Kathmandu",
    "(GMT-08:00) Pacific Time (US & Canada)": "America/Los_Angeles",
}
Spans = tuple[tuple[int, int], ...]


class Tied(ValueError):
    """Two entries have equal right to a day and say different things of it."""


def number(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def spans_of(value: Any) -> Spans:
    parts = value.split(",") if isinstance(value, str) else [part for one in value for part in one.split(",")]
    if parts == ["closed"]:
        return ()
    found = []
    for part in parts:
        start, end = (number(side) for side in part.split("-"))
        found.append((start, end if end > start else end + 1440))
    return tuple(sorted(found))


def weekdays(key: str) -> set[str]:
    found: set[str] = set()
    for part in key.split(","):
        first, _, last = part.partition("-")
        place = WEEK.index(first)
        found.add(first)
        while last and WEEK[place] != last:
            place = (place + 1) % 7
            found.add(WEEK[place])
    return found


@lru_cache(maxsize=4_096)
def covered(key: str, day: date) -> bool:
    first, _, last = key.partition("..")
    last = last or first
    shown = day.isoformat() if len(first) == 10 else day.isoformat()[5:]
    return first <= shown <= last if first <= last else shown >= first or shown <= last


@lru_cache(maxsize=4_096)
def length(key: str) -> int:
    year = date.fromisoformat(key[:10]) if len(key.partition("..")[0]) == 10 else date(2000, 1, 1)
    return sum(covered(key, year + n * DAY) for n in range(366))


class Document:
    """One calendar as a rulebook writes it, asked for the hours of a day."""

    def __init__(self, written: dict[str, Any]) -> None:
        self.zone = ZoneInfo(ZONES.get(written["timezone"], written["timezone"]))
        self.hours = written["hours"]
        off = written.get("holidays", {})
        self.dates = off.get("dates", {})
        self.without = off.get("without", [])
        self.country, self.subdivision = off.get("country"), off.get("subdivision")

    def usual(self, weekday: str) -> Spans:
        claims = sorted((len(weekdays(key)), key) for key in self.hours if weekday in weekdays(key))
        if len(claims) > 1 and claims[0][0] == claims[1][0]:
            raise Tied(weekday)
        return spans_of(self.hours[claims[0][1]]) if claims else ()

    def spans(self, day: date) -> Spans:
        usual = self.usual(WEEK[day.weekday()])
        for width in (10, 5):  # a date of one year, then one of every year
            claims = sorted((length(key), key) for key in self.dates if len(key.partition("..")[0]) == width and covered(key, day))
            if claims:
                said = {self.said(self.dates[key]) for long, key in claims if long == claims[0][0]}
                if len(said) > 1:
                    raise Tied(day)
                return said.pop()
            if any(len(key.partition("..")[0]) == width and key[0].isdigit() and covered(key, day) for key in self.without):
                return usual
        if self.country is None:
            return usual
        names, worked = library(self.country, self.subdivision, day.year)
        if [name for name in names.get(day, ()) if name.partition(" (")[0] not in self.without]:
            return ()
        return self.usual("mon") if day in worked and not usual else usual

    def said(self, value: Any) -> Spans:
        return self.usual(value) if value in WEEK else spans_of(value)


@lru_cache(maxsize=256)
def library(country: str, subdivision: str | None, year: int) -> tuple[dict[date, list[str]], frozenset[date]]:
    found = holidays.country_holidays(country, subdiv=subdivision, years=year, language="en_US")
    return {day: found.get_list(day) for day in list(found)}, frozenset(found.weekend_workdays)


@dataclass(frozen=True)
class Clock:
    """What the clock on the wall shows at each minute from `start` on, as minutes since `start`'s own day began in UTC."""

    start: datetime
    shows: tuple[int, ...]
    highest: tuple[int, ...]
    """The latest time it has shown until each minute."""

    def first_at(self, wall: int) -> int:
        """The place of the minute at which it first shows a time; of a skipped one, at which it would have."""
        place = bisect_right(self.highest, wall - 1)
        if place == len(self.shows):
            return place
        if self.shows[place] == wall or place == 0:
            return place
        return place - 1 + wall - self.shows[place - 1]


@lru_cache(maxsize=64)
def walk(zone: ZoneInfo, first: date, days: int) -> Clock:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - DAY
    base = (start + DAY).replace(tzinfo=None)
    shows = [round(((start + n * MINUTE).astimezone(zone).replace(tzinfo=None) - base) / MINUTE) for n in range((days + 2) * 1440)]
    highest: list[int] = []
    for shown in shows:
        highest.append(max(shown, highest[-1]) if highest else shown)
    return Clock(start, tuple(shows), tuple(highest))


def minutes_open(document: Document, first: date, days: int) -> tuple[datetime, bytearray]:
    """From an instant on, each minute: whether it is open. Whole local days from `first` on; the day before reaches in."""
    clock = walk(document.zone, first - DAY, days + 2)
    found = bytearray(len(clock.shows))
    for n in range(days + 2):
        for opens, closes in document.spans(first - DAY + n * DAY):
            start, end = clock.first_at(n * 1440 + opens), clock.first_at(n * 1440 + closes)
            for place in range(start, min(end, len(found))):
                found[place] = 1
    begin, end = clock.first_at(1440), clock.first_at((days + 1) * 1440)
    return clock.start + begin * MINUTE, found[begin:end]

"""Random calendars against a reader written apart that walks the clock minute by minute."""

from __future__ import annotations

import os
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.core import calendar_oracle as oracle
from tsbridge.core.calendar import Calendar
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import RulebookError

DAYS = 5
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = (*oracle.ZONES, "America/Vancouver", "Australia/Lord_Howe", "Pacific/Chatham", "America/Santiago", "Asia/Beirut", "Africa/Cairo")
COUNTRIES: tuple[tuple[str, str | None], ...] = (("US", None), ("US", "WA"), ("HU", None), ("CN", None), ("CZ", None), ("DE", "BY"))
ROUNDS = int(os.environ.get("CALENDARS", "100"))
"""How many calendars are tried; `make soak` tries ten thousand."""


@lru_cache(maxsize=64)
def changes(name: str) -> list[date]:
    """The days on which a zone's clock changes."""
    zone = ZoneInfo(oracle.ZONES.get(name, name))
    start = datetime(2025, 1, 1, 12, tzinfo=UTC)
    noons = [start + n * DAY for n in range(3 * 365)]
    return [later.date() for noon, later in pairwise(noons) if noon.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset()]


@lru_cache(maxsize=64)
def turns(country: str, subdivision: str | None) -> list[date]:
    """Holidays and worked days of a country."""
    return sorted(
        {day for year in (2025, 2026, 2027) for kind in oracle.library(country, subdivision, year) for day in kind if day.year == year}
    )


def random_hours(dice: Random) -> Any:
    if dice.random() < 0.1:
        return "closed"
    if dice.random() < 0.15:
        return "00:00-24:00"
    marks = sorted(dice.sample(range(0, 1441, dice.choice([1, 15, 30])), 2 * dice.randint(1, 3)))
    spans = [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in zip(marks[::2], marks[1::2], strict=True)]
    if dice.random() < 0.4:  # the last one is a night: it ends before the first begins
        last, end = marks[-2], dice.randint(0, min(marks[0], marks[-2]))
        spans[-1] = f"{last // 60:02}:{last % 60:02}-{end // 60:02}:{end % 60:02}"
    return spans if dice.random() < 0.3 else ",".join(spans)


def random_dates(dice: Random, around: date) -> str:
    first = around + timedelta(days=dice.randint(-3, DAYS + 2))
    last = first + timedelta(days=dice.choice([0, 0, 0, 1, 2, 5, 12]))
    cut = dice.choice([0, 5])
    return first.isoformat()[cut:] if first == last else f"{first.isoformat()[cut:]}..{last.isoformat()[cut:]}"


def random_calendar(dice: Random) -> tuple[dict[str, Any], date]:
    zone = dice.choice(ZONES)
    week: dict[str, Any] = {}
    for key in dice.sample(["mon-fri", "mon-sun", "sat-sun", "sat", "mon", "wed", "fri-mon", "tue,thu", "sun-wed"], dice.randint(1, 4)):
        week[key] = random_hours(dice)
    made: dict[str, Any] = {"timezone": zone, "hours": week}
    around = date(2025, 3, 1) + timedelta(days=dice.randrange(700))
    country: tuple[str, str | None] | None = dice.choice(COUNTRIES) if dice.random() < 0.6 else None
    if dice.random() < 0.4 and changes(zone):
        around = dice.choice(changes(zone)) - timedelta(days=dice.randint(0, 3))
    elif country is not None and dice.random() < 0.7:
        around = dice.choice(turns(*country)) - timedelta(days=dice.randint(0, 3))
    off: dict[str, Any] = {}
    if country is not None:
        off = {"country": country[0]} | ({} if country[1] is None else {"subdivision": country[1]})
        names = [name for year in (2026,) for found in oracle.library(*country, year)[0].values() for name in found if "(" not in name]
        if dice.random() < 0.3:
            off["without"] = [dice.choice(names), random_dates(dice, around)]
    if dice.random() < 0.7:
        off["dates"] = {random_dates(dice, around): dice.choice([random_hours(dice), "closed", dice.choice(oracle.WEEK)]) for _ in range(3)}
    return made | ({"holidays": off} if off else {}), around


def ours(written: dict[str, Any]) -> Calendar | None:
    """The calendar as a rulebook reads it; None when it is refused."""
    rest = {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "q"}]}
    try:
        return read({"schema": 1, "queues": {"q": {}}, "calendars": {"c": written}, "rules": [rest]}).calendars["c"]
    except RulebookError:
        return None


def opened(calendar: Calendar, start: datetime, length: int) -> bytearray:
    """Each minute from `start` on: whether one of the calendar's spans has it."""
    found = bytearray(length)
    for begin, end in calendar.spans(start):
        if begin >= start + length * MINUTE:
            return found
        first, last = (max(0, min(length, round((at - start) / MINUTE))) for at in (begin, end))
        found[first:last] = b"\1" * (last - first)
    return found


def differences(dice: Random) -> list[str]:
    """What the two say differently of one random calendar."""
    written, around = random_calendar(dice)
    calendar = ours(written)
    try:
        start, minutes = oracle.minutes_open(oracle.Document(written), around, DAYS)
    except oracle.Tied:
        return [] if calendar is None else [f"taken although tied: {written}"]
    if calendar is None:  # tied on a day that nobody looks at here
        return [] if tied_somewhere(written, around) else [f"refused: {written}"]
    found = []
    if opened(calendar, start, len(minutes)) != minutes:
        found.append(f"spans of {around}: {written}")
    open_at = [place for place, one in enumerate(minutes) if one]
    turns_at = [place for place in range(1, len(minutes)) if minutes[place] != minutes[place - 1]]
    for _ in range(12):
        place = dice.choice([dice.randrange(len(minutes)), *dice.sample(turns_at, min(2, len(turns_at)))])
        at = start + place * MINUTE
        if calendar.is_open(at) is not bool(minutes[place]):
            found.append(f"is_open {at}: {written}")
        later = [turn for turn in turns_at if turn > place]
        if later and calendar.next_change(at) != start + later[0] * MINUTE:
            found.append(f"next_change {at}: {written}")
        behind = open_at[bisect_left(open_at, place) :]
        if behind:
            wait = dice.choice([0, dice.randrange(len(behind)), *([] if not later else [later[0] - place])])
            if wait < len(behind) and calendar.after(at, wait * MINUTE) != start + behind[wait] * MINUTE:
                found.append(f"after {at} {wait}: {written}")
            until = dice.randrange(place, len(minutes))
            if calendar.open_between(at, start + until * MINUTE) != sum(minutes[place:until]) * MINUTE:
                found.append(f"open_between {at} {until - place}: {written}")
    return found


def tied_somewhere(written: dict[str, Any], around: date) -> bool:
    document = oracle.Document(written)
    try:
        for n in range(-400, 400):
            document.spans(around + n * DAY)
    except oracle.Tied:
        return True
    return False


@pytest.mark.timeout(1_800)
def test_random_calendars_are_open_when_a_reader_of_every_minute_says_so() -> None:
    found: list[str] = []
    for seed in range(ROUNDS):
        found += differences(Random(f"calendar {seed}"))  # noqa: S311
        assert len(found) < 5, "\n".join(found)
    assert not found, "\n".join(found)
    kinds = [random_calendar(Random(f"calendar {seed}"))[0] for seed in range(ROUNDS)]  # noqa: S311
    assert sum(ours(one) is not None for one in kinds) > ROUNDS / 2

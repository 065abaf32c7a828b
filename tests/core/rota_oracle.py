"""A rota read a second time, apart from the code: a clock read minute by minute, turns counted one by one from the first.

Nothing of `tsbridge` is imported. A wall time that the clock shows twice is the first of the two as a start and the last as an end; one
that it skips is read as if the clock had not been changed yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.core.calendar_oracle import WEEK, library, number, spans_of, weekdays

FIRST, DAYS = date(2026, 1, 10), 330
"""The local days that a clock is read on."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Held = tuple[str, str]
"""An agent, and what they have."""


@dataclass(frozen=True)
class Wall:
    """A clock on a wall. By what it shows, in minutes since the first day began on it: when it first and when it last does."""

    first: dict[int, datetime]
    last: dict[int, datetime]

    def start(self, day: date, minute: int) -> datetime:
        return self._read(self.first, day, minute)

    def end(self, day: date, minute: int) -> datetime:
        return self._read(self.last, day, minute)

    def _read(self, shown: dict[int, datetime], day: date, minute: int) -> datetime:
        wanted = (day - FIRST).days * 1440 + minute
        if wanted in shown:
            return shown[wanted]
        before = wanted  # skipped: as long behind the last time before the gap as it would have been
        while before not in self.last:
            before -= 1
        return self.last[before] + (wanted - before) * MINUTE


@lru_cache(maxsize=8)
def wall(zone: str) -> Wall:
    clock, base = ZoneInfo(zone), datetime(FIRST.year, FIRST.month, FIRST.day)  # noqa: DTZ001 - what a wall shows has no zone
    first: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) - DAY
    for _ in range(DAYS * 1440):
        shows = round((at.astimezone(clock).replace(tzinfo=None) - base) / MINUTE)
        first.setdefault(shows, at)
        last[shows] = at
        at += MINUTE
    return Wall(first, last)


@lru_cache(maxsize=8)
def changes(zone: str) -> tuple[datetime, ...]:
    """The instants at which a clock is set forward or back."""
    clock, start = ZoneInfo(zone), datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    quarters = [start + n * 15 * MINUTE for n in range((DAYS - 20) * 96)]
    return tuple(
        one for one in quarters if one.astimezone(clock).utcoffset() != (one - 15 * MINUTE).astimezone(clock).utcoffset() and one > start
    )


@dataclass(frozen=True)
class Desk:
    """A roster as it is written, overrides as the API takes them (with instants read), time off as (agent, from, to)."""

    written: dict[str, Any]
    overrides: list[dict[str, Any]] = field(default_factory=list)
    away: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    calendars: dict[str, dict[str, Any]] = field(default_factory=dict)
    _hours: dict[tuple[str, date], list[tuple[int, int]]] = field(default_factory=dict, repr=False)

    def active(self, kind: str, at: datetime) -> list[dict[str, Any]]:
        return [one for one in self.overrides if one["kind"] == kind and one["from"] <= at < one["to"]]

    def is_there(self, agent: str, at: datetime) -> bool:
        if agent not in self.written["agents"]:
            return False
        known, clock = self.written["agents"][agent], wall(self.written["timezone"])
        if "from" in known and at < clock.start(date.fromisoformat(known["from"]), 0):
            return False
        if "until" in known and at >= clock.end(date.fromisoformat(known["until"]) + DAY, 0):
            return False
        if any(one["agent"] == agent for one in self.active("off", at)):
            return False
        return not any(who == agent and start <= at < end for who, start, end in self.away)

    def counts(self, agent: str, at: datetime) -> bool:
        return self.is_there(agent, at) and not self.written["agents"][agent].get("shadow", False)

    def turns(self, rotation: str, at: datetime) -> list[tuple[int, str]]:
        """The turns that run, by number and whose they are, the newest in front."""
        known = self.written["rotations"][rotation]
        clock = wall(known.get("timezone", self.written["timezone"]))
        day, minute = date.fromisoformat(known["starts"][:10]), number(known["starts"][11:])
        length, unit = int(known["every"][:-1]), known["every"][-1]
        found, turn, start = [], 0, clock.start(day, minute)
        while start <= at:
            if unit in "dw":
                day += length * (7 if unit == "w" else 1) * DAY
                end, following = clock.end(day, minute), clock.start(day, minute)
            else:
                end = following = start + length * (60 if unit == "h" else 1) * MINUTE
            if at < end:
                found.append((turn, known["members"][turn % len(known["members"])]))
            turn, start = turn + 1, following
        return found[::-1]

    def hours(self, shift: str, day: date) -> list[tuple[int, int]]:
        """A shift on one day, in minutes of the day."""
        if (shift, day) not in self._hours:
            self._hours[shift, day] = self._read_hours(shift, day)
        return self._hours[shift, day]

    def _read_hours(self, shift: str, day: date) -> list[tuple[int, int]]:
        known = self.written["shifts"][shift]
        plain = list(spans_of(known["hours"]))
        weekday = WEEK[day.weekday()]
        if known.get("calendar") not in self.calendars:
            return plain if weekday in weekdays(known["days"]) else []
        calendar = self.calendars[known["calendar"]]
        off = calendar.get("holidays", {})
        usual = {name: spans_of(hours) for days, hours in calendar["hours"].items() for name in weekdays(days)}
        if day.isoformat() in off.get("dates", {}):
            own = spans_of(off["dates"][day.isoformat()])
            if not own:
                return []
            if own != usual.get(weekday, ()):
                plain = [(max(a, c), min(b, d)) for a, b in plain for c, d in own if max(a, c) < min(b, d)]
        elif "country" in off:
            names, worked = library(off["country"], off.get("subdivision"), day.year)
            if names.get(day):
                return []
            if day in worked and not usual.get(weekday, ()):
                weekday = "mon"
        return plain if weekday in weekdays(known["days"]) else []

    def stints(self, shift: str, at: datetime) -> Iterator[str]:
        """Each time that a shift runs at an instant, by the day that it belongs to and where its hours begin."""
        known = self.written["shifts"][shift]
        zone = known.get("timezone", self.written["timezone"])
        clock, today = wall(zone), at.astimezone(ZoneInfo(zone)).date()
        for day in (today + n * DAY for n in range(-3, 3)):
            for opens, closes in self.hours(shift, day):
                if clock.start(day, opens) <= at < clock.end(day, closes):
                    yield f"{shift} {day} {opens}"

    def works(self, agent: str, shift: str, at: datetime) -> bool:
        replaced = any(
            one.get("instead_of") == agent and one.get("rotation") in (None, shift) and self.is_there(one["agent"], at)
            for one in self.active("shift", at)
        )
        return self.is_there(agent, at) and not replaced

    def at_work(self, at: datetime, queue: str | None) -> list[Held]:
        agents = self.written["agents"]
        found = []
        for shift, known in self.written["shifts"].items():
            for agent in known["agents"] if any(self.stints(shift, at)) else []:
                queues = known.get("queues") or agents[agent]["queues"]
                if self.works(agent, shift, at) and (queue is None or queue in queues):
                    found += [(agent, shift) for _ in self.stints(shift, at)]
        for one in self.active("shift", at):
            if self.is_there(one["agent"], at) and self.is_for(one, queue):
                found.append((one["agent"], one["id"]))
        return sorted(found)

    def is_for(self, more: dict[str, Any], queue: str | None) -> bool:
        if queue is None:
            return True
        return more["queue"] == queue if more.get("queue") is not None else queue in self.written["agents"][more["agent"]]["queues"]

    def target(self, queue: str | None, severity: int | None) -> str | None:
        def matches(line: dict[str, Any], asked: str, value: Any, lenient: bool) -> bool:
            said = line.get(asked)
            return said is None or (value is None and lenient) or value in (said if isinstance(said, list) else [said])

        for lenient in (False, True):
            for line in self.written["cover"]:
                if matches(line, "queue", queue, lenient) and matches(line, "severity", severity, lenient):
                    return str(line["oncall"])
        return None

    def on_call(self, at: datetime, queue: str | None, severity: int | None) -> list[Held]:
        return self.answering(self.target(queue, severity), queue, at)

    def answering(self, target: str | None, queue: str | None, at: datetime) -> list[Held]:
        """Who has a rotation, a shift or a line of their own."""
        meant = [one for one in self.active("oncall", at) if one.get("rotation") in (None, target) and one.get("queue") in (None, queue)][
            ::-1
        ]
        for place, one in enumerate(meant):
            if one.get("instead_of") is None:
                later = [two for two in meant[:place] if two.get("instead_of") == one["agent"] and self.counts(two["agent"], at)]
                for who in (*later[:1], *([one] if self.counts(one["agent"], at) else [])):
                    return [(who["agent"], who["id"])]
        found = []
        for what, candidates in self.slots(target, queue, at):
            for candidate in candidates:
                instead = [one for one in meant if one.get("instead_of") == candidate and self.counts(one["agent"], at)]
                if instead:
                    found.append((instead[0]["agent"], instead[0]["id"]))
                    break
                if self.counts(candidate, at) and (
                    target not in self.written["shifts"] or what in self.ids or self.works(candidate, str(target), at)
                ):
                    found.append((candidate, what))
                    break
        return found

    @property
    def ids(self) -> set[str]:
        return {one["id"] for one in self.overrides}

    def slots(self, target: str | None, queue: str | None, at: datetime) -> Iterator[tuple[str, list[str]]]:
        if target in self.written["rotations"]:
            members = self.written["rotations"][target]["members"]
            for turn, _ in self.turns(target, at):
                yield f"{target} {turn}", [members[(turn + n) % len(members)] for n in range(len(members))]
        elif target in self.written["shifts"]:
            for stint in self.stints(target, at):
                yield from ((stint, [agent]) for agent in self.written["shifts"][target]["agents"])
            for one in self.active("shift", at):
                if one.get("rotation") in (None, target) and self.is_for(one, queue):
                    yield one["id"], [one["agent"]]
        elif target is not None:
            yield target, [target]

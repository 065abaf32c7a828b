"""What an iCalendar feed says: its events, each with when it starts and how long it lasts, or the line that cannot be read.

Where libraries differ from the programs that make feeds is in reference to versions named in the tests: `DURATION` is time that
passes, `X-WR-TIMEZONE` moves nothing, our own table of zones goes before the feed's.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from tsbridge.core import zones
from tsbridge.core.limits import FEED_BYTES
from tsbridge.roster.ical_lines import Block, blocks

MOST_EVENTS: Final = 5_000
MOST_CHANGES: Final = 200
"""Rules and lists by which a zone of the feed's changes its clocks: one for every change of a century."""
DAY: Final = timedelta(days=1)
UNREADABLE: Final = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, OSError, RecursionError)
"""What the library raises for texts that are no iCalendar; it has no error of its own for them."""


class BadFeed(ValueError):
    """What is wrong, and in which line; never what the line says."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")


@dataclass(frozen=True, slots=True)
class Length:
    """How long an event lasts: whole days and `wall` on the wall clock, then `exact` as time passes."""

    days: int = 0
    wall: timedelta = timedelta()
    exact: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Start:
    """When something starts: what the wall clock of `zone` shows (kept as if it were UTC), or a whole day."""

    wall: datetime
    zone: tzinfo
    whole_day: bool

    @property
    def at(self) -> datetime:
        return instant(self.wall, self.zone)

    def as_of(self, zone: tzinfo) -> datetime:
        """What the wall clock of another zone shows then; a day stays the day."""
        return self.wall if self.whole_day else self.at.astimezone(zone).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """One VEVENT."""

    event: Any
    block: Block
    start: Start
    length: Length
    cancelled: bool
    free: bool


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """When the wall clock of `zone` shows that: the first of two, and behind the gap where it never does."""
    return wall.replace(tzinfo=zone).astimezone(UTC)


class Events:
    """The events of a feed. `zone`: where whole days are; `warned`: codes of what was read otherwise than it may have been meant."""

    def __init__(self, content: bytes, zone: tzinfo) -> None:
        if len(content) > FEED_BYTES:
            raise BadFeed(1, f"expected at most {FEED_BYTES} bytes")
        try:
            self._text = content.decode("utf-8-sig")
        except UnicodeDecodeError as wrong:
            raise BadFeed(content.count(b"\n", 0, wrong.start) + 1, "expected UTF-8") from None
        self._zone = zone
        self._own_zones: dict[str, tzinfo] = {}
        self.warned: Counter[str] = Counter()

    def series(self) -> list[list[Event]]:
        """The events of the feed, those of one UID together."""
        from icalendar import Calendar  # most processes read no feed, and these read it in processes of their own
        from icalendar.error import GloballyUniqueTZIDGuessed

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)  # we look for the zone by ourselves
                calendar: Any = Calendar.from_ical(self._text)
        except UNREADABLE:
            raise BadFeed(1, "expected an iCalendar text that begins with BEGIN:VCALENDAR and ends each part that it begins") from None
        if busy := blocks(self._text, "VFREEBUSY"):
            raise BadFeed(busy[0].begin, "expected events; a feed of free and busy times is not read")
        self._own_zones = dict(_zones(calendar.walk("VTIMEZONE")))
        events, places = calendar.walk("VEVENT"), blocks(self._text, "VEVENT")
        if len(events) > MOST_EVENTS:
            raise BadFeed(places[MOST_EVENTS].begin, f"expected at most {MOST_EVENTS} events")
        if len(events) != len(places):
            raise BadFeed(places[0].begin if places else 1, "expected each event to begin and end on lines of its own, in no other event")
        series: dict[str, list[Event]] = {}
        for number, (event, block) in enumerate(zip(events, places, strict=True)):
            series.setdefault(str(event.get("UID", number)), []).append(self._event(event, block))
        return list(series.values())

    def _event(self, event: Any, block: Block) -> Event:
        for name, _ in event.errors:
            if name in ("DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "RECURRENCE-ID"):
                raise BadFeed(block.line(str(name)), f"{name} cannot be read")
        for name in ("DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID"):
            if isinstance(event.get(name), list):
                raise BadFeed(block.line(name), f"expected one {name}")
        if "EXRULE" in event:
            raise BadFeed(block.line("EXRULE"), "EXRULE is not read; RFC 5545 has none any more")
        if "DTSTART" not in event:
            raise BadFeed(block.begin, "expected a DTSTART")
        start = self.when(event["DTSTART"], block, "DTSTART")
        status = str(event.get("STATUS", "")).upper()
        free = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
        free = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() in ("FREE", "WORKINGELSEWHERE") or free
        return Event(event, block, start, self._length(event, block, start), status == "CANCELLED", free)

    def when(self, told: Any, block: Block, name: str) -> Start:
        return self.start(told.dt, told.params, block, name)

    def start(self, value: Any, params: Mapping[str, Any], block: Block, name: str) -> Start:
        if not isinstance(value, datetime):
            if not isinstance(value, date):
                raise BadFeed(block.line(name), f"expected a day or a time as {name}")
            return Start(datetime.combine(value, time(), UTC), self._zone, True)
        if (tzid := params.get("TZID")) is not None:
            return Start(value.replace(tzinfo=UTC), self._named(str(tzid), value.replace(tzinfo=UTC), block, name), False)
        if value.tzinfo is None:
            raise BadFeed(block.line(name), f"{name} has no time zone; expected a TZID or a time in UTC")
        return Start(value.astimezone(UTC), UTC, False)

    def _named(self, tzid: str, wall: datetime, block: Block, name: str) -> tzinfo:
        """The zone of that name. Our own table goes before the feed's, which is as old as the program that wrote it."""
        own = self._own_zones.get(tzid)
        for at in (tzid, "/".join(tzid.split("/")[-2:]), "/".join(tzid.split("/")[-3:])):  # some programs put an address in front
            try:
                known = zones.zone(at)
            except LookupError:
                continue
            if own is not None and instant(wall, own) != instant(wall, known):
                self.warned["zone_differs"] += 1
            return known
        if own is None:
            raise BadFeed(block.line(name), f"the time zone of {name} is none that is known, and the feed does not tell it")
        return own

    def _length(self, event: Any, block: Block, start: Start) -> Length:
        if (told := event.get("DTEND")) is not None:
            end = self.when(told, block, "DTEND")
            if end.whole_day != start.whole_day:
                raise BadFeed(block.line("DTEND"), "expected DTEND to be a day like DTSTART, or a time like it")
            if end.at < start.at:
                raise BadFeed(block.line("DTEND"), "it ends before it starts")
            if start.whole_day:
                return Length(days=max((end.wall - start.wall).days, 1))
            same = str(end.zone) == str(start.zone)
            return Length(wall=end.wall - start.wall) if same else Length(exact=end.at - start.at)
        if (told := event.get("DURATION")) is not None:
            if not isinstance(told.dt, timedelta) or told.dt < timedelta():
                raise BadFeed(block.line("DURATION"), "expected a length of time")
            days = int(told.dt / DAY) if "D" in told.to_ical().decode() or "W" in told.to_ical().decode() else 0
            return Length(days=days, exact=told.dt - days * DAY)
        return Length(days=1 if start.whole_day else 0)


def _zones(told: Iterable[Any]) -> Iterator[tuple[str, tzinfo]]:
    """Zones that the feed tells, but those that cannot be read: whatever names one of these and none of ours cannot be read either."""
    for one in told:
        with contextlib.suppress(*UNREADABLE):
            if len(one.subcomponents) <= MOST_CHANGES and all(_once_a_year(part) for part in one.subcomponents):
                made = one.to_tz(lookup_tzid=False)
                made.utcoffset(datetime(2026, 1, 1))  # noqa: DTZ001  # some rules of its changes show only then that they lead nowhere
                yield str(one.get("TZID")), made


def _once_a_year(part: Any) -> bool:
    """Whether clocks change by one rule, for a month that there is; of others the library may look for the next change for minutes."""
    rule = part.get("RRULE", {"FREQ": ["YEARLY"]})
    if isinstance(rule, list) or rule.get("FREQ") != ["YEARLY"]:
        return False
    return all(1 <= int(month) <= 12 for month in rule.get("BYMONTH", ()))


def dates(event: Any, name: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    told = event.get(name, [])
    for line in told if isinstance(told, list) else [told]:
        for value in line.dts:
            yield value.dt, line.params

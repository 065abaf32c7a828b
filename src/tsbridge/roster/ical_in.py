"""iCalendar feeds (RFC 5545) read: time off, or a rota kept elsewhere, as spans in UTC.

Each event is read as the program that made it shows it (Google, Outlook, Apple), or the whole feed is refused with the line:
half a rota is worse than yesterday's. Where libraries differ from those programs is in reference to versions named in the
tests: a cancelled occurrence is none, `DURATION` is time that passes, `UNTIL` without a zone is the event's own wall clock,
`X-WR-TIMEZONE` moves nothing.

Reading costs what the feed makes it cost: call `read` in a process of its own.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tsbridge.core import zones
from tsbridge.core.feed_spans import Span
from tsbridge.core.limits import FEED_BYTES
from tsbridge.roster.ical_lines import Block, blocks

if TYPE_CHECKING:
    from dateutil.rrule import rrule

MOST_EVENTS: Final = 5_000
MOST_OCCURRENCES: Final = 20_000
"""Of one event, counted from its first; a night shift every day reaches back 54 years."""
MOVED_BY: Final = timedelta(days=62)
"""An occurrence so far behind the time asked for may have been moved into it."""
COARSE: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
DAY: Final = timedelta(days=1)
AWAY: Final = "off"


class BadFeed(ValueError):
    """What is wrong, and in which line; never what the line says."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")


class Feed(NamedTuple):
    """What a feed says. `warnings`: codes with how often, sorted: `free:3` are three events marked as free time, not taken as absence."""

    spans: tuple[Span, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Length:
    """How long an event lasts: whole days and `wall` on the wall clock, then `exact` as time passes."""

    days: int = 0
    wall: timedelta = timedelta()
    exact: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class _Start:
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
class _Told:
    """One VEVENT."""

    event: Any
    block: Block
    start: _Start
    length: _Length
    cancelled: bool
    free: bool


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """When the wall clock of `zone` shows that: the first of two, and behind the gap where it never does."""
    return wall.replace(tzinfo=zone).astimezone(UTC)


def read(
    content: bytes, since: datetime, until: datetime, zone: tzinfo, *, means: str = AWAY, people: Mapping[str, str] | None = None
) -> Feed:
    """The spans of a feed that touch the time from `since` to `until`, sorted; those of one agent that touch each other are one.

    `zone`: where whole days are. `means`: `off`, or whose turn it is (`rotation`, `shift`): then each summary is a name of `people`
    (by key, name or address in small letters, to the agent's key). Raises BadFeed.
    """
    return _Reader(content, zone, people if means != AWAY else None).read(since, until)


class _Reader:
    def __init__(self, content: bytes, zone: tzinfo, people: Mapping[str, str] | None) -> None:
        if len(content) > FEED_BYTES:
            raise BadFeed(1, f"expected at most {FEED_BYTES} bytes")
        try:
            self._text = content.decode("utf-8-sig")
        except UnicodeDecodeError as wrong:
            raise BadFeed(content.count(b"\n", 0, wrong.start) + 1, "expected UTF-8") from None
        self._zone = zone
        self._people = people
        self._warnings: Counter[str] = Counter()
        self._own_zones: dict[str, tzinfo] = {}
        self._last = datetime.max.replace(tzinfo=UTC)

    def read(self, since: datetime, until: datetime) -> Feed:
        self._last = until + MOVED_BY
        spans: list[Span] = []
        for told in self._series():
            spans += [span for span in self._expand(told) if span.start < until and span.end > since]
        return Feed(tuple(merged(spans)), tuple(f"{code}:{count}" for code, count in sorted(self._warnings.items())))

    # -- what the feed says ------------------------------------------------------------------------------------

    def _series(self) -> list[list[_Told]]:
        """The events of the feed, those of one UID together."""
        from icalendar import Calendar  # most processes read no feed, and these read it in processes of their own
        from icalendar.error import GloballyUniqueTZIDGuessed

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)  # we look for the zone by ourselves
                calendar: Any = Calendar.from_ical(self._text)
        except (ValueError, IndexError, KeyError, AttributeError, TypeError):
            raise BadFeed(1, "expected an iCalendar text that begins with BEGIN:VCALENDAR and ends each part that it begins") from None
        if busy := blocks(self._text, "VFREEBUSY"):
            raise BadFeed(busy[0].begin, "expected events; a feed of free and busy times is not read")
        self._own_zones = {str(one.get("TZID")): one.to_tz(lookup_tzid=False) for one in calendar.walk("VTIMEZONE")}
        events, places = calendar.walk("VEVENT"), blocks(self._text, "VEVENT")
        if len(events) > MOST_EVENTS:
            raise BadFeed(places[MOST_EVENTS].begin, f"expected at most {MOST_EVENTS} events")
        series: dict[str, list[_Told]] = {}
        for number, (event, block) in enumerate(zip(events, places, strict=True)):
            series.setdefault(str(event.get("UID", number)), []).append(self._told(event, block))
        return list(series.values())

    def _told(self, event: Any, block: Block) -> _Told:
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
        start = self._when(event["DTSTART"], block, "DTSTART")
        status = str(event.get("STATUS", "")).upper()
        free = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
        free = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() in ("FREE", "WORKINGELSEWHERE") or free
        return _Told(event, block, start, self._length(event, block, start), status == "CANCELLED", free and self._people is None)

    def _when(self, told: Any, block: Block, name: str) -> _Start:
        return self._start(told.dt, told.params, block, name)

    def _start(self, value: Any, params: Mapping[str, Any], block: Block, name: str) -> _Start:
        if not isinstance(value, datetime):
            if not isinstance(value, date):
                raise BadFeed(block.line(name), f"expected a day or a time as {name}")
            return _Start(datetime.combine(value, time(), UTC), self._zone, True)
        if (tzid := params.get("TZID")) is not None:
            return _Start(value.replace(tzinfo=UTC), self._named(str(tzid), value.replace(tzinfo=UTC), block, name), False)
        if value.tzinfo is None:
            raise BadFeed(block.line(name), f"{name} has no time zone; expected a TZID or a time in UTC")
        return _Start(value.astimezone(UTC), UTC, False)

    def _named(self, tzid: str, wall: datetime, block: Block, name: str) -> tzinfo:
        """The zone of that name. Our own table goes before the feed's, which is as old as the program that wrote it."""
        own = self._own_zones.get(tzid)
        for at in (tzid, "/".join(tzid.split("/")[-2:]), "/".join(tzid.split("/")[-3:])):  # some programs put an address in front
            try:
                known = zones.zone(at)
            except LookupError:
                continue
            if own is not None and instant(wall, own) != instant(wall, known):
                self._warnings["zone_differs"] += 1
            return known
        if own is None:
            raise BadFeed(block.line(name), f"the time zone of {name} is none that is known, and the feed does not tell it")
        return own

    def _length(self, event: Any, block: Block, start: _Start) -> _Length:
        if (told := event.get("DTEND")) is not None:
            end = self._when(told, block, "DTEND")
            if end.whole_day != start.whole_day:
                raise BadFeed(block.line("DTEND"), "expected DTEND to be a day like DTSTART, or a time like it")
            if end.at < start.at:
                raise BadFeed(block.line("DTEND"), "it ends before it starts")
            if start.whole_day:
                return _Length(days=max((end.wall - start.wall).days, 1))
            same = str(end.zone) == str(start.zone)
            return _Length(wall=end.wall - start.wall) if same else _Length(exact=end.at - start.at)
        if (told := event.get("DURATION")) is not None:
            if not isinstance(told.dt, timedelta) or told.dt < timedelta():
                raise BadFeed(block.line("DURATION"), "expected a length of time")
            days = int(told.dt / DAY) if "D" in told.to_ical().decode() or "W" in told.to_ical().decode() else 0
            return _Length(days=days, exact=told.dt - days * DAY)
        return _Length(days=1 if start.whole_day else 0)

    # -- what it means -----------------------------------------------------------------------------------------

    def _expand(self, told: Sequence[_Told]) -> Iterator[Span]:
        """The spans of the events of one UID: the series, what became of some of its occurrences, and of all from one on."""
        masters = [one for one in told if "RECURRENCE-ID" not in one.event]
        changed: dict[date, _Told] = {}
        onwards: dict[datetime, tuple[_Told, timedelta]] = {}
        for one in sorted((one for one in told if "RECURRENCE-ID" in one.event), key=_sequence):
            named = one.event["RECURRENCE-ID"]
            was = self._when(named, one.block, "RECURRENCE-ID")
            if str(named.params.get("RANGE", "")).upper() == "THISANDFUTURE":
                onwards[was.at] = (one, one.start.wall - was.as_of(one.start.zone))
            else:
                changed[was.wall.date() if was.whole_day else was.at] = one
        for one in changed.values():
            yield from self._spans(one, one.start)
        if not masters:
            for one, _ in onwards.values():
                yield from self._spans(one, one.start)
            return
        master = max(masters, key=_sequence)
        for start, length in self._occurrences(master):
            if start.at in changed or start.wall.date() in changed:
                continue
            behind = max((at for at in onwards if at <= start.at), default=None)
            if behind is None:
                yield from self._spans(master, start, length)
            else:
                one, moved = onwards[behind]
                yield from self._spans(one, _Start(start.as_of(one.start.zone) + moved, one.start.zone, one.start.whole_day))

    def _occurrences(self, one: _Told) -> Iterator[tuple[_Start, _Length]]:
        """When it happens, exceptions left out; the length only where it is an occurrence's own."""
        start, gone, gone_days = one.start, set[datetime](), set[date]()
        for told, params in _listed(one.event, "EXDATE"):
            at = self._start(told, params, one.block, "EXDATE")
            if at.whole_day and not start.whole_day:
                gone_days.add(at.wall.date())
                self._warnings["whole_day_exception"] += 1
            else:
                gone.add(at.at)
        own: dict[datetime, tuple[_Start, _Length]] = {}
        for wall in self._walls(one):
            occurrence = _Start(wall, start.zone, start.whole_day)
            own[occurrence.at] = (occurrence, one.length)
        for told, params in _listed(one.event, "RDATE"):
            period = told if isinstance(told, tuple) else (told, None)
            added = self._start(period[0], params, one.block, "RDATE")
            length = one.length
            if isinstance(period[1], timedelta):
                length = _Length(exact=period[1])
            elif period[1] is not None:
                length = _Length(exact=self._start(period[1], params, one.block, "RDATE").at - added.at)
            own[added.at] = (added, length)
        for instant_of_it in sorted(own):
            occurrence, length = own[instant_of_it]
            if instant_of_it not in gone and occurrence.wall.date() not in gone_days:
                yield occurrence, length

    def _walls(self, one: _Told) -> Iterator[datetime]:
        """What the wall clock shows at each occurrence of the rule; the first is the event itself, as calendars show it."""
        yield one.start.wall
        told = one.event.get("RRULE")
        if told is None:
            return
        line = one.block.line("RRULE")
        for count, wall in enumerate(self._rule(told, one.start, line)):
            if wall > self._last:
                return
            if count >= MOST_OCCURRENCES:
                raise BadFeed(line, f"expected at most {MOST_OCCURRENCES} occurrences")
            if wall != one.start.wall:
                yield wall

    def _rule(self, told: Any, start: _Start, line: int) -> rrule:
        from dateutil.rrule import rrulestr

        parts = {str(name).upper(): values for name, values in told.items()}
        if [str(value).upper() for value in parts.get("FREQ", [])][:1] not in [[one] for one in COARSE]:
            raise BadFeed(line, "expected a rule of days, weeks, months or years")
        if any(name in parts for name in ("BYHOUR", "BYMINUTE", "BYSECOND")):
            raise BadFeed(line, "a rule finer than a day is not read")
        until = parts.pop("UNTIL", [None])[0]
        text = ";".join(part for part in told.to_ical().decode().split(";") if not part.upper().startswith("UNTIL="))
        try:
            rule = rrulestr(text, dtstart=start.wall)
        except (ValueError, TypeError, AttributeError):
            raise BadFeed(line, "the rule cannot be read") from None
        return rule if until is None else rule.replace(until=_last(until, start))

    def _spans(self, one: _Told, start: _Start, length: _Length | None = None) -> Iterator[Span]:
        if one.cancelled:
            return
        if one.free:
            self._warnings["free"] += 1
            return
        begins, ends = _placed(start, one.length if length is None else length)
        if begins < ends:
            yield Span(begins, ends, self._whose(one))

    def _whose(self, one: _Told) -> str:
        if self._people is None:
            return ""
        agent = self._people.get(" ".join(str(one.event.get("SUMMARY", "")).split()).casefold())
        if agent is None:
            raise BadFeed(one.block.line("SUMMARY"), "the summary is nobody's key, name or address in the roster")
        return agent


def _placed(start: _Start, length: _Length) -> tuple[datetime, datetime]:
    """From when to when. A start in a skipped hour lies behind the gap, and what starts there keeps its length."""
    begins = start.at
    if start.whole_day:
        return begins, instant(start.wall + length.days * DAY + length.wall, start.zone) + length.exact
    skipped = begins.astimezone(start.zone).replace(tzinfo=UTC) != start.wall
    if skipped:
        return begins, begins + length.days * DAY + length.wall + length.exact
    return begins, instant(start.wall + length.days * DAY + length.wall, start.zone) + length.exact


def _last(until: date, start: _Start) -> datetime:
    """The last moment of a rule as the event's own wall clock shows it: without a zone it is written that way, a day is all of it."""
    if not isinstance(until, datetime):
        return datetime.combine(until, time(23, 59, 59), UTC)
    if start.whole_day:
        return datetime.combine(until.date(), time(), UTC)
    return until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(start.zone).replace(tzinfo=UTC)


def _listed(event: Any, name: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    told = event.get(name, [])
    for line in told if isinstance(told, list) else [told]:
        for value in line.dts:
            yield value.dt, line.params


def _sequence(one: _Told) -> int:
    told = one.event.get("SEQUENCE", 0)
    return int(told) if isinstance(told, int) else 0


def merged(spans: Sequence[Span]) -> list[Span]:
    """The spans sorted by agent and start, those that overlap or touch as one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.agent, one.start, one.end)):
        if found and found[-1].agent == span.agent and span.start <= found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return sorted(found)

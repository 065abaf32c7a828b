"""iCalendar feeds (RFC 5545) read: time off, or a rota kept elsewhere, as spans in UTC.

Each event is read as the program that made it shows it (Google, Outlook, Apple), or the whole feed is refused with the line:
half a rota is worse than yesterday's. Where libraries differ from those programs is in reference to versions named in the
tests: a cancelled occurrence is none, `DURATION` is time that passes, `UNTIL` without a zone is the event's own wall clock,
`X-WR-TIMEZONE` moves nothing.

Reading costs what the feed makes it cost: call `read` in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tsbridge.core.feed_spans import Span
from tsbridge.roster.ical_events import DAY, BadFeed, Event, Events, Length, Start, dates, instant

if TYPE_CHECKING:
    from dateutil.rrule import rrule

MOST_OCCURRENCES: Final = 20_000
"""Of one event, counted from its first; a night shift every day reaches back 54 years."""
MOVED_BY: Final = timedelta(days=62)
"""An occurrence so far behind the time asked for may have been moved into it."""
COARSE: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
AWAY: Final = "off"


class Feed(NamedTuple):
    """What a feed says. `warnings`: codes with how often, sorted: `free:3` are three events marked as free time, not taken as absence."""

    spans: tuple[Span, ...]
    warnings: tuple[str, ...]


def read(
    content: bytes, since: datetime, until: datetime, zone: tzinfo, *, means: str = AWAY, people: Mapping[str, str] | None = None
) -> Feed:
    """The spans of a feed that touch the time from `since` to `until`, sorted; those of one agent that touch each other are one.

    `zone`: where whole days are. `means`: `off`, or whose turn it is (`rotation`, `shift`): then each summary is a name of `people`
    (by key, name or address in small letters, to the agent's key). Raises BadFeed.
    """
    return _Reader(Events(content, zone), until + MOVED_BY, people if means != AWAY else None).read(since, until)


class _Reader:
    """What becomes of events. `last`: no occurrence behind it is looked at."""

    def __init__(self, events: Events, last: datetime, people: Mapping[str, str] | None) -> None:
        self._events = events
        self._last = last
        self._people = people

    def read(self, since: datetime, until: datetime) -> Feed:
        spans: list[Span] = []
        for told in self._events.series():
            spans += [span for span in self._expand(told) if span.start < until and span.end > since]
        return Feed(tuple(merged(spans)), tuple(f"{code}:{count}" for code, count in sorted(self._events.warned.items())))

    def _expand(self, told: Sequence[Event]) -> Iterator[Span]:
        """The spans of the events of one UID: the series, what became of some of its occurrences, and of all from one on."""
        masters = [one for one in told if "RECURRENCE-ID" not in one.event]
        changed: dict[date, Event] = {}
        onwards: dict[datetime, tuple[Event, timedelta]] = {}
        for one in sorted((one for one in told if "RECURRENCE-ID" in one.event), key=_sequence):
            named = one.event["RECURRENCE-ID"]
            was = self._events.when(named, one.block, "RECURRENCE-ID")
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
                yield from self._spans(one, Start(start.as_of(one.start.zone) + moved, one.start.zone, one.start.whole_day))

    def _occurrences(self, one: Event) -> Iterator[tuple[Start, Length]]:
        """When it happens, exceptions left out; the length only where it is an occurrence's own."""
        start, gone, gone_days = one.start, set[datetime](), set[date]()
        for told, params in dates(one.event, "EXDATE"):
            at = self._events.start(told, params, one.block, "EXDATE")
            if at.whole_day and not start.whole_day:
                gone_days.add(at.wall.date())
                self._events.warned["whole_day_exception"] += 1
            else:
                gone.add(at.at)
        own: dict[datetime, tuple[Start, Length]] = {}
        for wall in self._walls(one):
            occurrence = Start(wall, start.zone, start.whole_day)
            own[occurrence.at] = (occurrence, one.length)
        for told, params in dates(one.event, "RDATE"):
            period = told if isinstance(told, tuple) else (told, None)
            added = self._events.start(period[0], params, one.block, "RDATE")
            length = one.length
            if isinstance(period[1], timedelta):
                length = Length(exact=period[1])
            elif period[1] is not None:
                length = Length(exact=self._events.start(period[1], params, one.block, "RDATE").at - added.at)
            own[added.at] = (added, length)
        for instant_of_it in sorted(own):
            occurrence, length = own[instant_of_it]
            if instant_of_it not in gone and occurrence.wall.date() not in gone_days:
                yield occurrence, length

    def _walls(self, one: Event) -> Iterator[datetime]:
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

    def _rule(self, told: Any, start: Start, line: int) -> rrule:
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

    def _spans(self, one: Event, start: Start, length: Length | None = None) -> Iterator[Span]:
        if one.cancelled:
            return
        if one.free and self._people is None:
            self._events.warned["free"] += 1
            return
        begins, ends = _placed(start, one.length if length is None else length)
        if begins < ends:
            yield Span(begins, ends, self._whose(one))

    def _whose(self, one: Event) -> str:
        if self._people is None:
            return ""
        agent = self._people.get(" ".join(str(one.event.get("SUMMARY", "")).split()).casefold())
        if agent is None:
            raise BadFeed(one.block.line("SUMMARY"), "the summary is nobody's key, name or address in the roster")
        return agent


def _placed(start: Start, length: Length) -> tuple[datetime, datetime]:
    """From when to when. A start in a skipped hour lies behind the gap, and what starts there keeps its length."""
    begins = start.at
    if start.whole_day:
        return begins, instant(start.wall + length.days * DAY + length.wall, start.zone) + length.exact
    skipped = begins.astimezone(start.zone).replace(tzinfo=UTC) != start.wall
    if skipped:
        return begins, begins + length.days * DAY + length.wall + length.exact
    return begins, instant(start.wall + length.days * DAY + length.wall, start.zone) + length.exact


def _last(until: date, start: Start) -> datetime:
    """The last moment of a rule as the event's own wall clock shows it: without a zone it is written that way, a day is all of it."""
    if not isinstance(until, datetime):
        return datetime.combine(until, time(23, 59, 59), UTC)
    if start.whole_day:
        return datetime.combine(until.date(), time(), UTC)
    return until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(start.zone).replace(tzinfo=UTC)


def _sequence(one: Event) -> int:
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

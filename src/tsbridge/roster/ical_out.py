"""A feed of duties for people's own calendars: each one event in UTC, no rules of repetition.

No calendar has to work out a clock change, and what it shows is what will be paged.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

FRESH_FOR: Final = timedelta(hours=1)
"""How often calendars are asked to look again. Most look when they like."""


class Entry(NamedTuple):
    """One duty. `id` stays the same as long as it is the same duty; `title` is what the calendar shows."""

    id: str
    start: datetime
    end: datetime
    title: str


def write(name: str, entries: Iterable[Entry], as_of: datetime, about: str = "") -> bytes:
    """The feed, named `name`, with a word `about` it; `as_of`: when what it says was last changed. The same give the same bytes."""
    from icalendar import Calendar, Event, vDuration

    calendar = Calendar()
    calendar.add("prodid", "-//tsbridge//roster//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    if about:
        calendar.add("x-wr-caldesc", about)
    calendar.add("refresh-interval", FRESH_FOR, {"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(FRESH_FOR))
    for entry in entries:
        event = Event()
        event.add("uid", f"{entry.id}@tsbridge")
        event.add("dtstamp", as_of)
        event.add("dtstart", entry.start)
        event.add("dtend", entry.end)
        event.add("summary", entry.title)
        event.add("transp", "TRANSPARENT")  # a shift is no reason to be shown as not free
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text

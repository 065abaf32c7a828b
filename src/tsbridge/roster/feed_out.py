"""What a feed of duties has: of a person all their duties, of a queue who is on call for it and who works it.

Pure. A title holds keys of the roster and names of its people, never a reason that somebody typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from tsbridge.core.rota import Duty, Rota
from tsbridge.roster.document import SEVERITIES
from tsbridge.roster.ical_events import MOST_EVENTS
from tsbridge.roster.ical_out import Entry, write

_DOES: Final = {"rotation": "On call", "shift": "Shift", "override": "Duty"}


def of_agent(duties: Iterable[Duty]) -> list[Entry]:
    """The duties of one person."""
    return [Entry(one.id, one.start, one.end, f"{_DOES[one.source]}: {one.name}" if one.name else _DOES[one.source]) for one in duties]


def of_queue(rota: Rota, queue: str, start: datetime, end: datetime) -> list[Entry]:
    """Who is on call for a queue, and for which severities where these differ, and who is at work for it; nobody who is there to learn."""
    return [*_on_call(rota, queue, start, end), *_at_work(rota, queue, start, end)]


def feed(name: str, entries: Iterable[Entry], as_of: datetime) -> bytes:
    """As it is served: by start, as many as a feed may have that we read ourselves; one that is cut says so."""
    shown = sorted(entries, key=lambda one: (one.start, one.end, one.id))
    about = ""
    if len(shown) > MOST_EVENTS:
        about = f"Only duties that begin before {shown[MOST_EVENTS].start:%Y-%m-%d %H:%M} UTC: there are too many to show more."
    return write(name, shown[:MOST_EVENTS], as_of, about)


def _on_call(rota: Rota, queue: str, start: datetime, end: datetime) -> Iterator[Entry]:
    by_target: dict[str | None, list[int]] = {}
    for severity in SEVERITIES:
        line = rota.line(queue, severity)
        by_target.setdefault(None if line is None else line.oncall, []).append(severity)
    for target, severities in by_target.items():
        which = "" if len(severities) == len(SEVERITIES) else f", severity {', '.join(map(str, severities))}"
        for one in rota.held(start, end, queue, severities[0]):
            # what began before is the same duty on every day that it is looked at
            id = ":".join(("oncall", queue, target or "", one.agent, *one.key, _stamp(one.start) if one.start > start else ""))
            yield Entry(id, one.start, one.end, f"On call{which}: {_name(rota, one.agent)}")


def _at_work(rota: Rota, queue: str, start: datetime, end: datetime) -> Iterator[Entry]:
    for one in rota.worked(start, end):
        if queue in one.queues and not one.shadow:
            id = ":".join(("work", queue, one.shift, one.agent, _stamp(one.start)))
            yield Entry(id, one.start, one.end, f"At work: {_name(rota, one.agent)}")


def _name(rota: Rota, key: str) -> str:
    """How people are called; of two of one name the key tells which."""
    name = rota.agents[key].name
    return name if sum(one.name == name for one in rota.roster.agents) == 1 else f"{name} ({key})"


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

"""The check: everything that can be said about a roster before it is live.

What the reader refuses is an error and keeps the roster from going live. The rest is advice. Holes are said, each of them, and
refuse nothing: a roster with a hole is better than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from tsbridge.core.calendar import MINUTES_A_DAY
from tsbridge.core.coverage import Hole, holes
from tsbridge.core.feed_spans import Known, Spans, with_feeds
from tsbridge.core.presence import clock
from tsbridge.core.roster import Agent, Cover, Override, Roster
from tsbridge.core.rota import Rota
from tsbridge.core.rules.findings import Finding, escape, in_order, nearest
from tsbridge.core.rules.read_calendars import calendars_of
from tsbridge.roster.document import SEVERITIES, read
from tsbridge.roster.read_parts import RosterError

AHEAD: Final = timedelta(days=28)
"""How far ahead the check looks for holes."""
MOST_HOLES: Final = 100
LONG_NIGHT: Final = 12 * 60
"""Minutes of a shift over midnight from which on its ends may have been swapped."""

CODES: Final = {
    "hole": "A time at which nobody is on call for a queue. `tsbridge roster coverage` shows those of more than four weeks.",
    "unknown_queue": "A queue that the live rulebook does not have: nothing is ever routed there.",
    "queue_of_nobody": "A queue of the rulebook that no agent works.",
    "unknown_calendar": "A calendar that the rulebook does not have: the shift is worked as it is written.",
    "ambiguous_key": "Two things with the same key: which one is meant depends on where it is named.",
    "unreachable_line": "A line of cover that no case reaches: the lines above it answer for all of it.",
    "gone": "Somebody whose contract is over and who still stands in a shift, a rotation or in cover.",
    "ends_before_start": "A shift whose end lies before its start: it goes over midnight and is long; perhaps the two were swapped.",
    "cannot_be_told": "Somebody who may be on call and has no way to be reached, or none of theirs can be used.",
    "unsigned": "An outbound webhook without a secret: nothing is sent to it, since nobody could know that it is ours.",
    "feed_not_read": "A rota kept in a feed that was never read: nobody has its turns until it can be.",
    "no_duty": "An agent who is in no shift, rotation or line of cover.",
}
"""What the check says beyond the reader's errors."""


def check(
    document: Any,
    book: Any = None,
    at: datetime | None = None,
    overrides: Sequence[Override] = (),
    feeds: Mapping[str, Spans] = MappingProxyType({}),
) -> tuple[Finding, ...]:
    """Everything there is to say about a document, errors alone when there are any.

    `book`: the rulebook's document; without it nothing is held against one. `at`: from when on holes are looked for, with the
    `overrides` that stand; without it none are. `feeds`: what is known of feeds, by their keys.
    """
    try:
        roster = read(document)
    except RosterError as refused:
        return refused.findings
    return in_order((*_advice(roster, book, at, overrides, feeds), *_not_read(document, roster, feeds)))


def queues_of(roster: Roster, book: Any) -> list[str]:
    """Every queue that the roster or the rulebook names, sorted."""
    of_book = _queues(book)
    named = {queue for agent in roster.agents for queue in agent.queues} | {line.queue for line in roster.cover if line.queue is not None}
    return sorted({*of_book, *named})


def _advice(roster: Roster, book: Any, at: datetime | None, overrides: Sequence[Override], feeds: Mapping[str, Spans]) -> Iterator[Finding]:
    known = with_feeds(roster, feeds)
    calendars = calendars_of(book)
    if book is not None:
        yield from _beside(roster, frozenset(_queues(book)), calendars)
    yield from _ambiguous(roster)
    yield from _unreachable(roster.cover)
    yield from _long_nights(roster)
    yield from _reaching(known, all_read=all(feed.key in feeds for feed in roster.feeds if feed.means != "off"))
    if at is not None:
        yield from _gone(roster, at)
        rota = Rota(known.roster, (*known.overrides, *overrides), known.away, calendars)
        found = holes(rota, queues_of(roster, book), SEVERITIES, at, at + AHEAD)
        yield from (_told(hole, roster) for hole in found[:MOST_HOLES])
        if len(found) > MOST_HOLES:
            yield Finding("warning", "hole", f"{len(found) - MOST_HOLES} more holes in the next {AHEAD.days} days", "/cover")


def _told(hole: Hole, roster: Roster) -> Finding:
    which = "" if hole.severity is None else f", severity {hole.severity}"
    when = f"from {clock(hole.start, roster.zone)} to {clock(hole.end, roster.zone)}"
    return Finding("warning", "hole", f"nobody is on call for {hole.queue}{which} {when}: {hole.why}. {hole.proposal}", "/cover")


def _queues(book: Any) -> list[str]:
    found = book.get("queues") if isinstance(book, Mapping) else None
    return [key for key in found if isinstance(key, str)] if isinstance(found, Mapping) else []


def _beside(roster: Roster, queues: frozenset[str], calendars: Mapping[str, Any]) -> Iterator[Finding]:
    """Roster and rulebook held against each other."""
    named = [
        *((queue, f"/agents/{escape(agent.key)}/queues/{place}") for agent in roster.agents for place, queue in enumerate(agent.queues)),
        *((queue, f"/shifts/{escape(shift.key)}/queues/{place}") for shift in roster.shifts for place, queue in enumerate(shift.queues)),
        *((line.queue, f"/cover/{place}/queue") for place, line in enumerate(roster.cover) if line.queue is not None),
    ]
    for queue, path in named:
        if queue not in queues:
            yield Finding("warning", "unknown_queue", f"the rulebook has no such queue{nearest(queue, queues)}", path)
    worked = {queue for agent in roster.agents for queue in agent.queues}
    for queue in sorted(queues - worked):
        yield Finding("warning", "queue_of_nobody", f"no agent works the rulebook's queue {queue}", "/agents")
    for shift in roster.shifts:
        if shift.calendar is not None and shift.calendar not in calendars:
            words = f"the rulebook has no such calendar{nearest(shift.calendar, calendars)}"
            yield Finding("warning", "unknown_calendar", words, f"/shifts/{escape(shift.key)}/calendar")


def _ambiguous(roster: Roster) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for part, single in (("agents", "agent"), ("rotations", "rotation"), ("shifts", "shift"), ("ways", "way")):
        for one in getattr(roster, part):
            if one.key in first:
                words = (
                    f"there is also {_a(first[one.key])} called {one.key}: which is meant depends on where it is named; choose another key"
                )
                yield Finding("warning", "ambiguous_key", words, f"/{part}/{escape(one.key)}")
            first.setdefault(one.key, single)


def _a(word: str) -> str:
    return f"an {word}" if word == "agent" else f"a {word}"


def _unreachable(cover: Sequence[Cover]) -> Iterator[Finding]:
    for place, line in enumerate(cover):
        for severity in line.severities or SEVERITIES:
            if not any(_answers(above, line.queue, severity) for above in cover[:place]):
                break
        else:
            yield Finding("warning", "unreachable_line", "the lines above answer for all that this one names", f"/cover/{place}")


def _answers(line: Cover, queue: str | None, severity: int) -> bool:
    return line.queue in (None, queue) and (line.severities is None or severity in line.severities)


def _long_nights(roster: Roster) -> Iterator[Finding]:
    for shift in roster.shifts:
        for start, end in shift.hours:
            if end > MINUTES_A_DAY and end - start > LONG_NIGHT:
                words = f"this goes over midnight and lasts {(end - start) / 60:g} hours; if that is not meant, swap its ends"
                yield Finding("warning", "ends_before_start", words, f"/shifts/{escape(shift.key)}/hours")


def _not_read(document: Any, roster: Roster, feeds: Mapping[str, Spans]) -> Iterator[Finding]:
    unread = {feed.key for feed in roster.feeds if feed.means != "off" and feed.key not in feeds}
    for place, feed in enumerate(document.get("calendars", ())):
        if feed.get("key") in unread:
            words = "nothing is known yet of what this feed says: until it was read, nobody has the turns that are kept there"
            yield Finding("warning", "feed_not_read", words, f"/calendars/{place}")


def _on_call(known: Known) -> frozenset[str]:
    """The agents whom some line of cover may name."""
    roster = known.roster
    members: dict[str, Iterable[str]] = {agent.key: (agent.key,) for agent in roster.agents}
    members |= {shift.key: shift.agents for shift in roster.shifts}
    for turn in known.overrides:
        members[str(turn.rotation)] = {*members[str(turn.rotation)], turn.agent}
    members |= {rotation.key: rotation.members for rotation in roster.rotations}
    named = {name for line in roster.cover for name in (line.oncall, *line.then)}
    return frozenset(agent for name in named for agent in members.get(name, ()))


def _reaching(known: Known, *, all_read: bool) -> Iterator[Finding]:
    """`all_read`: it is known who has the turns that are kept elsewhere."""
    roster = known.roster
    on_call, kinds = _on_call(known), {way.key: way.kind for way in roster.ways}
    in_shifts = {agent for shift in roster.shifts for agent in shift.agents}
    turns = {member for rotation in roster.rotations for member in rotation.members} | {turn.agent for turn in known.overrides}
    for agent in roster.agents:
        path = f"/agents/{escape(agent.key)}"
        if agent.key in on_call:
            yield from _cannot_be_told(agent, kinds, path)
        elif all_read and agent.key not in in_shifts | turns:
            yield Finding("info", "no_duty", f"{agent.key} is in no shift, rotation or line of cover", path)
    for way in roster.ways:
        if way.kind == "webhook" and way.secret_file is None and way.secret_env is None:
            words = "nothing is sent without a secret that signs it; expected secret_file, the path of its file, or secret_env, a variable"
            yield Finding("warning", "unsigned", words, f"/ways/{escape(way.key)}")


def _cannot_be_told(agent: Agent, kinds: Mapping[str, str], path: str) -> Iterator[Finding]:
    if not agent.reach:
        yield Finding(
            "warning", "cannot_be_told", f"{agent.key} may be on call and no way leads there; expected reach: a list of ways", path
        )
    elif agent.email is None and any(kinds[way] == "smtp" for way in agent.reach):
        yield Finding("warning", "cannot_be_told", f"{agent.key} shall be told by mail and has no email", f"{path}/reach")


def _gone(roster: Roster, at: datetime) -> Iterator[Finding]:
    today = at.astimezone(roster.zone).date()
    over = {agent.key: agent.until for agent in roster.agents if agent.until is not None and agent.until < today}
    named = [
        *((one, f"/shifts/{escape(shift.key)}/agents/{place}") for shift in roster.shifts for place, one in enumerate(shift.agents)),
        *((one, f"/rotations/{escape(turn.key)}/members/{place}") for turn in roster.rotations for place, one in enumerate(turn.members)),
        *((line.oncall, f"/cover/{place}/oncall") for place, line in enumerate(roster.cover)),
    ]
    for one, path in named:
        if one in over:
            yield Finding("warning", "gone", f"the last day of {one} was {over[one]}: others have the turns and hours", path)

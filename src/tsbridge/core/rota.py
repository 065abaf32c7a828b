"""Who is at work and who is on call at an instant, until when and why (contract section 8).

Everybody who needs to know asks here: the API, feeds, paging, the console. So what a page shows is who is told.
An answer costs the same however old the rota is: turns are a division, the hours of a shift a look at three days.

What a cover line's `oncall` names, a rotation, a shift or an agent, is a target here. An override of the kind `oncall` may name any of
them as its `rotation`; one of the kind `shift` names the shift by it, which its `agent` then works, and `instead_of` does not.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from tsbridge.core.at_work import AtWork, Present
from tsbridge.core.calendar import Calendar
from tsbridge.core.duty_holder import Hold, Lane
from tsbridge.core.presence import NEVER_BEGAN, NEVER_ENDS, Absences, Because, Presence, clock
from tsbridge.core.roster import Away, Cover, Override, Roster
from tsbridge.core.rotation_turns import first_turn, turn, turns_at, turns_between

__all__ = ["Because", "Duty", "Gap", "Held", "OnCall", "Person", "Present", "Rota"]

TICK: Final = timedelta(microseconds=1)
LANES_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on call. `until`: when the turn, shift or override ends that has them there, or they leave it; None: no end is known."""

    agent: str
    name: str
    until: datetime | None
    because: tuple[Because, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is there. `start`: since when; the instant asked for where it has no beginning. `end`: None where none is in sight."""

    start: datetime = field(metadata={"alias": "from"})
    end: datetime | None = field(metadata={"alias": "to"})
    why: str


@dataclass(frozen=True, slots=True)
class OnCall:
    """`people`: the one to be told first in front. `then`: the backups of the cover line, as it names them. `gap`: when there is nobody."""

    at: datetime
    people: tuple[Person, ...]
    then: tuple[str, ...]
    gap: Gap | None


@dataclass(frozen=True, slots=True)
class Duty:
    """A piece of a shift or of a turn that somebody really has. `id`: the same as long as it is theirs and begins at the same instant.

    `name`: of the shift or rotation; of an override what it is for: a rotation, a shift or a queue, else nothing.
    """

    id: str
    agent: str
    start: datetime = field(metadata={"alias": "from"})
    end: datetime = field(metadata={"alias": "to"})
    source: Literal["shift", "rotation", "override"]
    name: str
    because: tuple[Because, ...]


class Held(NamedTuple):
    """Somebody on call from `start` to `end`. `key`: the turn, stint or override by which."""

    agent: str
    start: datetime
    end: datetime
    key: tuple[str, ...]


class Rota:
    """What a roster means with the overrides and the time off known. Pure; cheap to make, and keeps what it found out.

    `calendars`: the rulebook's. Of two overrides for the same the later in order counts. Instants may have any zone.
    """

    def __init__(
        self,
        roster: Roster,
        overrides: Sequence[Override] = (),
        away: Sequence[Away] = (),
        calendars: Mapping[str, Calendar] = MappingProxyType({}),
    ) -> None:
        self.roster = roster
        self.agents = {agent.key: agent for agent in roster.agents}
        presence = Presence(roster, overrides, away)
        self._presence = presence
        self._away = tuple(away)
        self._calendars = calendars
        self._work = AtWork(roster, overrides, presence, calendars)
        self._overrides = tuple(overrides)
        self._lanes: dict[tuple[str | None, str | None], Lane] = {}

    def supposing(self, *more: Override) -> Rota:
        """The same as if these overrides were kept, too."""
        return Rota(self.roster, (*self._overrides, *more), self._away, self._calendars)

    def on_call(self, at: datetime, queue: str | None = None, severity: int | None = None) -> OnCall:
        """Who answers for a queue and a severity. Of what is left out the lines for all answer, else the first that has the rest."""
        line = self.line(queue, severity)
        lane = self._answering(line, queue)
        people = self._people(lane, at, () if line is None else self._line_says(line, queue, severity))
        return OnCall(at, people, () if line is None else line.then, None if people else self._gap(lane, at, queue, severity))

    def at_work(self, at: datetime, queue: str | None = None) -> tuple[Present, ...]:
        """Who is on shift, in the document's order of agents; once for each shift."""
        return self._work.at(at, queue)

    def worked(self, start: datetime, end: datetime) -> tuple[Present, ...]:
        """Every piece of a shift that has something of the time from `start` to `end`, whole."""
        return tuple(self._work.between(start, end))

    def absences(self, agent: str) -> Absences:
        """When an agent is not there."""
        return self._presence.absences(agent)

    def holding(self, target: str, at: datetime) -> tuple[Person, ...]:
        """Who has a rotation, a shift or, of an agent's key, is that agent; those of them who are there."""
        return self._people(self._lane(target, None), at, ())

    def _people(self, lane: Lane, at: datetime, first: tuple[Because, ...]) -> tuple[Person, ...]:
        """Each who has it once, the first to be told in front. `first`: the reasons before their own."""
        holds: dict[str, Hold] = {}
        for hold in lane.at(at, []):
            holds.setdefault(hold.agent, hold)
        until = _until(lane, holds.values(), at)
        return tuple(Person(key, self.agents[key].name, until[key], (*first, *hold.because)) for key, hold in holds.items())

    def missing(self, agent: str, at: datetime) -> Because | None:
        """Why somebody is not to be relied on at an instant; None when they are there."""
        return self._presence.missing(agent, at)

    def line(self, queue: str | None, severity: int | None) -> Cover | None:
        """The cover line that answers."""
        for one in self.roster.cover:
            if one.queue in (None, queue) and (one.severities is None or severity in one.severities):
                return one
        for one in self.roster.cover:
            named = queue is None or one.queue in (None, queue)
            if named and (severity is None or one.severities is None or severity in one.severities):
                return one
        return None

    def _answering(self, line: Cover | None, queue: str | None) -> Lane:
        return self._lane(None if line is None else line.oncall, queue)

    def _lane(self, target: str | None, queue: str | None) -> Lane:
        found = self._lanes.get((target, queue))
        if found is None:
            if len(self._lanes) >= LANES_KEPT:  # people may ask about any queue
                self._lanes.clear()
            found = Lane(self.roster, target, queue, self._overrides, self._presence, self._work)
            self._lanes[target, queue] = found
        return found

    def _line_says(self, line: Cover, queue: str | None, severity: int | None) -> tuple[Because, ...]:
        severities = "every severity" if line.severities is None else f"severity {', '.join(map(str, line.severities))}"
        place = self.roster.cover.index(line) + 1
        says = Because("cover", f"line {place} of cover, for {line.queue or 'every queue'} and {severities}, names {line.oncall}")
        if (line.queue is None or queue is not None) and (line.severities is None or severity is not None):
            return (says,)
        return says, Because("fallback", "no line is for everything, so the first that has what was asked for answers")

    def nobody(self, at: datetime, queue: str | None, severity: int | None) -> str | None:
        """Why nobody is on call; None when somebody is."""
        line = self.line(queue, severity)
        lane = self._answering(line, queue)
        passed: list[Because] = []
        if next(lane.at(at, passed), None) is not None:
            return None
        missing = "; ".join(dict.fromkeys(one.says for one in passed))
        nobody = self._nobody(lane, at, severity)
        return f"{nobody}: {missing}" if missing else nobody

    def _nobody(self, lane: Lane, at: datetime, severity: int | None) -> str:
        if lane.target is None:
            for_others = severity is not None and any(one.queue in (None, lane.queue) for one in self.roster.cover)
            return f"no line of cover is for {lane.queue or 'everything'}" + (f" and severity {severity}" if for_others else "")
        if lane.shift is not None:
            return self._work.why_nobody(lane.shift, at)
        if lane.rotation is not None and at < (first := first_turn(lane.rotation)):
            return f"the rotation {lane.target} starts at {clock(first, lane.rotation.zone)}"
        return f"nobody of {lane.target}"

    def nobody_edges(self, start: datetime, end: datetime, queue: str | None, severity: int | None) -> list[datetime]:
        """After `start` and before `end`, in order: whenever what `nobody` says may change."""
        lane = self._answering(self.line(queue, severity), queue)
        edges = {*lane.edges_between(start, end)}
        if lane.shift is not None:
            edges |= self._work.edges_between(lane.shift, start, end)
        elif lane.rotation is not None:
            edges.add(first_turn(lane.rotation))
        return sorted(edge for edge in edges if start < edge < end)

    def _gap(self, lane: Lane, at: datetime, queue: str | None, severity: int | None) -> Gap:
        start = next((edge for edge in self._edges_back(lane, at) if lane.is_held(edge - TICK)), at)
        end = next((edge for edge in self._edges_ahead(lane, at) if lane.is_held(edge)), None)
        return Gap(start, end, self.nobody(at, queue, severity) or "")

    def _edges_ahead(self, lane: Lane, at: datetime) -> Iterator[datetime]:
        """Instants after `at`, in order, at which somebody may be there again if nobody was until then."""
        personal = lane.edges_between(at, NEVER_ENDS)
        if lane.shift is not None:
            for since, until in pairwise((at, *personal, NEVER_ENDS)):
                if since > at:
                    yield since
                start = self._work.next_start(lane.shift, since)
                if start is not None and start < until:  # who is not there at one start is not at the next, until somebody comes
                    yield start
        elif lane.rotation is not None and first_turn(lane.rotation) > at:
            yield from heapq.merge(personal, [first_turn(lane.rotation)])
        else:
            yield from personal

    def _edges_back(self, lane: Lane, at: datetime) -> Iterator[datetime]:
        """Instants up to `at`, the latest first, until which somebody may have been there if nobody was since."""
        until = at
        for edge in (*reversed(lane.edges_between(NEVER_BEGAN, at + TICK)), NEVER_BEGAN):
            end = None if lane.shift is None else self._work.last_end(lane.shift, until)
            if end is not None and end > edge:
                yield end
            if edge > NEVER_BEGAN:
                yield edge
            until = edge

    # -- over a time

    def next_change(self, at: datetime) -> datetime | None:
        """The next instant at which somebody comes or goes, or something is handed over; up to the horizon for shifts."""
        edges: list[datetime] = [edge for one in self._overrides for edge in (one.start, one.end)]
        for agent in self.agents:
            edges += self._presence.edges(agent)
        for rotation in self.roster.rotations:
            now = turns_at(rotation, at)
            number = now[0].number + 1 if now else 0
            edges += [turn(rotation, number).start, *(one.end for one in now)]
        edges += [edge for shift in self.roster.shifts if (edge := self._work.next_edge(shift, at)) is not None]
        return min((edge for edge in edges if edge > at), default=None)

    def duties(self, start: datetime, end: datetime) -> tuple[Duty, ...]:
        """Every piece of a shift or turn that has something of the time from `start` to `end`, whole, as asking at each instant has it."""
        found = {duty.id: duty for duty in (*self._shift_duties(start, end), *self._on_call_duties(start, end))}
        return tuple(sorted(found.values(), key=lambda one: (one.start, one.end, one.source, one.name, one.agent)))

    def held(self, start: datetime, end: datetime, queue: str, severity: int) -> Iterator[Held]:
        """Who is on call for a queue and a severity when, as asking at each instant has it; what has no end is cut at `end`."""
        for hold, since, until in self._pieces(self._answering(self.line(queue, severity), queue), start, end):
            yield Held(hold.agent, since, until, hold.key)

    def _shift_duties(self, start: datetime, end: datetime) -> Iterator[Duty]:
        named = {one.id: one.rotation or one.queue or "" for one in self._work.more}
        for one in self._work.between(start, end):
            source: Literal["shift", "override"] = "shift" if one.shift not in named else "override"
            yield _duty(one.agent, one.start, one.end, source, named.get(one.shift, one.shift), one.because, one.shift)

    def _on_call_duties(self, start: datetime, end: datetime) -> Iterator[Duty]:
        """The turns of all rotations, and what overrides make of shifts and agents on call and of single queues."""
        lanes: set[tuple[str | None, str | None]] = {(rotation.key, None) for rotation in self.roster.rotations}
        moving = [one for one in self._overrides if one.kind == "oncall"]
        for queue in {None, *(one.queue for one in moving)}:
            lanes |= {(line.oncall, queue) for line in self.roster.cover if line.queue in (None, queue)} or {(None, queue)}
        lanes |= {(one.rotation, None) for one in moving if one.rotation is not None}
        own = {(override.id, override.queue) for override in moving}
        for target, queue in lanes:
            for hold, since, until in self._pieces(self._lane(target, queue), start, end):
                name = queue or target or ""
                if hold.key[0] == "override" and (hold.key[1], queue) in own:
                    yield _duty(hold.agent, since, until, "override", name, hold.because, hold.key[1])
                elif hold.key[0] == "rotation" and queue is None:
                    yield _duty(hold.agent, since, until, "rotation", name, hold.because, name)

    def _pieces(self, lane: Lane, start: datetime, end: datetime) -> Iterator[tuple[Hold, datetime, datetime]]:
        """Who has it from when to when, whole, as far as it has something of the time from `start` to `end`."""
        known = [(one.start, one.end) for one in lane.replacing if one.start < end and one.end > start]
        if lane.rotation is not None:
            known += [(one.start, one.end) for one in turns_between(lane.rotation, start, end)]
        first, last = min([start, *(one for one, _ in known)]), max([end, *(one for _, one in known)])
        edges = {first, *lane.edges_between(first, last)}
        if lane.rotation is not None:
            edges |= {edge for one in turns_between(lane.rotation, first, last) for edge in (one.start, one.end)}
        elif lane.shift is not None:
            edges |= self._work.edges_between(lane.shift, first, last)
        going: dict[tuple[str, tuple[str, ...]], tuple[Hold, datetime]] = {}
        for edge in [*sorted(edge for edge in edges if first <= edge < last), last]:
            held = {(one.agent, one.key): one for one in (lane.at(edge, []) if edge < last else ())}
            for key in going.keys() - held.keys():
                hold, since = going.pop(key)
                if since < end and edge > start:
                    yield hold, since, edge
            going |= {key: (hold, edge) for key, hold in held.items() if key not in going}


def _until(lane: Lane, holds: Iterable[Hold], at: datetime) -> dict[str, datetime | None]:
    """By agent: when they no longer have what they have now."""
    having = {(hold.agent, hold.key): hold.end for hold in holds}
    found: dict[str, datetime | None] = dict.fromkeys(agent for agent, _ in having)
    while having:
        at = min([*lane.edges_between(at, NEVER_ENDS)[:1], *(end for end in having.values() if end)], default=NEVER_ENDS)
        if at == NEVER_ENDS:
            break
        then = {(hold.agent, hold.key): hold.end for hold in lane.at(at, [])}
        found |= {agent: at for agent, key in having.keys() - then.keys()}
        having = {one: then[one] for one in having if one in then}
    return found


def _duty(
    agent: str,
    start: datetime,
    end: datetime,
    source: Literal["shift", "rotation", "override"],
    name: str,
    because: tuple[Because, ...],
    by: str,
) -> Duty:
    """`by`: the shift, the rotation or the override's id."""
    id = f"{source}:{by}:{name}:{agent}:{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Duty(id, agent, start, end, source, name, because)

"""Who is at work and who is on call at an instant, until when and why (contract section 8).

Everybody who needs to know asks here: the API, feeds, paging, the console. So what a page shows is who is told.
An answer costs the same however old the rota is: turns are a division, the hours of a shift a look at three days.

What a cover line's `oncall` names, a rotation, a shift or an agent, is a target here. An override of the kind `oncall` may name any of
them as its `rotation`; one of the kind `shift` names the shift by it, which its `agent` then works, and `instead_of` does not.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

from tsbridge.core.at_work import AtWork, Present, override_says, stint_says
from tsbridge.core.calendar import Calendar
from tsbridge.core.presence import NEVER_BEGAN, NEVER_ENDS, Because, Presence, clock
from tsbridge.core.roster import Away, Cover, Override, Roster, Rotation, Shift
from tsbridge.core.turns import first_turn, turn, turns_at, turns_between

__all__ = ["Because", "Duty", "Gap", "OnCall", "Person", "Present", "Rota"]

TICK: Final = timedelta(microseconds=1)


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

    start: datetime
    end: datetime | None
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
    start: datetime
    end: datetime
    source: Literal["shift", "rotation", "override"]
    name: str
    because: tuple[Because, ...]


@dataclass(frozen=True, slots=True)
class _Hold:
    """Somebody has something. `key`: the turn, stint or override, the same as long as it lasts; `end`: when that ends by itself."""

    agent: str
    key: tuple[str, ...]
    end: datetime | None
    because: tuple[Because, ...]


@dataclass(frozen=True, slots=True)
class _Slot:
    """Something that the first of `candidates` has who is there. `shift`: whose absences count."""

    key: tuple[str, ...]
    candidates: tuple[str, ...]
    end: datetime | None
    because: tuple[Because, ...]
    shift: str | None = None


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
        self._rotations = {rotation.key: rotation for rotation in roster.rotations}
        self._shifts = {shift.key: shift for shift in roster.shifts}
        self._presence = Presence(roster, overrides, away)
        self._work = AtWork(roster, overrides, self._presence, calendars)
        self._replacing = tuple(one for one in reversed(overrides) if one.kind == "oncall")
        self._edges: dict[str | None, tuple[datetime, ...]] = {}

    def on_call(self, at: datetime, queue: str | None = None, severity: int | None = None) -> OnCall:
        """Who answers for a queue and a severity. Of what is left out the lines for all answer, else the first that has the rest."""
        line = self.line(queue, severity)
        target = None if line is None else line.oncall
        first = () if line is None else self._line_says(line, queue, severity)
        people: dict[str, Person] = {}
        for hold in self._held(target, queue, at)[0]:
            if hold.agent not in people:
                until = self._until(hold, target, queue, at)
                people[hold.agent] = Person(hold.agent, self.agents[hold.agent].name, until, (*first, *hold.because))
        gap = None if people else self.gap(at, queue, severity)
        return OnCall(at, tuple(people.values()), () if line is None else line.then, gap)

    def at_work(self, at: datetime, queue: str | None = None) -> tuple[Present, ...]:
        """Who is on shift, in the document's order of agents; once for each shift."""
        return self._work.at(at, queue)

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

    def _line_says(self, line: Cover, queue: str | None, severity: int | None) -> tuple[Because, ...]:
        severities = "every severity" if line.severities is None else f"severity {', '.join(map(str, line.severities))}"
        place = self.roster.cover.index(line) + 1
        says = Because("cover", f"line {place} of cover, for {line.queue or 'every queue'} and {severities}, names {line.oncall}")
        if (line.queue is None or queue is not None) and (line.severities is None or severity is not None):
            return (says,)
        return says, Because("fallback", "no line is for everything, so the first that has what was asked for answers")

    # -- who has what at an instant

    def _held(self, target: str | None, queue: str | None, at: datetime) -> tuple[list[_Hold], list[Because]]:
        """Who has it, and why others have not."""
        replacing = [
            one for one in self._replacing if one.start <= at < one.end and one.rotation in (None, target) and one.queue in (None, queue)
        ]
        passed: list[Because] = []
        for override in replacing:
            if override.instead_of is None and (hold := self._by_override(override, None, (), at, passed)):
                return [hold], passed
        slots = self._slots(target, queue, at)
        found = (self._first_there(slot, [one for one in replacing if one.instead_of is not None], at, passed) for slot in slots)
        return [hold for hold in found if hold is not None], passed

    def _first_there(self, slot: _Slot, replacing: Sequence[Override], at: datetime, passed: list[Because]) -> _Hold | None:
        before = len(passed)
        for candidate in slot.candidates:
            for override in replacing:
                if override.instead_of == candidate:
                    chain = (*slot.because, *passed[before:])
                    if hold := self._by_override(override, slot.end, chain, at, passed):
                        return hold
            if (missing := self._missing(candidate, at, slot.shift)) is None:
                return _Hold(candidate, slot.key, slot.end, (*slot.because, *passed[before:]))
            passed.append(missing)
        return None

    def _by_override(
        self, override: Override, end: datetime | None, chain: tuple[Because, ...], at: datetime, passed: list[Because]
    ) -> _Hold | None:
        if (missing := self._missing(override.agent, at)) is not None:
            passed.append(missing)
            return None
        end = override.end if end is None else min(override.end, end)
        return _Hold(override.agent, ("override", override.id), end, (*chain, override_says(override, self.roster)))

    def _missing(self, agent: str, at: datetime, shift: str | None = None) -> Because | None:
        """Why somebody is not to be relied on at an instant."""
        absence = self._presence.absences(agent, shift).at(at)
        if absence is not None:
            return absence.because
        return Because("shadow", f"{agent} is a shadow") if self.agents[agent].shadow else None

    def _slots(self, target: str | None, queue: str | None, at: datetime) -> Iterator[_Slot]:
        if target in self._rotations:
            yield from _turn_slots(self._rotations[target], at)
        elif target in self._shifts:
            yield from self._shift_slots(self._shifts[target], queue, at)
        elif target is not None:
            yield _Slot(("agent", target), (target,), None, (Because("agent", f"{target} is named"),))

    def _shift_slots(self, shift: Shift, queue: str | None, at: datetime) -> Iterator[_Slot]:
        """All who work it in order, then those whom overrides add."""
        for stint in self._work.stints_at(shift, at):
            key = ("shift", shift.key, str(stint.day), stint.start.isoformat())
            for agent in shift.agents:
                yield _Slot(key, (agent,), stint.end, stint_says(shift, stint), shift.key)
        for override in self._work.more:
            named = override.rotation in (None, shift.key) and (queue is None or queue in self._work.queues_of(override))
            if named and override.start <= at < override.end:
                yield _Slot(("override", override.id), (override.agent,), override.end, (override_says(override, self.roster),))

    # -- until when

    def _until(self, hold: _Hold, target: str | None, queue: str | None, at: datetime) -> datetime | None:
        for edge in self._edges_between(target, at, hold.end or NEVER_ENDS):
            if self._still(hold, target, queue, edge) is None:
                return edge
        if hold.end is None:
            return None
        # An override that replaces somebody goes on in their next turn.
        goes_on = self._still(hold, target, queue, hold.end)
        return hold.end if goes_on is None else self._until(goes_on, target, queue, hold.end)

    def _still(self, hold: _Hold, target: str | None, queue: str | None, at: datetime) -> _Hold | None:
        return next((one for one in self._held(target, queue, at)[0] if (one.agent, one.key) == (hold.agent, hold.key)), None)

    def _personal_edges(self, target: str | None) -> tuple[datetime, ...]:
        """When somebody who may have it comes or goes, or an override that adds or replaces somebody begins or ends."""
        found = self._edges.get(target)
        if found is None:
            moving = (*self._replacing, *self._work.more)
            edges = {edge for one in moving for edge in (one.start, one.end)}
            for agent in {*self._members(target), *(one.agent for one in moving)}:
                edges.update(self._presence.edges(agent))
            found = self._edges[target] = tuple(sorted(edges))
        return found

    def _members(self, target: str | None) -> tuple[str, ...]:
        if target in self._rotations:
            return self._rotations[target].members
        if target in self._shifts:
            return self._shifts[target].agents
        return () if target is None else (target,)

    def _edges_between(self, target: str | None, after: datetime, before: datetime) -> Sequence[datetime]:
        edges = self._personal_edges(target)
        return edges[bisect_right(edges, after) : bisect_left(edges, before)]

    # -- nobody

    def gap(self, at: datetime, queue: str | None, severity: int | None) -> Gap | None:
        """The time around `at` during which nobody is on call; None when somebody is."""
        line = self.line(queue, severity)
        target = None if line is None else line.oncall
        holds, passed = self._held(target, queue, at)
        if holds:
            return None
        start = next((edge for edge in self._edges_back(target, at) if self._held(target, queue, edge - TICK)[0]), at)
        end = next((edge for edge in self._edges_ahead(target, at) if self._held(target, queue, edge)[0]), None)
        missing = "; ".join(dict.fromkeys(one.says for one in passed))
        nobody = self._nobody(line, queue, severity, at)
        return Gap(start, end, f"{nobody}: {missing}" if missing else nobody)

    def _nobody(self, line: Cover | None, queue: str | None, severity: int | None, at: datetime) -> str:
        if line is None:
            asked = [*([] if queue is None else [queue]), *([] if severity is None else [f"severity {severity}"])]
            return f"no line of cover is for {' and '.join(asked) or 'everything'}"
        if line.oncall in self._shifts:
            return self._work.why_nobody(self._shifts[line.oncall], at)
        rotation = self._rotations.get(line.oncall)
        if rotation is not None and at < first_turn(rotation):
            return f"the rotation {rotation.key} starts at {clock(first_turn(rotation), rotation.zone)}"
        return f"nobody of {line.oncall}"

    def _edges_ahead(self, target: str | None, at: datetime) -> Iterator[datetime]:
        """Instants after `at`, in order, at which somebody may be there again if nobody was until then."""
        shift, rotation = self._shifts.get(target or ""), self._rotations.get(target or "")
        personal = self._edges_between(target, at, NEVER_ENDS)
        if shift is not None:
            for since, until in pairwise((at, *personal, NEVER_ENDS)):
                if since > at:
                    yield since
                start = self._work.next_start(shift, since)
                if start is not None and start < until:  # who is not there at one start is not at the next, until somebody comes
                    yield start
        elif rotation is not None and first_turn(rotation) > at:
            yield from heapq.merge(personal, [first_turn(rotation)])
        else:
            yield from personal

    def _edges_back(self, target: str | None, at: datetime) -> Iterator[datetime]:
        """Instants up to `at`, the latest first, until which somebody may have been there if nobody was since."""
        shift = self._shifts.get(target or "")
        until = at
        for edge in (*reversed(self._edges_between(target, NEVER_BEGAN, at + TICK)), NEVER_BEGAN):
            end = None if shift is None else self._work.last_end(shift, until)
            if end is not None and end > edge:
                yield end
            if edge > NEVER_BEGAN:
                yield edge
            until = edge

    # -- over a time

    def next_change(self, at: datetime) -> datetime | None:
        """The next instant at which somebody comes or goes, or something is handed over; up to the horizon for shifts."""
        edges: list[datetime] = [edge for one in (*self._replacing, *self._work.more) for edge in (one.start, one.end)]
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

    def _shift_duties(self, start: datetime, end: datetime) -> Iterator[Duty]:
        named = {one.id: one.rotation or one.queue or "" for one in self._work.more}
        for one in self._work.between(start, end):
            source: Literal["shift", "override"] = "shift" if one.shift in self._shifts else "override"
            yield _duty(one.agent, one.start, one.end, source, named.get(one.shift, one.shift), one.because, one.shift)

    def _on_call_duties(self, start: datetime, end: datetime) -> Iterator[Duty]:
        """The turns of all rotations, and what overrides make of shifts and agents on call and of single queues."""
        lanes: set[tuple[str | None, str | None]] = {(rotation.key, None) for rotation in self.roster.rotations}
        for queue in {None, *(one.queue for one in self._replacing)}:
            lanes |= {(line.oncall, queue) for line in self.roster.cover if line.queue in (None, queue)} or {(None, queue)}
        own = {(override.id, override.queue) for override in self._replacing}
        for target, queue in lanes:
            for hold, since, until in self._pieces(target, queue, start, end):
                name = queue or target or ""
                if hold.key[0] == "override" and (hold.key[1], queue) in own:
                    yield _duty(hold.agent, since, until, "override", name, hold.because, hold.key[1])
                elif hold.key[0] == "rotation" and queue is None:
                    yield _duty(hold.agent, since, until, "rotation", name, hold.because, name)

    def _pieces(self, target: str | None, queue: str | None, start: datetime, end: datetime) -> list[tuple[_Hold, datetime, datetime]]:
        """Who has it from when to when, whole, as far as it has something of the time from `start` to `end`."""
        known: list[tuple[datetime, datetime]] = [(one.start, one.end) for one in self._replacing if one.start < end and one.end > start]
        if target in self._rotations:
            known += [(one.start, one.end) for one in turns_between(self._rotations[target], start, end)]
        first, last = min([start, *(one for one, _ in known)]), max([end, *(one for _, one in known)])
        edges = {first, *self._edges_between(target, first, last)}
        if target in self._rotations:
            edges |= {edge for one in turns_between(self._rotations[target], first, last) for edge in (one.start, one.end)}
        elif target in self._shifts:
            stints = self._work.stints_between(self._shifts[target], first, last)
            edges |= {edge for one in stints for edge in (one.start, one.end)}
        found: list[tuple[_Hold, datetime, datetime]] = []
        going: dict[tuple[str, tuple[str, ...]], tuple[_Hold, datetime]] = {}
        for edge in [*sorted(edge for edge in edges if first <= edge < last), last]:
            held = {(one.agent, one.key): one for one in (self._held(target, queue, edge)[0] if edge < last else ())}
            for key in going.keys() - held.keys():
                hold, since = going.pop(key)
                found.append((hold, since, edge))
            going |= {key: (hold, edge) for key, hold in held.items() if key not in going}
        return [one for one in found if one[1] < end and one[2] > start]


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


def _turn_slots(rotation: Rotation, at: datetime) -> Iterator[_Slot]:
    for one in turns_at(rotation, at):
        candidates = (*rotation.members[one.member :], *rotation.members[: one.member])
        start, end = clock(one.start, rotation.zone), clock(one.end, rotation.zone)
        because = (
            Because("rotation", f"in {rotation.key} {', '.join(rotation.members)} take turns"),
            Because("handover", f"the turn of {candidates[0]}, from {start} to {end}"),
        )
        yield _Slot(("rotation", rotation.key, str(one.number)), candidates, one.end, because)

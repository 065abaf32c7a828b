"""Who is there at all: contracts, time off, and whose hours somebody else works."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from tsbridge.core.roster import Agent, Away, Override, Roster
from tsbridge.core.rotation_turns import DAY, begins, ends

NEVER_BEGAN: Final = datetime.min.replace(tzinfo=UTC)
NEVER_ENDS: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Because:
    """One link of a chain of reasons. `step`: cover, fallback, rotation, handover, shift, calendar, agent, override, off, away, contract
    or shadow. `says`: in words, agents by their keys, times on the roster's clock."""

    step: str
    says: str


@dataclass(frozen=True, slots=True)
class Absence:
    start: datetime
    end: datetime
    because: Because


class Absences:
    """Times at which somebody is not there, apart and in order: of two at once the one that began first is the reason."""

    def __init__(self, known: Iterable[Absence]) -> None:
        apart: list[Absence] = []
        behind = NEVER_BEGAN
        for one in sorted(known, key=lambda one: (one.start, one.end, one.because.says)):
            if one.end > behind:
                apart.append(Absence(max(one.start, behind), one.end, one.because))
                behind = one.end
        self._apart = apart
        self._starts = [one.start for one in apart]

    def at(self, at: datetime) -> Absence | None:
        place = bisect_right(self._starts, at) - 1
        return self._apart[place] if place >= 0 and at < self._apart[place].end else None

    def between(self, start: datetime, end: datetime) -> Sequence[Absence]:
        """Those that have something of the time from `start` to `end`."""
        first = bisect_right(self._starts, start)
        if first and self._apart[first - 1].end > start:
            first -= 1
        return self._apart[first : bisect_left(self._starts, end)]

    def left_of(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """What of the time from `start` to `end` they leave, in pieces."""
        for one in self.between(start, end):
            if start < one.start:
                yield start, one.start
            start = one.end
        if start < end:
            yield start, end


class Presence:
    """Each agent's absences, and those of a shift: of somebody whose hours another works."""

    def __init__(self, roster: Roster, overrides: Sequence[Override], away: Sequence[Away]) -> None:
        self._zone = roster.zone
        self._agents = {agent.key: agent for agent in roster.agents}
        self._off = [one for one in overrides if one.kind == "off"]
        self._shifts = [one for one in overrides if one.kind == "shift"]
        self._away = away
        self._made: dict[tuple[str, str | None], Absences] = {}

    def absences(self, agent: str, shift: str | None = None) -> Absences:
        """When `agent` is not there; with `shift`: does not work it."""
        found = self._made.get((agent, shift))
        if found is None:
            known = self._known(agent) if shift is None else [*self._known(agent), *self._worked_by_others(agent, shift)]
            found = self._made[agent, shift] = Absences(known)
        return found

    def missing(self, agent: str, at: datetime, shift: str | None = None) -> Because | None:
        """Why `agent` is not to be relied on at an instant, in `shift` where one is given; None when they are there."""
        absence = self.absences(agent, shift).at(at)
        if absence is not None:
            return absence.because
        return Because("shadow", f"{agent} is a shadow") if self._agents[agent].shadow else None

    def edges(self, agent: str) -> Iterator[datetime]:
        """The instants at which `agent` comes or goes."""
        for one in self.absences(agent).between(NEVER_BEGAN, NEVER_ENDS):
            yield from (edge for edge in (one.start, one.end) if NEVER_BEGAN < edge < NEVER_ENDS)

    def _known(self, key: str) -> Iterator[Absence]:
        agent = self._agents.get(key)
        if agent is None:
            yield Absence(NEVER_BEGAN, NEVER_ENDS, Because("contract", f"{key} is not in the roster"))
            return
        yield from self._outside_contract(agent)
        for override in self._off:
            if override.agent == key:
                words = f"{key} is off until {clock(override.end, self._zone)}: {override.why}"
                yield Absence(override.start, override.end, Because("off", words))
        for away in self._away:
            if away.agent == key:
                words = f"{key} is away until {clock(away.end, self._zone)}, by the feed {away.feed}"
                yield Absence(away.start, away.end, Because("away", words))

    def _outside_contract(self, agent: Agent) -> Iterator[Absence]:
        if agent.since is not None:
            start = begins(agent.since, 0, self._zone)
            yield Absence(NEVER_BEGAN, start, Because("contract", f"{agent.key} comes on {agent.since}"))
        if agent.until is not None:
            end = ends(agent.until + DAY, 0, self._zone)
            yield Absence(end, NEVER_ENDS, Because("contract", f"the last day of {agent.key} was {agent.until}"))

    def _worked_by_others(self, key: str, shift: str) -> Iterator[Absence]:
        for override in self._shifts:
            if override.instead_of == key and override.rotation in (None, shift):
                words = Because("override", f"{override.agent} works instead of {key}: {override.why}")
                for start, end in self.absences(override.agent).left_of(override.start, override.end):
                    yield Absence(start, end, words)


def clock(at: datetime, zone: tzinfo) -> str:
    """An instant as the wall clock shows it, with its offset: 2026-11-02 09:00-08:00."""
    return at.astimezone(zone).isoformat(" ", "minutes")

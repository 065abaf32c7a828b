"""Who works which shift, when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tsbridge.core.calendar import HORIZON, Calendar
from tsbridge.core.presence import Because, Presence, clock
from tsbridge.core.roster import Override, Roster, Shift
from tsbridge.core.rotation_turns import DAY, Stint, days_near, kept_free, stints_on

STINTS_KEPT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Present:
    """A piece of a shift that somebody works. `shift`: its key, or the override's id. `queues`: those worked in it. A shadow is there to
    learn, and nobody relies on them."""

    agent: str
    shift: str
    start: datetime
    end: datetime
    because: tuple[Because, ...]
    shadow: bool = False
    queues: tuple[str, ...] = ()


class AtWork:
    """The shifts of a roster and those that overrides add."""

    def __init__(self, roster: Roster, overrides: Sequence[Override], presence: Presence, calendars: Mapping[str, Calendar]) -> None:
        self._roster = roster
        self._agents = {agent.key: agent for agent in roster.agents}
        self._order = {agent.key: place for place, agent in enumerate(roster.agents)}
        self.more = tuple(one for one in overrides if one.kind == "shift" and one.agent in self._agents)
        self._presence = presence
        self._calendars = calendars
        self._stints: dict[tuple[str, date], tuple[Stint, ...]] = {}

    def at(self, at: datetime, queue: str | None) -> tuple[Present, ...]:
        """In the document's order of agents; once for each shift."""
        found = [one for shift in self._roster.shifts for stint in self.stints_at(shift, at) for one in self._working(shift, stint)]
        found += [one for override in self.more for one in self._working_more(override)]
        there = (one for one in found if one.start <= at < one.end and (queue is None or queue in one.queues))
        return tuple(sorted(there, key=lambda one: (self._order[one.agent], one.start, one.shift)))

    def between(self, start: datetime, end: datetime) -> Iterator[Present]:
        """Every piece that has something of the time from `start` to `end`, whole."""
        found = [
            one for shift in self._roster.shifts for stint in self.stints_between(shift, start, end) for one in self._working(shift, stint)
        ]
        found += [one for override in self.more for one in self._working_more(override)]
        return (one for one in found if one.start < end and one.end > start)

    def _working(self, shift: Shift, stint: Stint) -> Iterator[Present]:
        because = stint_says(shift, stint)
        for key in shift.agents:
            if (agent := self._agents.get(key)) is not None:
                for start, end in self._presence.absences(key, shift.key).left_of(stint.start, stint.end):
                    yield Present(key, shift.key, start, end, because, agent.shadow, shift.queues or agent.queues)

    def _working_more(self, override: Override) -> Iterator[Present]:
        agent = self._agents[override.agent]
        because = (override_says(override, self._roster),)
        for start, end in self._presence.absences(agent.key).left_of(override.start, override.end):
            yield Present(agent.key, override.id, start, end, because, agent.shadow, self.queues_of(override))

    def queues_of(self, override: Override) -> tuple[str, ...]:
        """The queues that an additional shift is for."""
        return self._agents[override.agent].queues if override.queue is None else (override.queue,)

    def more_for(self, shift: Shift, queue: str | None) -> Iterator[Override]:
        """The overrides that add somebody to a shift, as far as it is there for the queue."""
        for override in self.more:
            if override.rotation in (None, shift.key) and (queue is None or queue in self.queues_of(override)):
                yield override

    def replacing_in(self, shift: Shift) -> Iterator[Override]:
        """The overrides that take somebody out of a shift."""
        return (one for one in self.more if one.instead_of is not None and one.rotation in (None, shift.key))

    def stints_at(self, shift: Shift, at: datetime) -> list[Stint]:
        return [one for day in days_near(shift, at) for one in self.stints_on(shift, day) if one.start <= at < one.end]

    def stints_between(self, shift: Shift, start: datetime, end: datetime) -> Iterator[Stint]:
        """Those that have something of the time from `start` to `end`, by their days."""
        for day in self._days(shift, start, end):
            yield from (one for one in self.stints_on(shift, day) if one.start < end and one.end > start)

    def next_start(self, shift: Shift, after: datetime) -> datetime | None:
        """When the shift next begins, up to the horizon."""
        day = days_near(shift, after)[0]
        for ahead in range(HORIZON.days):
            if starts := [one.start for one in self.stints_on(shift, day + ahead * DAY) if one.start > after]:
                return min(starts)
        return None

    def last_end(self, shift: Shift, until: datetime) -> datetime | None:
        """When the shift last ended, back to the horizon."""
        day = days_near(shift, until)[-1]
        for back in range(HORIZON.days):
            if found := [one.end for one in self.stints_on(shift, day - back * DAY) if one.end <= until]:
                return max(found)
        return None

    def next_edge(self, shift: Shift, after: datetime) -> datetime | None:
        """When the shift next begins or ends."""
        ends = [one.end for one in self.stints_at(shift, after)]
        start = self.next_start(shift, after)
        return min([*ends, *([] if start is None else [start])], default=None)

    def edges_between(self, shift: Shift, start: datetime, end: datetime) -> set[datetime]:
        """When the shift begins or ends, or would if there were no free or half days."""
        as_written = (one for day in self._days(shift, start, end) for one in stints_on(shift, day, None))
        return {edge for one in (*as_written, *self.stints_between(shift, start, end)) for edge in (one.start, one.end)}

    def _days(self, shift: Shift, start: datetime, end: datetime) -> Iterator[date]:
        day, last = days_near(shift, start)[0], days_near(shift, end)[-1]
        while day <= last:
            yield day
            day += DAY

    def stints_on(self, shift: Shift, day: date) -> tuple[Stint, ...]:
        found = self._stints.get((shift.key, day))
        if found is None:
            if len(self._stints) >= STINTS_KEPT:  # people may ask about any day
                self._stints.clear()
            found = self._stints[shift.key, day] = stints_on(shift, day, self._calendar(shift))
        return found

    def why_nobody(self, shift: Shift, at: datetime) -> str:
        """Why a shift has nobody at an instant."""
        if self.stints_at(shift, at):
            return f"nobody in the shift {shift.key}"
        if (free := kept_free(shift, at, self._calendar(shift))) is not None:
            return f"no shift {shift.key}: {free}"
        return f"between the hours of the shift {shift.key}"

    def _calendar(self, shift: Shift) -> Calendar | None:
        """None where the rulebook does not have it (any more): then the shift is as it is written."""
        return None if shift.calendar is None else self._calendars.get(shift.calendar)


def stint_says(shift: Shift, stint: Stint) -> tuple[Because, ...]:
    hours = f"{clock(stint.start, shift.zone)} to {clock(stint.end, shift.zone)}"
    says = Because("shift", f"the shift {shift.key} of {stint.day}, from {hours}")
    return (says,) if stint.kept is None else (says, Because("calendar", stint.kept))


def override_says(override: Override, roster: Roster) -> Because:
    instead = "" if override.instead_of is None else f" instead of {override.instead_of}"
    does = "works" if override.kind == "shift" else "answers"
    return Because("override", f"{override.agent} {does}{instead} until {clock(override.end, roster.zone)}: {override.why}")

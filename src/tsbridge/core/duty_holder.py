"""Who has a rotation, a shift or a line of their own at an instant: the first who is there, or whom an override puts in their place."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tsbridge.core.at_work import AtWork, override_says, stint_says
from tsbridge.core.presence import Because, Presence, clock
from tsbridge.core.roster import Override, Roster, Rotation, Shift
from tsbridge.core.rotation_turns import turns_at


@dataclass(frozen=True, slots=True)
class Hold:
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


class Lane:
    """One thing that somebody is to have at any instant, as a line of cover names it.

    `target`: a rotation, a shift or an agent, None for none; `queue`: for which it is asked, None for none in particular.
    Of two overrides for the same the later in order counts.
    """

    def __init__(
        self, roster: Roster, target: str | None, queue: str | None, overrides: Sequence[Override], presence: Presence, work: AtWork
    ) -> None:
        self.target, self.queue = target, queue
        self.rotation = next((one for one in roster.rotations if one.key == target), None)
        self.shift = next((one for one in roster.shifts if one.key == target), None) if self.rotation is None else None
        self.replacing = tuple(one for one in reversed(overrides) if one.kind == "oncall" and _is_for(one, target, queue))
        self._adding = () if self.shift is None else tuple(work.more_for(self.shift, queue))
        self._roster = roster
        self._presence = presence
        self._work = work
        self._edges: tuple[datetime, ...] | None = None

    def at(self, at: datetime, passed: list[Because]) -> Iterator[Hold]:
        """Who has it, the first to be told in front; adds to `passed` why others have not. Somebody may have it twice, in two turns."""
        replacing = [one for one in self.replacing if one.start <= at < one.end]
        for place, override in enumerate(replacing):
            if override.instead_of is None:
                slot = _Slot(("override", override.id), (override.agent,), override.end, (override_says(override, self._roster),))
                if (found := self._first_there(slot, replacing[:place], at, passed)) is not None:
                    yield found
                    return
        for slot in self._slots(at):
            if (found := self._first_there(slot, replacing, at, passed)) is not None:
                yield found

    def is_held(self, at: datetime) -> bool:
        return next(self.at(at, []), None) is not None

    def _first_there(self, slot: _Slot, replacing: Sequence[Override], at: datetime, passed: list[Because]) -> Hold | None:
        before = len(passed)
        for candidate in slot.candidates:
            for override in replacing:
                if override.instead_of == candidate:
                    if (missing := self._presence.missing(override.agent, at)) is None:
                        end = override.end if slot.end is None else min(override.end, slot.end)
                        chain = (*slot.because, *passed[before:], override_says(override, self._roster))
                        return Hold(override.agent, ("override", override.id), end, chain)
                    passed.append(missing)
            if (missing := self._presence.missing(candidate, at, slot.shift)) is None:
                return Hold(candidate, slot.key, slot.end, (*slot.because, *passed[before:]))
            passed.append(missing)
        return None

    def _slots(self, at: datetime) -> Iterator[_Slot]:
        if self.rotation is not None:
            yield from _turn_slots(self.rotation, at)
        elif self.shift is not None:
            yield from self._shift_slots(self.shift, at)
        elif self.target is not None:
            yield _Slot(("agent", self.target), (self.target,), None, (Because("agent", f"{self.target} is named"),))

    def _shift_slots(self, shift: Shift, at: datetime) -> Iterator[_Slot]:
        """All who work it in order, then those whom overrides add."""
        for stint in self._work.stints_at(shift, at):
            key, because = ("shift", shift.key, stint.start.isoformat()), stint_says(shift, stint)
            for agent in shift.agents:
                yield _Slot(key, (agent,), stint.end, because, shift.key)
        for override in self._adding:
            if override.start <= at < override.end:
                yield _Slot(("override", override.id), (override.agent,), override.end, (override_says(override, self._roster),))

    def edges_between(self, after: datetime, before: datetime) -> Sequence[datetime]:
        """After `after` and before `before`, in order: when somebody who may have it comes or goes, or an override begins or ends."""
        if self._edges is None:
            self._edges = tuple(sorted(self._personal_edges()))
        return self._edges[bisect_right(self._edges, after) : bisect_left(self._edges, before)]

    def _personal_edges(self) -> set[datetime]:
        overrides = (*self.replacing, *self._adding, *(() if self.shift is None else self._work.replacing_in(self.shift)))
        agents = {*self._members(), *(one.agent for one in overrides)}
        return {edge for one in overrides for edge in (one.start, one.end)}.union(*(self._presence.edges(agent) for agent in agents))

    def _members(self) -> tuple[str, ...]:
        if self.rotation is not None:
            return self.rotation.members
        if self.shift is not None:
            return self.shift.agents
        return () if self.target is None else (self.target,)


def _is_for(override: Override, target: str | None, queue: str | None) -> bool:
    return override.rotation in (None, target) and override.queue in (None, queue)


def _turn_slots(rotation: Rotation, at: datetime) -> Iterator[_Slot]:
    for one in turns_at(rotation, at):
        candidates = tuple(dict.fromkeys((*rotation.members[one.member :], *rotation.members[: one.member])))
        start, end = clock(one.start, rotation.zone), clock(one.end, rotation.zone)
        because = (
            Because("rotation", f"in {rotation.key} {', '.join(rotation.members)} take turns"),
            Because("handover", f"the turn of {candidates[0]}, from {start} to {end}"),
        )
        yield _Slot(("rotation", rotation.key, str(one.number)), candidates, one.end, because)

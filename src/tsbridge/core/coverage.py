"""Holes: when nobody is on call for a queue and a severity, why, and who could be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.presence import Absence, Absences, Because, clock
from tsbridge.core.roster import Cover
from tsbridge.core.rota import Rota

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hole:
    """Nobody is on call from `start` to `end`. `severity` None: for all of them. `why`: the reasons, each with its time from the second on.

    `agent`: who could cover, None when nobody can; `proposal` says it in words, with what they would have to be given.
    """

    queue: str
    severity: int | None
    start: datetime = field(metadata={"alias": "from"})
    end: datetime = field(metadata={"alias": "to"})
    why: str
    proposal: str
    agent: str | None = field(default=None, metadata={"exclude": True})


@dataclass(frozen=True, slots=True)
class _Uncovered:
    start: datetime
    end: datetime
    why: str


def holes(rota: Rota, queues: Sequence[str], severities: Sequence[int], start: datetime, end: datetime) -> tuple[Hole, ...]:
    """Every hole of the time from `start` to `end`, cut to it, by their starts. Where all severities are equally uncovered it is one.

    Proposals are fair over all of them: each counts as hours of whom it names.
    """
    known: dict[tuple[Cover | int | None, str], tuple[_Uncovered, ...]] = {}
    found: list[tuple[_Uncovered, str, int | None]] = []
    for queue in queues:
        by_severity: dict[int | None, tuple[_Uncovered, ...]] = {}
        for severity in severities or (None,):
            line = rota.line(queue, severity)
            by = (severity if line is None else line, queue)
            if by not in known:
                known[by] = tuple(_uncovered(rota, queue, severity, start, end))
            by_severity[severity] = known[by]
        found += _merged(queue, by_severity)
    place = {queue: number for number, queue in enumerate(queues)}
    found.sort(key=lambda one: (one[0].start, one[0].end, place[one[1]], one[2] or 0))
    if not found:
        return ()
    roll = _Roll(rota, start, end)
    return tuple(Hole(queue, severity, one.start, one.end, one.why, *roll.proposal(one, queue)) for one, queue, severity in found)


def _uncovered(rota: Rota, queue: str, severity: int | None, start: datetime, end: datetime) -> Iterator[_Uncovered]:
    since: datetime | None = None
    why: dict[str, datetime] = {}
    for edge in (start, *rota.nobody_edges(start, end, queue, severity)):
        nobody = rota.nobody(edge, queue, severity)
        if nobody is not None:
            since = since or edge
            why.setdefault(nobody, edge)
        elif since is not None:
            yield _Uncovered(since, edge, _reasons(rota, why))
            since, why = None, {}
    if since is not None:
        yield _Uncovered(since, end, _reasons(rota, why))


def _reasons(rota: Rota, why: Mapping[str, datetime]) -> str:
    first, *more = why
    return "; ".join([first, *(f"from {clock(why[one], rota.roster.zone)} {one}" for one in more)])


def _merged(queue: str, by_severity: Mapping[int | None, tuple[_Uncovered, ...]]) -> Iterator[tuple[_Uncovered, str, int | None]]:
    """Holes of one queue; those of all severities alike are of none alone."""
    times = [{(one.start, one.end) for one in uncovered} for uncovered in by_severity.values()]
    common = set.intersection(*times)
    for start, end in common:
        alike = [one.why for uncovered in by_severity.values() for one in uncovered if (one.start, one.end) == (start, end)]
        yield _Uncovered(start, end, "; ".join(dict.fromkeys(alike))), queue, None
    for severity, uncovered in by_severity.items():
        yield from ((one, queue, severity) for one in uncovered if (one.start, one.end) not in common)


class _Roll:
    """Who has how many hours of duty, and who is free when."""

    def __init__(self, rota: Rota, start: datetime, end: datetime) -> None:
        self._rota = rota
        duties: dict[str, list[Absence]] = {key: [] for key in rota.agents}
        for duty in rota.duties(start, end):
            duties[duty.agent].append(Absence(max(duty.start, start), min(duty.end, end), Because("duty", duty.name)))
        self._duties = {key: Absences(known) for key, known in duties.items()}
        self._hours = {
            key: sum((one.end - one.start for one in known.between(start, end)), timedelta()) for key, known in self._duties.items()
        }

    def proposal(self, hole: _Uncovered, queue: str) -> tuple[str, str | None]:
        """In words, and whom: who is there the longest from its start on, of those the one with the fewest hours."""
        able = [key for key, agent in self._rota.agents.items() if queue in agent.queues and not agent.shadow]
        off = {key for key in able if self._rota.absences(key).at(hole.start) is not None}
        free = {key: self._free_until(key, hole) for key in able if key not in off and self._duties[key].at(hole.start) is None}
        if not free:
            if not able:
                return f"nobody could: no agent works {queue}", None
            return (
                f"nobody could: of {len(able)} who work {queue} {len(off)} are not there and {len(able) - len(off)} have another duty",
                None,
            )
        agent = min(free, key=lambda key: (hole.end - free[key], self._hours[key]))
        hours = self._hours[agent] // HOUR
        self._hours[agent] += free[agent] - hole.start
        until = "" if free[agent] == hole.end else f" until {clock(free[agent], self._rota.roster.zone)}"
        return (
            f"{agent} could{until}, by an override for {queue}: is there, works it, has no other duty and {hours} h of duty in all",
            agent,
        )

    def _free_until(self, agent: str, hole: _Uncovered) -> datetime:
        busy = (*self._rota.absences(agent).between(hole.start, hole.end), *self._duties[agent].between(hole.start, hole.end))
        return min((one.start for one in busy), default=hole.end)

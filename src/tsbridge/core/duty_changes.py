"""Whose coming duty is another than it was: what people are told when a roster or an override changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.rota import Duty
from tsbridge.core.spans import Span, merged, without

AHEAD: Final = timedelta(days=14)
"""What begins later is not told."""
SEEN: Final = timedelta(days=42)
"""How far ahead duties are compared, so that what begins in time has its end."""
FAR: Final = timedelta(days=35)
"""An end that lies further ahead may be no end but that of what is seen."""
AT_ONCE: Final = timedelta(hours=12)
"""A change of what begins so soon waits for no end of quiet hours."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A time of a duty that somebody has got or no longer has. `name`: of the shift, rotation or queue; empty for none."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class DutyChange:
    """What became of one agent's duties. `gained` and `lost`: by start; at least one of them has something."""

    agent: str
    gained: tuple[Piece, ...]
    lost: tuple[Piece, ...]


def duty_changes(before: Sequence[Duty], after: Sequence[Duty], start: datetime, end: datetime) -> tuple[DutyChange, ...]:
    """By agent what differs between two lists of duties in the time from `start` to `end`.

    How somebody came by a duty does not count: a turn that an override gives to whom it belonged changes nothing.
    """
    was, becomes = _held(before, start, end), _held(after, start, end)
    gained: dict[str, list[Piece]] = {}
    lost: dict[str, list[Piece]] = {}
    for key in was.keys() | becomes.keys():
        agent, name = key
        old, new = was.get(key, []), becomes.get(key, [])
        gained.setdefault(agent, []).extend(Piece(name, *span) for span in without(new, old))
        lost.setdefault(agent, []).extend(Piece(name, *span) for span in without(old, new))
    changes = (DutyChange(agent, _sorted(gained[agent]), _sorted(lost[agent])) for agent in sorted(gained))
    return tuple(one for one in changes if one.gained or one.lost)


def in_time(change: DutyChange, now: datetime) -> DutyChange | None:
    """What of a change is to be told: what begins soon enough and is not over. None for nothing."""
    gained, lost = (
        tuple(Piece(one.name, max(one.start, now), one.end) for one in pieces if one.end > now and one.start < now + AHEAD)
        for pieces in (change.gained, change.lost)
    )
    return DutyChange(change.agent, gained, lost) if gained or lost else None


def together(earlier: DutyChange, later: DutyChange) -> DutyChange:
    """Two changes for one agent, one behind the other, as one: what the second takes back is in neither list."""
    gained = [*_left(earlier.gained, later.lost), *_left(later.gained, earlier.lost)]
    lost = [*_left(earlier.lost, later.gained), *_left(later.lost, earlier.gained)]
    return DutyChange(later.agent, _joined(gained), _joined(lost))


@dataclass(frozen=True, slots=True)
class Handover:
    """A piece of duty and who stands beside it. `before` and `after`: who has the same until it begins and from its end on, `after` with
    until when; `instead`: of a lost piece, who has it now."""

    piece: Piece
    before: tuple[str, ...] = ()
    after: tuple[tuple[str, datetime], ...] = ()
    instead: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` gives an equal one back."""
        return {
            "name": self.piece.name,
            "from": instant_text(self.piece.start),
            "to": instant_text(self.piece.end),
            "before": list(self.before),
            "after": [{"agent": agent, "until": instant_text(until)} for agent, until in self.after],
            "instead": list(self.instead),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Handover:
        after = tuple((one["agent"], read_instant(one["until"])) for one in data["after"])
        piece = Piece(data["name"], read_instant(data["from"]), read_instant(data["to"]))
        return cls(piece, tuple(data["before"]), after, tuple(data["instead"]))


@dataclass(frozen=True, slots=True)
class News:
    """What one agent is told."""

    gained: tuple[Handover, ...]
    lost: tuple[Handover, ...]

    @property
    def first(self) -> datetime:
        """When the first of it begins."""
        return min(one.piece.start for one in (*self.gained, *self.lost))

    @property
    def last(self) -> datetime:
        """When all of it is over."""
        return max(one.piece.end for one in (*self.gained, *self.lost))

    def change(self, agent: str) -> DutyChange:
        return DutyChange(agent, tuple(one.piece for one in self.gained), tuple(one.piece for one in self.lost))

    def to_json(self) -> dict[str, Any]:
        return {"gained": [one.to_json() for one in self.gained], "lost": [one.to_json() for one in self.lost]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> News:
        gained, lost = (tuple(Handover.from_json(one) for one in data[name]) for name in ("gained", "lost"))
        return cls(gained, lost)


def news(change: DutyChange, duties: Mapping[str, Collection[Duty]]) -> News:
    """A change with who stands beside each piece. `duties`: all that are had now, by their names."""
    gained = tuple(_handover(one, change.agent, duties.get(one.name, ())) for one in change.gained)
    lost = tuple(Handover(one, instead=_instead(one, duties.get(one.name, ()))) for one in change.lost)
    return News(gained, lost)


def _handover(piece: Piece, agent: str, same: Iterable[Duty]) -> Handover:
    before, after = [], []
    for one in same:
        if one.agent != agent and one.start < piece.start <= one.end < piece.end:
            before.append(one.agent)
        if one.agent != agent and piece.start < one.start <= piece.end < one.end:
            after.append((one.agent, one.end))
    return Handover(piece, tuple(sorted(set(before))), tuple(sorted(set(after))))


def _instead(piece: Piece, same: Iterable[Duty]) -> tuple[str, ...]:
    return tuple(sorted({one.agent for one in same if one.start <= piece.start < one.end}))


def _left(pieces: Iterable[Piece], others: Sequence[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        theirs = sorted((one.start, one.end) for one in others if one.name == piece.name)
        found += [Piece(piece.name, *span) for span in without([(piece.start, piece.end)], theirs)]
    return found


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same times in as few pieces as may be."""
    spans: dict[str, list[Span]] = {}
    for one in pieces:
        spans.setdefault(one.name, []).append((one.start, one.end))
    return _sorted(Piece(name, *span) for name, theirs in spans.items() for span in merged(theirs))


def _held(duties: Iterable[Duty], start: datetime, end: datetime) -> dict[tuple[str, str], list[Span]]:
    """By agent and name the times, apart and in order."""
    found: dict[tuple[str, str], list[Span]] = {}
    for duty in duties:
        found.setdefault((duty.agent, duty.name), []).append((max(duty.start, start), min(duty.end, end)))
    return {key: merged(spans) for key, spans in found.items()}


def _sorted(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    return tuple(sorted(pieces, key=lambda one: (one.start, one.end, one.name)))

"""Whose coming duty is another than it was: what people are told when a roster or an override changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tsbridge.core.rota import Duty

Span = tuple[datetime, datetime]


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
        gained.setdefault(agent, []).extend(Piece(name, *span) for span in _without(new, old))
        lost.setdefault(agent, []).extend(Piece(name, *span) for span in _without(old, new))
    changes = (DutyChange(agent, _sorted(gained[agent]), _sorted(lost[agent])) for agent in sorted(gained))
    return tuple(one for one in changes if one.gained or one.lost)


def _held(duties: Iterable[Duty], start: datetime, end: datetime) -> dict[tuple[str, str], list[Span]]:
    """By agent and name the times, apart and in order."""
    found: dict[tuple[str, str], list[Span]] = {}
    for duty in sorted(duties, key=lambda one: (one.start, one.end)):
        since, until = max(duty.start, start), min(duty.end, end)
        if since >= until:
            continue
        spans = found.setdefault((duty.agent, duty.name), [])
        if spans and since <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], until))
        else:
            spans.append((since, until))
    return found


def _without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of `spans` no time of `others` holds; both apart and in order."""
    left: list[Span] = []
    for start, end in spans:
        for since, until in others:
            if until <= start or since >= end:
                continue
            if start < since:
                left.append((start, since))
            start = until
            if start >= end:
                break
        if start < end:
            left.append((start, end))
    return left


def _sorted(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    return tuple(sorted(pieces, key=lambda one: (one.start, one.end, one.name)))

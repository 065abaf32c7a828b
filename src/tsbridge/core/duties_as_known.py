"""Who had and has what over a time: the past as it was known then, what is to come as it is known now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tsbridge.core.rota import Duty, Rota

Spell = tuple[datetime, datetime, Rota | None]
"""A time in which one thing was known: its start, its end, and the rota that was; None before the first roster."""


def duties(spells: Sequence[Spell]) -> tuple[Duty, ...]:
    """The duties of spells that follow each other. What was learnt in the middle of a duty cuts it; what it leaves goes on as one.

    A duty that began before the first spell, or ends behind the last, is shown whole.
    """
    found: list[Duty] = []
    for place, (start, end, rota) in enumerate(spells):
        known = () if rota is None else rota.duties(start, end)
        low = None if place == 0 else start
        high = None if place == len(spells) - 1 else end
        found += [_cut(duty, low, high) for duty in known]
    return tuple(sorted(_joined(found), key=lambda duty: (duty.start, duty.id)))


def _cut(duty: Duty, low: datetime | None, high: datetime | None) -> Duty:
    start = duty.start if low is None else max(duty.start, low)
    end = duty.end if high is None else min(duty.end, high)
    return replace(duty, start=start, end=end)


def _joined(pieces: Iterable[Duty]) -> list[Duty]:
    """Pieces of one duty that touch are one again; a later piece that stands apart gets an id of its own."""
    last: dict[str, int] = {}
    found: list[Duty] = []
    for piece in pieces:
        place = last.get(piece.id)
        if place is not None and found[place].end == piece.start:
            found[place] = replace(found[place], end=piece.end)
            continue
        last[piece.id] = len(found)
        found.append(piece if place is None else replace(piece, id=f"{piece.id}+{piece.start:%Y-%m-%dT%H:%M:%SZ}"))
    return found

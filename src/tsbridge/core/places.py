"""Places in a story, as text: comparing two of them compares when what is there happened (`Moment.place`).

A due time comes before everything that happens at its instant; its place is the instant alone.
"""

from __future__ import annotations

from datetime import datetime

from tsbridge.core.moments import instant_text, read_instant


def first_at(at: datetime) -> str:
    """The place of a due time, before what happens at the same instant."""
    return f"{instant_text(at)}:"


def instant_of(place: str) -> datetime:
    """The instant of a place in a story."""
    return read_instant(place[:-1] if place.endswith(":") else place.rsplit(":", 2)[0])


def is_at(moment: str, place: str) -> bool:
    """Whether a moment, by its digest or the name of a due time, is the one at this place of its story."""
    instant, _, tie = place.rpartition(":")
    return bool(instant) and moment.startswith("clock:") and moment.endswith(instant) if not tie else moment[:16] == tie[-16:]

"""Stale lists of tags: a client reads a ticket, we write, the client saves the whole list it had read (zenpy does).

Nobody meant to undo our write, so it is no person's removal: within a minute, and only when nothing else is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime, timedelta
from typing import Final, NamedTuple

WITHIN: Final = timedelta(seconds=60)
"""So long after a write of ours a client may still send the list that it had read before."""


class Overwrote(NamedTuple):
    """The list of tags that a write of ours found, sorted."""

    at: datetime
    tags: tuple[str, ...]


def restates(at: datetime, tags: Set[str], writes: Iterable[Overwrote]) -> bool:
    """Whether a list of tags set at an instant is the one that a write of ours found shortly before."""
    return any([timedelta(0) <= at - one.at <= WITHIN and tags == set(one.tags) for one in writes])

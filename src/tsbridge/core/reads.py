"""How much may be read of Zendesk in a minute, by all processes and all readers together.

A value and pure functions over it, kept in one row like the budget of updates. In any sixty seconds no more is read than the
limit says; a reader that can wait may only use its share of it, so that something is always left for what cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tsbridge.core.budget import MINUTE, Spent, last_minute, spent_more
from tsbridge.core.moments import instant_text, read_instant


@dataclass(frozen=True, slots=True)
class Reads:
    """`spent`: reads of the last minute by the second. `closed_until`: nobody reads before then. `counted`: reads ever, by reader."""

    spent: Spent = ()
    closed_until: datetime | None = None
    counted: tuple[tuple[str, int], ...] = ()


def take(reads: Reads, reader: str, limit: int, wanted: int, now: datetime) -> tuple[Reads, int]:
    """Up to `wanted` reads, as many as are left of `limit` a minute; how many were taken."""
    left = 0 if closed(reads, now) else limit - sum(n for _, n in last_minute(reads.spent, now))
    taken = max(0, min(wanted, left))
    if not taken:
        return reads, 0
    counted = dict(reads.counted)
    counted[reader] = counted.get(reader, 0) + taken
    return replace(reads, spent=spent_more(reads.spent, taken, now), counted=tuple(sorted(counted.items()))), taken


def next_free(reads: Reads, limit: int, now: datetime) -> datetime:
    """When one read of `limit` a minute will be left; now if one is."""
    if closed(reads, now) and reads.closed_until is not None:
        return reads.closed_until
    spent = last_minute(reads.spent, now)
    over = sum(n for _, n in spent) - limit + 1
    for at, n in spent:
        if over <= 0:
            break
        over -= n
        now = at + MINUTE
    return now


def closed(reads: Reads, now: datetime) -> bool:
    return reads.closed_until is not None and now < reads.closed_until


def wait_until(reads: Reads, until: datetime) -> Reads:
    """Nobody reads before `until`; an earlier end of a wait does not shorten a later one."""
    return reads if reads.closed_until is not None and reads.closed_until >= until else replace(reads, closed_until=until)


def reads_json(reads: Reads) -> dict[str, Any]:
    return {
        "spent": [[instant_text(at), n] for at, n in reads.spent],
        "closed_until": None if reads.closed_until is None else instant_text(reads.closed_until),
        "counted": dict(reads.counted),
    }


def reads_from(data: Mapping[str, Any] | None) -> Reads:
    """None: nothing was ever read."""
    if data is None:
        return Reads()
    return Reads(
        spent=tuple((read_instant(at), n) for at, n in data["spent"]),
        closed_until=None if data["closed_until"] is None else read_instant(data["closed_until"]),
        counted=tuple(sorted(data["counted"].items())),
    )

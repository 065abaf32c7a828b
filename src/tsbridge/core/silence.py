"""Is it improbable that a source has nothing to say? Learned from how much it said at the same hour of the week.

Hours are counted since 1970. What is usual for an hour is the lower quartile of the same hours of past weeks, or of past
days while there are too few weeks: a single busy week makes nobody expect more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

WEEKS: Final = 6
"""How far back is looked; older counts may be forgotten."""
ENOUGH_WEEKS: Final = 3
ENOUGH_DAYS: Final = 3
DAY: Final = 24
WEEK: Final = 7 * DAY
IMPROBABLE: Final = 30.0
"""Deliveries that should have come. Were each on its own, 14 would make one false alarm in a million; they come in bunches."""
HOUR: Final = timedelta(hours=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def hour_of(at: datetime) -> int:
    return (at - EPOCH) // HOUR


def usual(counts: Mapping[int, int], began: int, hour: int) -> float:
    """How many deliveries an hour usually brings; 0 while too little is known. `began`: the first hour that was listened to in full."""
    for step, times, enough in ((WEEK, WEEKS, ENOUGH_WEEKS), (DAY, 7, ENOUGH_DAYS)):
        past = [hour - step * n for n in range(1, times + 1) if hour - step * n > began]
        if len(past) >= enough:
            heard = sorted(_calmly(counts, h) for h in past)
            return heard[len(heard) // 4]
    return 0.0


def _calmly(counts: Mapping[int, int], hour: int) -> float:
    """What an hour brought, but no more than it and its neighbours on average: neither a burst nor the edge of a day counts."""
    return min(counts.get(hour, 0), sum(counts.get(hour + near, 0) for near in (-1, 0, 1)) / 3)


def expected(counts: Mapping[int, int], began: int, start: datetime, end: datetime) -> float:
    """How many deliveries usually come between two instants."""
    total = 0.0
    for hour in range(hour_of(start), hour_of(end) + 1):
        opens = EPOCH + hour * HOUR
        share = (min(end, opens + HOUR) - max(start, opens)) / HOUR
        total += max(share, 0.0) * usual(counts, began, hour)
    return total


def improbable(counts: Mapping[int, int], began: int, start: datetime, end: datetime) -> bool:
    """Whether hearing nothing from `start` to `end` is a sign of trouble."""
    return expected(counts, began, start, end) >= IMPROBABLE

"""How much may be asked of Zendesk, by all processes together: permits, learned limits, waiting as told, and the breaker.

A value and pure functions over it. The store keeps it in one row that every process reads and changes, so two processes
never spend the same permit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.ports import CLOCKS_APART

SHARE: Final = 0.7
"""Of any limit we learn of; the rest belongs to the customer's other integrations."""
MINUTE: Final = timedelta(minutes=1)
UPDATES: Final = "tickets-update"
IN_A_ROW: Final = 5
CALLS: Final = 10
PROBE: Final = timedelta(seconds=30)
"""Between two probes of an upstream that is in trouble: two a minute."""
REMEMBERED: Final = 40

Spent = tuple[tuple[datetime, int], ...]
"""How much was spent, by the second."""


@dataclass(frozen=True, slots=True)
class Budget:
    """`tokens` at `filled_at`; `spent`: updates of the last minute by the second; `limits`: learned, a minute each.

    `closed_until`: nobody asks before then, because of `reason`. `open`: the breaker is; each probe closes again for a while.
    `calls`: outcomes of the last minute, oldest first.
    """

    tokens: float | None = None
    filled_at: datetime | None = None
    spent: Spent = ()
    limits: tuple[tuple[str, int], ...] = ()
    closed_until: datetime | None = None
    reason: str | None = None
    open: bool = False
    in_a_row: int = 0
    calls: tuple[tuple[datetime, bool], ...] = ()


def per_minute(budget: Budget, wanted: float) -> float:
    """Updates a minute: what the settings want, but never above our share of the limit Zendesk tells."""
    limit = dict(budget.limits).get(UPDATES)
    return wanted if limit is None else max(1.0, min(wanted, limit * SHARE))


def closed(budget: Budget, now: datetime) -> datetime | None:
    """Until when nobody may ask; None when one may."""
    return budget.closed_until if budget.closed_until is not None and now < budget.closed_until else None


def free(budget: Budget, wanted: float, now: datetime) -> tuple[int, datetime]:
    """How many updates may be sent now, and when the next one may be when that is none.

    A quarter of a minute's worth may go at once, then they come evenly; in any sixty seconds never more than our share.
    """
    rate = per_minute(budget, wanted)
    tokens = _tokens(budget, rate, now)
    recent = last_minute(budget.spent, now)
    room = max(1, int(_ceiling(budget, rate))) - sum(n for _, n in recent)
    count = min(int(tokens), room)
    if count > 0:
        return count, now
    next_token = now + timedelta(seconds=max(0.0, 1 - tokens) * 60 / rate)
    return 0, max(next_token, recent[0][0] + MINUTE) if room <= 0 and recent else next_token


def take(budget: Budget, wanted: float, now: datetime) -> Budget | None:
    """One update is about to be sent; None when there is no permit for it."""
    if closed(budget, now) is not None or free(budget, wanted, now)[0] < 1:
        return None
    tokens = _tokens(budget, per_minute(budget, wanted), now) - 1
    return replace(budget, tokens=tokens, filled_at=now, spent=spent_more(budget.spent, 1, now))


def last_minute(spent: Spent, now: datetime) -> Spent:
    """What was spent in it. What is dated later went by a clock that was ahead, and counts no more."""
    return tuple((at, n) for at, n in spent if now - MINUTE < at <= now + CLOCKS_APART)


def spent_more(spent: Spent, count: int, now: datetime) -> Spent:
    """What was spent in the last minute, and `count` more now."""
    spent = last_minute(spent, now)
    second = now.replace(microsecond=0) + timedelta(seconds=1)  # counted at its end: never forgotten too early
    same = sum(n for at, n in spent if at == second)
    return (*((at, n) for at, n in spent if at != second), (second, same + count))


def heard(budget: Budget, buckets: Mapping[str, tuple[int, int, int]], now: datetime) -> Budget:
    """What an answer's headers said: name -> (total, remaining, seconds until reset). Less than the others' share left: wait."""
    limits = dict(budget.limits)
    for name, (total, remaining, resets) in buckets.items():
        if total <= 0:
            continue
        limits[name] = total
        # One call in flight per writer may still be counted, hence "at most" and not "below".
        if remaining <= total * (1 - SHARE) and (name == "account" or name == UPDATES):
            budget = wait_until(budget, now + timedelta(seconds=min(max(resets, 1), 60)), "budget")
    return replace(budget, limits=tuple(sorted(limits.items())))


def wait_until(budget: Budget, until: datetime, reason: str) -> Budget:
    """Nobody asks before `until`; an earlier end of a wait does not shorten a later one."""
    if budget.closed_until is not None and budget.closed_until >= until:
        return budget
    return replace(budget, closed_until=until, reason=reason)


def failed(budget: Budget, now: datetime, reason: str) -> Budget:
    """A call found Zendesk in trouble. Five in a row, or half of ten within a minute, open the breaker."""
    calls = _recent(budget, now, False)
    in_a_row = budget.in_a_row + 1
    bad = sum(not good for _, good in calls)
    trips = budget.open or in_a_row >= IN_A_ROW or (len(calls) >= CALLS and bad * 2 >= len(calls))
    budget = replace(budget, calls=calls, in_a_row=in_a_row, open=trips)
    return wait_until(budget, now + PROBE, reason) if trips else budget


def succeeded(budget: Budget, now: datetime) -> Budget:
    """A call was answered. It closes an open breaker: waiting ends for everybody."""
    if budget.open:
        return replace(budget, open=False, in_a_row=0, calls=(), closed_until=None, reason=None)
    return replace(budget, in_a_row=0, calls=_recent(budget, now, True))


def probing(budget: Budget, now: datetime) -> Budget:
    """One process takes the probe of an open breaker; the others wait for how it ends."""
    return replace(budget, closed_until=now + PROBE)


def _tokens(budget: Budget, rate: float, now: datetime) -> float:
    most = max(1.0, rate / 4)
    if budget.tokens is None or budget.filled_at is None or budget.filled_at > now + CLOCKS_APART:
        return most
    passed = max(0.0, (now - budget.filled_at).total_seconds())
    return min(most, budget.tokens + passed * rate / 60)


def _ceiling(budget: Budget, rate: float) -> float:
    """Most updates of any sixty seconds: the pace, plus a first burst where our share of the limit has room for it."""
    limit = dict(budget.limits).get(UPDATES)
    return rate if limit is None else min(limit * SHARE, rate * 1.25)


def _recent(budget: Budget, now: datetime, good: bool) -> tuple[tuple[datetime, bool], ...]:
    return (*((at, g) for at, g in budget.calls if now - MINUTE < at <= now + CLOCKS_APART), (now, good))[-REMEMBERED:]


# -- as JSON -----------------------------------------------------------------------------------------------------------


def budget_json(budget: Budget) -> dict[str, Any]:
    def at(value: datetime | None) -> str | None:
        return None if value is None else instant_text(value)

    return {
        "tokens": budget.tokens,
        "filled_at": at(budget.filled_at),
        "spent": [[instant_text(when), n] for when, n in budget.spent],
        "limits": dict(budget.limits),
        "closed_until": at(budget.closed_until),
        "reason": budget.reason,
        "open": budget.open,
        "in_a_row": budget.in_a_row,
        "calls": [[instant_text(when), good] for when, good in budget.calls],
    }


def budget_from(data: Mapping[str, Any] | None) -> Budget:
    """None: nothing was ever asked."""
    if data is None:
        return Budget()

    def at(value: str | None) -> datetime | None:
        return None if value is None else read_instant(value)

    return Budget(
        tokens=data["tokens"],
        filled_at=at(data["filled_at"]),
        spent=tuple((read_instant(when), n) for when, n in data["spent"]),
        limits=tuple(sorted(data["limits"].items())),
        closed_until=at(data["closed_until"]),
        reason=data["reason"],
        open=data["open"],
        in_a_row=data["in_a_row"],
        calls=tuple((read_instant(when), good) for when, good in data["calls"]),
    )

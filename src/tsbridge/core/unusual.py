"""What is counted of decisions, and what kinds of patterns there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from tsbridge.core.rates import DAY

BURST: Final = "burst"
RULE_DRIFT: Final = "rule_drift"
OVERLOAD: Final = "overload"
REPEAT_PARTY: Final = "repeat_party"
LINKED_CLAIMS: Final = "linked_claims"
RISING_WORD: Final = "rising_word"
KINDS: Final = (BURST, LINKED_CLAIMS, OVERLOAD, REPEAT_PARTY, RISING_WORD, RULE_DRIFT)

CATEGORY: Final = "category"
CHANNEL: Final = "channel"
RULE: Final = "rule"
AGENT: Final = "agent"
OF_SERIES: Final = {CATEGORY: BURST, CHANNEL: BURST, RULE: RULE_DRIFT, AGENT: OVERLOAD}
"""The kind of pattern that a series of this kind shows."""
CLAIMS: Final = "claims"
CLAIM: Final = "claim"
"""What is a claim has it in the key of its category or its queue."""

DIGEST: Final = 24
"""Characters of the digest that stands for what is not to be told."""
REPEATS: Final = 6
"""So often somebody is in touch within `REPEATS_WITHIN` before it is a pattern: not chance, and not a case that takes its course."""
REPEATS_WITHIN: Final = timedelta(days=7)
STANDS: Final = timedelta(days=1)
"""A finding stands until it was not seen for so long: what comes and goes about a limit is one."""

SAME: Final = 0.6
"""Series of which so much of what is more than usual is the same cases are one finding."""

_MONDAY: Final = date(1970, 1, 5)


def series_of(channel: str | None, outcome: Mapping[str, Any], matched: Sequence[Sequence[str]]) -> Iterator[str]:
    """The series that a decision counts in, its case once in each."""
    if channel:
        yield f"{CHANNEL}:{channel}"
    if category := outcome.get("category"):
        yield f"{CATEGORY}:{category}"
    for key, _ in matched:
        yield f"{RULE}:{key}"
    assignee = outcome.get("assignee") or {}
    if agent := assignee.get("agent") or assignee.get("id"):
        yield f"{AGENT}:{agent}"


def told_with(found: Sequence[tuple[float, Set[str]]]) -> list[int]:
    """Of findings, each as how many more cases than usual and which, the place of the one that each is told with: its own, or that of an
    earlier one of largely the same cases. A category that bursts in a channel where more else does, too, is not the channel."""
    places: list[int] = []
    for place, (more, cases) in enumerate(found):
        same = (
            first
            for first in dict.fromkeys(places)
            if len(cases & found[first][1]) >= SAME * max(min(more, len(cases)), min(found[first][0], len(found[first][1])))
        )
        places.append(next(same, place))
    return places


def is_claim(outcome: Mapping[str, Any]) -> bool:
    return any(CLAIM in (outcome.get(name) or "") for name in ("category", "queue"))


def kind_of(series: str) -> tuple[str, str]:
    """What kind of series it is, and of what."""
    kind, _, of = series.partition(":")
    return kind, of


def hour_of(at: datetime, zone: tzinfo) -> int:
    """The hour of the wall clock, counted from a Monday's midnight."""
    local = at.astimezone(zone)
    return (local.date() - _MONDAY).days * DAY + local.hour


def day_of(day: date) -> int:
    """A day, counted like hours."""
    return (day - _MONDAY).days


def date_of(day: int) -> date:
    """Back from `day_of`."""
    return _MONDAY + timedelta(days=day)


def start_of(hour: int, zone: tzinfo) -> datetime:
    """When an hour of the wall clock began (UTC); the first of two."""
    return datetime.combine(date_of(hour // DAY), time(hour % DAY), zone).astimezone(UTC)

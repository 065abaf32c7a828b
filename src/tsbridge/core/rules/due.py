"""When time alone changes something: the next instant at which other rules match although nothing happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.facts import TIME_FIELDS, Facts
from tsbridge.core.rules.language import Condition, Leaf, Rule, Rulebook, leaves

HORIZON: Final = 8
"""Days ahead in which a change of weekday, hour, holiday or calendar is looked for: a week repeats itself, and a day over."""
AGE: Final = "case.age_minutes"
INSTANT: Final = timedelta(microseconds=1)
DAY: Final = timedelta(days=1)


def hears_the_clock(rule: Rule) -> bool:
    """Whether a due time asks this rule."""
    return not rule.on or "clock" in rule.on


def reads_the_clock(rule: Rule) -> bool:
    """Whether time alone can change what this rule says."""
    return hears_the_clock(rule) and any(leaf.field in TIME_FIELDS for leaf in leaves(rule.when))


def by_time_unknown(condition: Condition, facts: Facts) -> bool | None:
    """What a condition says whatever the time is; None when that depends on the time."""
    if isinstance(condition, Leaf):
        return None if condition.field in TIME_FIELDS else leaf_holds(condition, facts)
    unknown = False
    parts = [(by_time_unknown(part, facts), True) for part in condition.all]
    parts += [(by_time_unknown(part, facts), False) for part in condition.none]
    if condition.any:
        some = [by_time_unknown(part, facts) for part in condition.any]
        parts.append((True if True in some else None if None in some else False, True))
    for said, wanted in parts:
        if said is None:
            unknown = True
        elif said is not wanted:
            return False
    return None if unknown else True


class Clockwork:
    """The instants at which conditions on the time change, of one rulebook. Days are worked out once."""

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        asked = [leaf for rule in book.rules if reads_the_clock(rule) for leaf in leaves(rule.when) if leaf.field in TIME_FIELDS]
        self._ages = tuple(sorted({minute for leaf in asked if leaf.field == AGE for minute in _bounds(leaf)}))
        self._leaves = tuple({(leaf.field, leaf.operator, leaf.value): leaf for leaf in asked if leaf.field != AGE}.values())
        self._book = book
        self._zone = zone
        self._of_day = lru_cache(maxsize=64)(self._edges)

    def next_change(self, at: datetime, opened_at: datetime | None, changes: Callable[[datetime], bool]) -> datetime | None:
        """The first instant after `at` at which a condition changes and `changes(instant)` says that this matters."""
        ages = [] if opened_at is None else [opened_at + timedelta(minutes=minute) for minute in self._ages]
        days = [edge for day in _days(at) for edge in self._of_day(day)] if self._leaves else []
        return next((when for when in sorted({*ages, *days}) if when > at and changes(when)), None)

    def _edges(self, day: date) -> tuple[datetime, ...]:
        """The instants of a day (UTC) at which the conditions that do not look at the case's age change."""
        start = datetime.combine(day, time(), UTC)
        found = {when for leaf in self._leaves for when in self._may_change(leaf, start)}
        return tuple(sorted(when for when in found if self._truths(when) != self._truths(when - INSTANT)))

    def _may_change(self, leaf: Leaf, start: datetime) -> Iterator[datetime]:
        if leaf.field == "time.now":
            calendar = self._book.calendars[str(leaf.value)]
            when = calendar.next_change(start - INSTANT)
            while when is not None and when < start + DAY:
                yield when
                when = calendar.next_change(when)
            return
        local = start.astimezone(self._zone)
        hour = (local - timedelta(minutes=local.minute, seconds=local.second)).astimezone(UTC)
        for half in range(50):  # local hours begin on half hours of each other, whatever the zone does that day
            when = hour + timedelta(minutes=30 * half)
            if start <= when < start + DAY:
                yield when

    def _truths(self, at: datetime) -> tuple[bool, ...]:
        facts = Facts({}, {}, at, self._zone, self._book.calendars, None)
        return tuple(leaf_holds(leaf, facts) for leaf in self._leaves)


def _days(at: datetime) -> Iterator[date]:
    first = at.astimezone(UTC).date()
    return (first + timedelta(days=n) for n in range(HORIZON + 1))


def _bounds(leaf: Leaf) -> set[float]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    whole = {int(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 10_000_000}
    return {float(minute) for value in whole for minute in (value, value + 1)}

"""When time alone changes something: the next flip of a condition that reads the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.facts import TIME_FIELDS, Facts
from tsbridge.core.rules.language import Leaf, Rule, Rulebook, leaves

HORIZON: Final = timedelta(days=8)
"""How far ahead a flip of weekday, hour, holiday or calendar is looked for: a week repeats itself, and a day over."""


def next_flip(
    clocked: tuple[Leaf, ...],
    book: Rulebook,
    at: datetime,
    opened_at: datetime | None,
    zone: tzinfo,
    matching: Callable[[datetime], tuple[str, ...]],
) -> datetime | None:
    """The earliest instant after `at` at which other rules match although nothing happened; None within the horizon.

    `clocked`: the conditions that read the clock, as `clocked_leaves` finds them. `matching(when)` tells which rules
    match at `when`. Rules that a due time does not ask (by their `on`) do not count.
    """
    if not clocked:
        return None
    truth = _truth(clocked, book, at, opened_at, zone)
    stands: tuple[str, ...] | None = None
    for when in _candidates(clocked, book, at, opened_at, zone):
        now = _truth(clocked, book, when, opened_at, zone)
        if now == truth:
            continue
        truth = now
        if stands is None:
            stands = matching(at)
        if matching(when) != stands:
            return when
    return None


def clocked_leaves(book: Rulebook) -> tuple[Leaf, ...]:
    """Conditions on the time in rules that a due time asks."""
    return tuple(leaf for rule in book.rules if _hears_the_clock(rule) for leaf in leaves(rule.when) if leaf.field in TIME_FIELDS)


def _hears_the_clock(rule: Rule) -> bool:
    return not rule.on or "clock" in rule.on


def _truth(clocked: tuple[Leaf, ...], book: Rulebook, at: datetime, opened_at: datetime | None, zone: tzinfo) -> tuple[bool, ...]:
    facts = Facts({}, {}, at, zone, book.calendars, opened_at)
    return tuple(leaf_holds(leaf, facts) for leaf in clocked)


def _candidates(clocked: tuple[Leaf, ...], book: Rulebook, at: datetime, opened_at: datetime | None, zone: tzinfo) -> Iterator[datetime]:
    """Every instant after `at` at which one of these conditions may flip, in order."""
    found: set[datetime] = set()
    end = at + HORIZON
    for leaf in clocked:
        if leaf.field == "case.age_minutes":
            if opened_at is not None:
                found |= {opened_at + timedelta(minutes=float(minute)) for minute in _bounds(leaf)}
        elif leaf.field == "time.now":
            found |= set(_changes(book, str(leaf.value), at, end))
        else:
            found |= _hours(at, zone) if leaf.field == "time.hour" else _midnights(at, zone)
    return iter(sorted(when for when in found if when > at))


def _bounds(leaf: Leaf) -> set[int]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    whole = {int(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 10_000_000}
    return {minute for value in whole for minute in (value, value + 1)}


def _changes(book: Rulebook, calendar: str, at: datetime, end: datetime) -> Iterator[datetime]:
    found = book.calendars.get(calendar)
    when = None if found is None else found.next_change(at)
    while found is not None and when is not None and when <= end:
        yield when
        when = found.next_change(when)


def _hours(at: datetime, zone: tzinfo) -> set[datetime]:
    """The beginnings of local hours: where the wall clock's minutes are zero."""
    local = at.astimezone(zone)
    first = (local - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)).astimezone(UTC)
    return {first + timedelta(minutes=30 * n) for n in range(1, int(HORIZON / timedelta(minutes=30)))}


def _midnights(at: datetime, zone: tzinfo) -> set[datetime]:
    day = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return {(day + timedelta(days=n)).astimezone(UTC) for n in range(1, HORIZON.days + 1)}

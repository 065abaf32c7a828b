"""When time alone changes something: the next instant at which other rules match although nothing happened."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from heapq import merge
from typing import Any, Final

from tsbridge.core.calendar import Calendar
from tsbridge.core.moments import CLOCK
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.covers import Effects
from tsbridge.core.rules.facts import TIME_FIELDS, Facts
from tsbridge.core.rules.language import Condition, Leaf, Rule, Tree, leaves
from tsbridge.core.values import as_key

HORIZON: Final = 8
"""Days ahead in which a change of weekday, hour or calendar is looked for: a week repeats itself, and a day over."""
FAR: Final = 400
"""Days ahead in which a day is looked for that is not like its weekday: a holiday, or one with hours of its own."""
AGE: Final = "case.age_minutes"
HOLIDAY: Final = "time.holiday"
NOW: Final = "time.now"
LEVEL: Final = "case.escalation_level"
"""What the steps of policies set."""
OF_THE_MOMENT: Final = ("event", "text.new", "comment.by", "comment.public", "update.by", "update.author_id", "update.channel", "changed")
"""What is gone when time goes on and nothing happens."""
INSTANT: Final = timedelta(microseconds=1)
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)


def hears_the_clock(rule: Rule) -> bool:
    """Whether a due time asks this rule."""
    return CLOCK in rule.on


def reads_the_clock(rule: Rule) -> bool:
    """Whether time alone can change what this rule says."""
    return hears_the_clock(rule) and not TIME_FIELDS.isdisjoint([leaf.field for leaf in leaves(rule.when)])


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


def lasting(condition: Condition, set_by_rules: Effects) -> Condition:
    """What must be true for a condition at any later instant at which nothing happens: what is left of it without its looks
    at the clock, at what rules set, and at what the moment itself brought."""
    if isinstance(condition, Leaf):
        return Tree() if _passing(condition, set_by_rules) else condition
    every = tuple(part for one in condition.all if not _always(part := lasting(one, set_by_rules)))
    some = tuple(lasting(one, set_by_rules) for one in condition.any)
    none = tuple(one for one in condition.none if not any(_passing(leaf, set_by_rules) for leaf in leaves(one)))
    return Tree(every, () if any(_always(part) for part in some) else some, none)


def _passing(leaf: Leaf, set_by_rules: Effects) -> bool:
    field = leaf.field
    if field == "tags" and leaf.operator in ("includes", "not_includes"):
        return set_by_rules.may_set(field, as_key(leaf.value))
    return field in TIME_FIELDS or field in (*OF_THE_MOMENT, LEVEL) or "changed" in leaf.operator or set_by_rules.may_set(field)


def _always(condition: Condition) -> bool:
    return isinstance(condition, Tree) and condition.unconditional


class Clockwork:
    """The instants at which the conditions of some rules on the time change. A day is worked out once for each condition."""

    def __init__(self, clocked: Sequence[Rule], calendars: Mapping[str, Calendar], zone: tzinfo) -> None:
        self._clocked = clocked
        self._calendars = calendars
        self._zone = zone
        self._edges = lru_cache(maxsize=4_096)(self._edges_of)
        self._of_day = lru_cache(maxsize=64)(self._all_edges)
        self._odd = lru_cache(maxsize=4_096)(self._is_odd)
        asked = _looks(clocked)
        self._leaves = [leaf for leaf in asked if leaf.field != AGE]
        self._ages = sorted({minute for leaf in asked if leaf.field == AGE for minute in _bounds(leaf)})

    def __reduce__(self) -> tuple[Any, ...]:
        return Clockwork, (self._clocked, self._calendars, self._zone)

    def may_change(self, at: datetime, until: datetime, opened_at: datetime | None) -> bool:
        """Whether any condition at all changes after `at` and not after `until`."""
        if until - at > DAY:
            return True
        if opened_at is not None and self._ages:
            first = bisect_right(self._ages, (at - opened_at) / MINUTE)
            if first < len(self._ages) and opened_at + timedelta(minutes=self._ages[first]) <= until:
                return True
        if not self._leaves:
            return False
        first_day, last_day = at.astimezone(UTC).date(), until.astimezone(UTC).date()
        edges = self._of_day(first_day) if first_day == last_day else self._of_day(first_day) + self._of_day(last_day)
        place = bisect_right(edges, at)
        return place < len(edges) and edges[place] <= until

    def next_change(
        self, hanging: Iterable[Rule], at: datetime, opened_at: datetime | None, changes: Callable[[datetime], bool]
    ) -> datetime | None:
        """The first instant after `at` at which a condition of these rules changes and `changes(instant)` says that it matters."""
        asked = _looks(hanging)
        ages = {opened_at + timedelta(minutes=minute) for leaf in asked if leaf.field == AGE and opened_at for minute in _bounds(leaf)}
        edges = self._edges_ahead([leaf for leaf in asked if leaf.field != AGE], at)
        return next((when for when in merge(sorted(ages), edges) if when > at and changes(when)), None)

    def _edges_ahead(self, asked: Sequence[Leaf], at: datetime) -> Iterator[datetime]:
        """The instants at which these conditions change, in order: as long as no week has gone by without a day that is not like
        its weekday, and then around such days."""
        named = {str(leaf.value) for leaf in asked if leaf.field == NOW}
        calendars = tuple(name for name in self._calendars if name in named or any(leaf.field == HOLIDAY for leaf in asked))
        first, reach = at.astimezone(UTC).date(), HORIZON
        for n in range(FAR):
            day = first + timedelta(days=n)
            if any(self._odd(calendars, day + timedelta(days=near)) for near in (-1, 0, 1)):  # in any zone, and into the night behind
                reach = n + HORIZON if n <= reach else reach
            elif n > reach:
                continue
            yield from sorted({edge for leaf in asked for edge in self._edges(leaf, day)})

    def _is_odd(self, calendars: tuple[str, ...], day: date) -> bool:
        """Whether one of them has that day other hours than its weekday, or may have."""
        return any(self._calendars[name].day(day).why != "weekday" for name in calendars)

    def _all_edges(self, day: date) -> tuple[datetime, ...]:
        return tuple(sorted({edge for leaf in self._leaves for edge in self._edges(leaf, day)}))

    def _edges_of(self, leaf: Leaf, day: date) -> tuple[datetime, ...]:
        """The instants of a day (UTC) at which a condition changes."""
        start = datetime.combine(day, time(), UTC)
        return tuple(when for when in self._may_change(leaf, start) if self._truth(leaf, when) != self._truth(leaf, when - INSTANT))

    def _may_change(self, leaf: Leaf, start: datetime) -> Iterator[datetime]:
        if leaf.field == NOW:
            if leaf.operator not in ("within_hours", "outside_hours"):  # there is always a time, and it has not changed
                return
            calendar = self._calendars[str(leaf.value)]
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

    def _truth(self, leaf: Leaf, at: datetime) -> bool:
        return leaf_holds(leaf, Facts({}, {}, at, self._zone, self._calendars, None))


def _looks(rules: Iterable[Rule]) -> set[Leaf]:
    """The different conditions on the time in these rules."""
    return {Leaf(leaf.field, leaf.operator, leaf.value) for rule in rules for leaf in leaves(rule.when) if leaf.field in TIME_FIELDS}


def _bounds(leaf: Leaf) -> set[float]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    whole = {int(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 10_000_000}
    return {float(minute) for value in whole for minute in (value, value + 1)}

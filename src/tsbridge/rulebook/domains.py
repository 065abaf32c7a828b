"""What values a field can have, as far as some conditions can tell them apart.

Facts that hang together are one group: source and event, everything that is read off the clock; any other field is a
group of its own. For the conditions on a group `solve` finds values under which they turn out as wanted, proves that
there are none, or admits that it does not know. Found values are always tried with the real operators.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, Final

from tsbridge.core.calendar import DAYS, MINUTES_A_DAY
from tsbridge.core.moments import CALL_EVENTS, CLOCK, DESK_EVENTS, TICKET_EVENTS, Value
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.facts import Facts, number
from tsbridge.core.rules.language import Leaf, Rulebook
from tsbridge.rulebook.wording import TEXT_OPERATORS, Impossible, Literal, mentioned, texts
from tsbridge.rulebook.worlds import WORKDAY

EVENT: Final = "event"
TIME: Final = "time"
FRESH: Final = "something_else"
FRESH_TAG: Final = "another_tag"
CHANGES: Final = frozenset({"changed", "changed_to", "changed_from"})
WHOLE: Final[Mapping[str, tuple[int, int | None]]] = {
    "case.severity": (1, 4),
    "case.escalation_level": (0, None),
    "case.age_minutes": (0, None),
    "case.interactions": (0, None),
    "requester.contacts_24h": (0, None),
    "requester.contacts_30d": (0, None),
    "requester.cases_90d": (0, None),
    "time.hour": (0, 23),
}
"""Fields that count: the least and, where there is one, the largest number."""
WHOLE_DAY: Final = ((0, MINUTES_A_DAY),)
SET_OPERATORS: Final = frozenset({"includes", "includes_all"})
NUMBER_OPERATORS: Final = frozenset({"less_than", "at_most", "greater_than", "at_least", "between"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a world: what one group contributes."""

    given: Mapping[str, Value] = field(default_factory=dict, hash=False)
    previous: Mapping[str, Value] = field(default_factory=dict, hash=False)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Solved:
    """`part` where values were found; without one, `proven` says whether there are none."""

    part: Part | None
    proven: bool = True


NONE: Final = Solved(None)
UNKNOWN: Final = Solved(None, False)


def group_of(name: str) -> str:
    if name in ("source", "event"):
        return EVENT
    return TIME if name.startswith("time.") else name


class Domains:
    """The groups of one rulebook, in one team's zone."""

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        self._book = book
        self._zone = zone
        self._held: dict[Leaf, int] = {}

    def solve(self, group: str, literals: Sequence[Literal]) -> Solved:
        """Values of a group under which every condition turns out as wanted."""
        if group == EVENT:
            return self._first((Part(pair) for pair in _EVENTS), literals, _unchanging(literals))
        if group == TIME:
            return self._time(literals)
        try:
            values, exact = self._values(group, literals)
            found = self._first(_with_before(group, values, literals), literals, exact)
        except Impossible:
            return NONE
        return found

    def _first(self, parts: Iterable[Part], literals: Sequence[Literal], exact: bool) -> Solved:
        for part in parts:
            if self._fits(part, literals):
                return Solved(part)
        return NONE if exact else UNKNOWN

    def _fits(self, part: Part, literals: Sequence[Literal]) -> bool:
        facts = Facts(part.given, part.previous, part.at or WORKDAY, self._zone, self._book.calendars, None)
        return all(leaf_holds(leaf, facts) is wanted for leaf, wanted in literals)

    # -- one field ---------------------------------------------------------------------------------------------------

    def _values(self, name: str, literals: Sequence[Literal]) -> tuple[Iterable[Value], bool]:
        """Values of a field in the order they are tried, and whether no other value could tell these conditions apart."""
        known = vocabulary.field_named(name)
        used = {leaf.operator for leaf, _ in literals}
        if known is None:
            return (), False
        if known.type == "flag":
            return (None, True, False), True
        if known.type == "set":
            return _sets(literals), True
        if known.type == "number":
            return (None, *_numbers(name, literals)), True
        if known.choices:
            return (None, *known.choices), True
        if name.startswith(vocabulary.CUSTOM):
            return _custom(name, literals, used)
        if used & TEXT_OPERATORS:
            return _wordings(literals, used)
        return (None, *_named(literals), FRESH), True

    # -- the clock ---------------------------------------------------------------------------------------------------

    def _time(self, literals: Sequence[Literal]) -> Solved:
        """An instant. The fields are first looked at one by one: what one of them cannot be, no instant is."""
        for name in {leaf.field for leaf, _ in literals}:
            mine = [(leaf, wanted) for leaf, wanted in literals if leaf.field == name]
            if name == "time.now":
                excluded = any(not self._clock_allows(leaf, wanted) for leaf, wanted in mine)
            else:
                excluded = _unchanging(mine) and not any(self._fits(Part({name: value}), mine) for value in self._clock_values(name))
            if excluded:
                return NONE
        left = (1 << len(self._instants)) - 1
        for leaf, wanted in literals:
            left &= self._when(leaf) if wanted else ~self._when(leaf)
        return Solved(Part(at=self._instants[(left & -left).bit_length() - 1])) if left else UNKNOWN

    def _when(self, leaf: Leaf) -> int:
        """The instants at which a condition holds, one bit each."""
        found = self._held.get(leaf)
        if found is None:
            found = sum(1 << place for place, at in enumerate(self._instants) if self._fits(Part(at=at), ((leaf, True),)))
            self._held[leaf] = found
        return found

    def _clock_values(self, name: str) -> Iterable[Value]:
        if name == "time.hour":
            return range(24)
        if name == "time.weekday":
            return DAYS
        rests = any(calendar.country is not None or calendar.closed for calendar in self._book.calendars.values())
        return (False, True) if rests else (False,)

    def _clock_allows(self, leaf: Leaf, wanted: bool) -> bool:
        """Whether some instant may make one condition on `time.now` turn out as wanted."""
        if leaf.operator == "present":
            return wanted
        calendar = self._book.calendars.get(leaf.value) if leaf.operator == "within_hours" else None
        if calendar is None:
            return True
        rests = calendar.country is not None or bool(calendar.closed)
        if wanted:
            return calendar.always or any(calendar.hours)
        return not calendar.always and (rests or any(day != WHOLE_DAY for day in calendar.hours))

    @cached_property
    def _instants(self) -> tuple[datetime, ...]:
        return tuple(dict.fromkeys(_instants(self._book, self._zone)))


def _instants(book: Rulebook, zone: tzinfo) -> Iterator[datetime]:
    """Times worth a try: the usual one, every hour of a week in winter and in summer, holidays, openings and closings."""
    yield WORKDAY
    for week in (0, 26):
        start = WORKDAY + timedelta(weeks=week)
        start = (start - timedelta(days=start.weekday())).astimezone(zone).replace(hour=0, minute=30)
        yield from ((start + timedelta(hours=hour)).astimezone(UTC) for hour in range(7 * 24))
    for calendar in book.calendars.values():
        change = calendar.next_change(WORKDAY)
        for _ in range(20):
            if change is None:
                break
            yield change
            change = calendar.next_change(change)
        for day in range(366):
            noon = (WORKDAY + timedelta(days=day)).astimezone(zone).replace(hour=12)
            if calendar.is_holiday(noon.date()):
                yield from ((noon + timedelta(hours=hours)).astimezone(UTC) for hours in (0, -9, -4, 4, 9))


# -- values of one field -------------------------------------------------------------------------------------------------


def _unchanging(literals: Iterable[Literal]) -> bool:
    return not any(leaf.operator in CHANGES for leaf, _ in literals)


def _with_before(name: str, values: Iterable[Value], literals: Sequence[Literal]) -> Iterator[Part]:
    """Each value now with what may have stood before it; without a condition on changes nothing is said of that."""
    if _unchanging(literals):
        yield from (Part({} if value is None else {name: value}) for value in values)
        return
    named = [value for leaf, _ in literals if leaf.operator == "changed_from" for value in (leaf.value,)]
    for value in values:
        given = {} if value is None else {name: value}
        other: Value = (FRESH_TAG + "_before",) if isinstance(value, tuple) else FRESH + "_before"
        for before in (value, None, *named, other):
            yield Part(given, {name: before})
        yield Part(given)


def _numbers(name: str, literals: Iterable[Literal]) -> list[float]:
    """A number from every stretch that the bounds cut the line into, and the bounds themselves."""
    bounds = {found for leaf, _ in literals for value in _parts(leaf) if (found := number(value)) is not None}
    if name in WHOLE:
        least, most = WHOLE[name]
        near = {math.floor(bound) + step for bound in bounds for step in (-1, 0, 1, 2)} | {least}
        return sorted(n for n in near if n >= least and (most is None or n <= most))
    line = sorted({*(float(bound) for bound in bounds), 0.0})
    between = [(low + high) / 2 for low, high in pairwise(line)]
    return [int(n) if n.is_integer() else n for n in sorted({*line, *between, line[-1] + 1}) if n >= 0]


def _named(literals: Iterable[Literal]) -> list[Value]:
    return list(dict.fromkeys(value for leaf, _ in literals for value in _parts(leaf) if leaf.operator not in TEXT_OPERATORS))


def _sets(literals: Iterable[Literal]) -> list[Value]:
    """The smallest set that has what it must, and one with another word besides."""
    must = {word for leaf, wanted in literals if wanted and leaf.operator in SET_OPERATORS for word in mentioned(leaf)}
    least = tuple(sorted(must))
    return [least or None, (*least, FRESH_TAG)]


def _wordings(literals: Sequence[Literal], used: set[str]) -> tuple[Iterable[Value], bool]:
    """Texts. What is proven: that nothing is there, that it is one of a few, and what `texts` refuses; nothing of patterns."""
    if any(leaf.operator == "present" and not wanted for leaf, wanted in literals):
        return (None,), True
    fixed = next((leaf for leaf, wanted in literals if wanted and leaf.operator in ("is", "in", "changed_to")), None)
    if fixed is not None:
        return _parts(fixed), "matches" not in used
    bare = not any(wanted for leaf, wanted in literals if leaf.operator != "changed_from")
    return chain((None,) if bare else (), texts(literals)), False


def _custom(name: str, literals: Sequence[Literal], used: set[str]) -> tuple[Iterable[Value], bool]:
    """A custom field holds a word, a number or a set; mixed conditions are tried, not proven."""
    if used & SET_OPERATORS:
        return _sets(literals), False
    if used & TEXT_OPERATORS:
        return _wordings(literals, used)[0], False
    numbers = _numbers(name, literals) if used & NUMBER_OPERATORS else []
    negative = [-1 - n for n in numbers]
    exact = not (used & NUMBER_OPERATORS and used & {"is", "in", "changed_to", "changed_from"})
    return (None, *numbers, *negative, *_named(literals), FRESH), exact


def _parts(leaf: Leaf) -> tuple[Any, ...]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    return tuple(value for value in values if value is not None)


_EVENTS: Final = tuple(
    {"source": source, "event": event}
    for event in (*TICKET_EVENTS, *CALL_EVENTS, *DESK_EVENTS, CLOCK)
    for source in (("zendesk",) if event in TICKET_EVENTS else ("talkdesk",) if event in CALL_EVENTS else ("zendesk", "talkdesk"))
)

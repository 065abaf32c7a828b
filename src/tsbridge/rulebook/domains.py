"""What values a field can have, as far as some conditions can tell them apart.

Facts that hang together are one group: source and event, everything that is read off the clock; any other field is a
group of its own. For the conditions on a group `solve` finds values under which they turn out as wanted, proves that
there are none, or admits that it does not know. Found values are always tried with the real operators.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta, tzinfo
from itertools import chain, pairwise
from typing import Any, Final

from tsbridge.core.moments import CALL_EVENTS, CLOCK, DESK_EVENTS, TICKET_EVENTS, Value, instant_text
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.conditions import leaf_holds
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.language import Leaf, Rulebook
from tsbridge.core.values import TICKS, Number, number, plain
from tsbridge.rulebook.clock import Clock
from tsbridge.rulebook.solved import NONE, UNKNOWN, Literal, Part, Solved, unchanging
from tsbridge.rulebook.wording import TEXT_OPERATORS, Impossible, mentioned, texts
from tsbridge.rulebook.worlds import WORKDAY

EVENT: Final = "event"
TIME: Final = "time"
FRESH: Final = "something_else"
FRESH_TAG: Final = "another_tag"
WHOLE: Final[Mapping[str, tuple[int, int | None]]] = {
    "case.severity": (1, 4),
    "case.followed_severity": (1, 4),
    "case.worst_severity": (1, 4),
    "case.escalation_level": (0, None),
    "case.age_minutes": (0, None),
    "case.interactions": (0, None),
    "requester.contacts_24h": (0, None),
    "requester.contacts_30d": (0, None),
    "requester.cases_90d": (0, None),
    "queue.waiting": (0, None),
    "queue.on_shift": (0, None),
    "time.hour": (0, 23),
}
"""Fields that count: the least and, where there is one, the largest number."""
SET_OPERATORS: Final = frozenset({"includes", "includes_all"})
COMPARED: Final = frozenset({"is", "in", "changed_to"})
NUMBER_OPERATORS: Final = frozenset({"less_than", "at_most", "greater_than", "at_least", "between"})


def group_of(name: str) -> str:
    if name in ("source", "event"):
        return EVENT
    return TIME if name.startswith("time.") else name


class Domains:
    """The groups of one rulebook, in one team's zone."""

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        self._book = book
        self._zone = zone
        self._clock = Clock(book, zone, self._fits)

    def solve(self, group: str, literals: Sequence[Literal]) -> Solved:
        """Values of a group under which every condition turns out as wanted."""
        if group == EVENT:
            return self._first((Part(pair) for pair in _EVENTS), literals, unchanging(literals))
        if group == TIME:
            return self._clock.solve(literals)
        try:
            values, exact = self._values(group, literals)
            if group in self._book.checkboxes:
                # On a ticket it is never missing. That it may be on a call is for nobody to prove here.
                values = (False, True, *(value for value in values if value is not None and plain(value) not in TICKS))
                exact = exact and not any(self._fits(part, literals) for part in _with_before(group, (None,), literals))
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
        if known.type == "time":
            return self._times(literals)
        if known.choices:
            return (None, *known.choices), True
        if name.startswith(vocabulary.CUSTOM):
            return _custom(name, literals, used)
        if used & TEXT_OPERATORS:
            return _wordings(literals, used)
        return (None, *_named(literals), FRESH), True

    def _times(self, literals: Sequence[Literal]) -> tuple[Iterable[Value], bool]:
        """No time, every hour of a week, and when the calendars that are asked about next open or close. Of hours nothing is proven."""
        if any(leaf.operator == "present" and not wanted for leaf, wanted in literals):
            return (None,), True
        asked = sorted({str(leaf.value) for leaf, _ in literals if leaf.operator == "within_hours"} & self._book.calendars.keys())
        edges = [edge for name in asked if (edge := self._book.calendars[name].next_change(WORKDAY)) is not None]
        hours = (WORKDAY - timedelta(hours=hour) for hour in range(7 * 24))
        return (None, *map(instant_text, (*hours, *edges))), not asked


# -- values of one field -------------------------------------------------------------------------------------------------


def _with_before(name: str, values: Iterable[Value], literals: Sequence[Literal]) -> Iterator[Part]:
    """Each value now with what may have stood before it; without a condition on changes nothing is said of that."""
    if unchanging(literals):
        yield from (Part({} if value is None else {name: value}) for value in values)
        return
    cased = not getattr(vocabulary.field_named(name), "choices", ())
    named = [form for leaf, _ in literals if leaf.operator == "changed_from" for form in _forms(leaf.value, cased)]
    for value in values:
        given = {} if value is None else {name: value}
        other: Value = (FRESH_TAG + "_before",) if isinstance(value, tuple) else FRESH + "_before"
        for before in (value, None, *named, other):
            yield Part(given, {name: before})
        yield Part(given)


def _forms(value: Value, cased: bool) -> tuple[Value, ...]:
    """A word that only changes its letter case has changed, from the word to the same word."""
    return (value, value.swapcase()) if cased and isinstance(value, str) else (value,)


def _numbers(name: str, literals: Iterable[Literal]) -> list[float]:
    """A number from every stretch that the bounds cut the line into, and the bounds themselves. What is measured is never below zero."""
    bounds = _bounds(literals)
    if name in WHOLE:
        least, most = WHOLE[name]
        near = {math.floor(bound) + step for bound in bounds for step in (-1, 0, 1, 2)} | {least}
        return sorted(n for n in near if n >= least and (most is None or n <= most))
    return [n for n in _line(bounds) if n >= 0]


def _bounds(literals: Iterable[Literal]) -> set[Number]:
    return {found for leaf, _ in literals for value in _parts(leaf) if (found := number(value)) is not None}


def _line(bounds: Iterable[Number]) -> list[float]:
    """Zero, the bounds, a number between each two of them and one beyond either end."""
    marks = sorted({*(bound if isinstance(bound, int) else float(bound) for bound in bounds), 0})
    between = [low / 2 + high / 2 for low, high in pairwise(marks)]
    beyond = [min(2 * marks[0], marks[0] - 1), max(2 * marks[-1], marks[-1] + 1)]
    found = [n for n in sorted({*marks, *between, *beyond}) if math.isfinite(n)]
    return [int(n) if isinstance(n, float) and n.is_integer() else n for n in found]


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
    fixed = next((leaf for leaf, wanted in literals if wanted and leaf.operator in COMPARED), None)
    if fixed is not None:
        return _parts(fixed), "matches" not in used
    bare = not any(wanted for leaf, wanted in literals if leaf.operator != "changed_from")
    return chain((None,) if bare else (), texts(literals)), False


def _custom(name: str, literals: Sequence[Literal], used: set[str]) -> tuple[Iterable[Value], bool]:
    """A custom field holds a word, a number or a set. Where these are mixed, values are tried, and nothing is proven."""
    if any(leaf.operator == "present" and not wanted for leaf, wanted in literals):
        return (None,), True
    fixed = next((leaf for leaf, wanted in literals if wanted and leaf.operator in COMPARED), None)
    if fixed is not None:
        texts_of_it = [plain(value) for value in _parts(fixed)]
        several = any("," in text for text in texts_of_it)  # perhaps a set, written with commas
        return [form for text in texts_of_it for form in _readings(text)], not (several or "matches" in used)
    if used & SET_OPERATORS:
        return _sets(literals), not used & (TEXT_OPERATORS | NUMBER_OPERATORS | COMPARED | {"changed_from"})
    if used & TEXT_OPERATORS:
        return _wordings(literals, used)[0], False
    numbers = _line(_bounds(literals)) if used & NUMBER_OPERATORS else []
    exact = not (used & NUMBER_OPERATORS and used & (COMPARED | {"changed_from"}))
    return (None, *numbers, *_named(literals), FRESH), exact


def _readings(text: str) -> Iterator[Value]:
    """What a custom field may hold that compares like this text."""
    found = number(text)
    yield text
    if isinstance(found, int) and plain(found) == text:
        yield found
    if text.casefold() in ("true", "false"):
        yield text.casefold() == "true"
    yield tuple(sorted(text.split(",")))


def _parts(leaf: Leaf) -> tuple[Any, ...]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    return tuple(value for value in values if value is not None)


_EVENTS: Final = tuple(
    {"source": source, "event": event}
    for event in (*TICKET_EVENTS, *CALL_EVENTS, *DESK_EVENTS, CLOCK)
    for source in (("zendesk",) if event in TICKET_EVENTS else ("talkdesk",) if event in CALL_EVENTS else ("zendesk", "talkdesk"))
)

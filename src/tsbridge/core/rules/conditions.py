"""What a condition says of the facts. Every operator is total: a missing value makes the positive form false, and
`not_x` is exactly "not x". Nothing here loops, fails or hangs, whatever the facts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tsbridge.core.calendar import DAYS, Calendar
from tsbridge.core.moments import Value, read_instant
from tsbridge.core.rules.language import Condition, Leaf
from tsbridge.core.rules.text import find_word, fold, search

BUDGET: Final = 5_000_000
"""Steps one judgement may take (a condition is one, and every 4,096 characters a word is searched in are one more)."""

TIME_FIELDS: Final = ("case.age_minutes", "time.now", "time.weekday", "time.hour", "time.holiday")


class BudgetExceeded(Exception):
    """The rules would cost more than a case may cost."""


class Facts:
    """The facts of one judgement: as given, with what the rules above have set."""

    def __init__(
        self,
        given: Mapping[str, Value],
        previous: Mapping[str, Value],
        at: datetime,
        zone: tzinfo,
        calendars: Mapping[str, Calendar],
        opened_at: datetime | None,
    ) -> None:
        self._given = given
        self._previous = previous
        self._set: dict[str, Value] = {}
        self._folded: dict[str, str] = {}
        self._calendars = calendars
        self._zone = zone
        self._opened_at = opened_at
        self.at = at
        self.steps = 0

    def get(self, name: str) -> Value:
        """The value of a field as it stands at this rule; None when it is missing or empty."""
        if name in self._set:
            return self._set[name]
        value = self._given.get(name)
        if value is None and name in TIME_FIELDS:
            return self._of_time(name)
        return None if value == "" or value == () else value

    def set(self, name: str, value: Value) -> None:
        """What a rule has just set; rules below see it."""
        self._set[name] = value
        self._folded.pop(name, None)

    def before(self, name: str) -> tuple[bool, Value]:
        """Whether the value before this moment is known, and what it was. A case starts out with nothing set."""
        if name in self._previous:
            value = self._previous[name]
            return True, None if value == "" or value == () else value
        return name.startswith("case."), None

    def folded(self, name: str) -> str:
        found = self._folded.get(name)
        if found is None:
            value = self.get(name)
            found = self._folded[name] = "" if value is None else fold(" ".join(value) if isinstance(value, tuple) else plain(value))
        return found

    def open(self, calendar: str) -> bool:
        found = self._calendars.get(calendar)
        return found is not None and found.is_open(self._now())

    def spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > BUDGET:
            raise BudgetExceeded

    def _now(self) -> datetime:
        given = self._given.get("time.now")
        if isinstance(given, str):
            try:
                return datetime.fromisoformat(given).astimezone(UTC)
            except ValueError:
                try:
                    return read_instant(given)
                except ValueError:
                    return self.at
        return self.at

    def _of_time(self, name: str) -> Value:
        if name == "case.age_minutes":
            return None if self._opened_at is None else int((self.at - self._opened_at).total_seconds() // 60)
        local = self._now().astimezone(self._zone)
        if name == "time.weekday":
            return DAYS[local.weekday()]
        if name == "time.hour":
            return local.hour
        if name == "time.holiday":
            return any(calendar.is_holiday(local.date()) for calendar in self._calendars.values())
        return self._now().isoformat()


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether a condition is true of the facts."""
    if isinstance(condition, Leaf):
        return leaf_holds(condition, facts)
    return (
        all(holds(part, facts) for part in condition.all)
        and (not condition.any or any(holds(part, facts) for part in condition.any))
        and not any(holds(part, facts) for part in condition.none)
    )


def leaf_holds(leaf: Leaf, facts: Facts) -> bool:
    facts.spend(1)
    return _OPERATORS[leaf.operator](leaf, facts)


def plain(value: Value) -> str:
    """A value as the text it is compared by; whole numbers without a point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ",".join(value) if isinstance(value, tuple) else str(value)


def same(a: Value, b: Value) -> bool:
    """Equal as people mean it: numbers by value, everything else by text without regard to letter case."""
    if a is None or b is None:
        return False
    if isinstance(a, int | float) and isinstance(b, int | float) and not isinstance(a, bool) and not isinstance(b, bool):
        return a == b
    return plain(a).casefold() == plain(b).casefold()


def number(value: Value) -> Decimal | None:
    """A number, or text that is one; exact, never through a float."""
    if value is None or isinstance(value, bool | tuple):
        return None
    text = plain(value).strip()
    if len(text) > 40:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def differs(leaf: Leaf, facts: Facts) -> bool:
    known, before = facts.before(leaf.field)
    now = facts.get(leaf.field)
    if not known:
        return False
    if before is None or now is None:
        return before is not now
    return before != now


def members(value: Value) -> set[str]:
    """A set's words, compared without letter case; a single word is a set of one."""
    if value is None:
        return set()
    return {word.casefold() for word in value} if isinstance(value, tuple) else {plain(value).casefold()}


def _contains(leaf: Leaf, facts: Facts, quantity: Callable[[Any], bool]) -> bool:
    text = facts.folded(leaf.field)
    if not text:
        return False
    facts.spend((len(text) >> 12) * len(leaf.words))
    return quantity(find_word(text, word) >= 0 for word in leaf.words)


def _starts(leaf: Leaf, facts: Facts) -> bool:
    return facts.folded(leaf.field).startswith(leaf.words[0])


def _matches(leaf: Leaf, facts: Facts) -> bool:
    value = facts.get(leaf.field)
    if value is None:
        return False
    facts.spend(4)
    return search(leaf.value, plain(value)) is not None


def _compare(leaf: Leaf, facts: Facts, test: Callable[[Decimal, Decimal], bool]) -> bool:
    value, bound = number(facts.get(leaf.field)), number(leaf.value)
    return value is not None and bound is not None and test(value, bound)


def _between(leaf: Leaf, facts: Facts) -> bool:
    value, low, high = number(facts.get(leaf.field)), number(leaf.value[0]), number(leaf.value[1])
    return value is not None and low is not None and high is not None and low <= value <= high


def _not(test: Callable[[Leaf, Facts], bool]) -> Callable[[Leaf, Facts], bool]:
    return lambda leaf, facts: not test(leaf, facts)


def _is(leaf: Leaf, facts: Facts) -> bool:
    return same(facts.get(leaf.field), leaf.value)


def _in(leaf: Leaf, facts: Facts) -> bool:
    value = facts.get(leaf.field)
    return value is not None and any(same(value, one) for one in leaf.value)


def _contains_any(leaf: Leaf, facts: Facts) -> bool:
    return _contains(leaf, facts, any)


def _includes(leaf: Leaf, facts: Facts) -> bool:
    return plain(leaf.value).casefold() in members(facts.get(leaf.field))


def _present(leaf: Leaf, facts: Facts) -> bool:
    return facts.get(leaf.field) is not None


def _within(leaf: Leaf, facts: Facts) -> bool:
    return facts.open(leaf.value)


_OPERATORS: Final[Mapping[str, Callable[[Leaf, Facts], bool]]] = {
    "is": _is,
    "is_not": _not(_is),
    "in": _in,
    "not_in": _not(_in),
    "contains": _contains_any,
    "not_contains": _not(_contains_any),
    "contains_any": _contains_any,
    "contains_all": lambda leaf, facts: _contains(leaf, facts, all),
    "starts_with": _starts,
    "matches": _matches,
    "includes": _includes,
    "not_includes": _not(_includes),
    "includes_all": lambda leaf, facts: {plain(v).casefold() for v in leaf.value} <= members(facts.get(leaf.field)),
    "less_than": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a < b),
    "at_most": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a <= b),
    "greater_than": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a > b),
    "at_least": lambda leaf, facts: _compare(leaf, facts, lambda a, b: a >= b),
    "between": _between,
    "present": _present,
    "not_present": _not(_present),
    "changed": differs,
    "not_changed": _not(differs),
    "changed_to": lambda leaf, facts: differs(leaf, facts) and _is(leaf, facts),
    "changed_from": lambda leaf, facts: differs(leaf, facts) and same(facts.before(leaf.field)[1], leaf.value),
    "within_hours": _within,
    "outside_hours": _not(_within),
}

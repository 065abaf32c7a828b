"""The facts of one judgement: as given, with what the rules above have set. Each form a value is compared in is made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tsbridge.core.calendar import DAYS, Calendar
from tsbridge.core.moments import Value, read_instant
from tsbridge.core.rules.text import fold

BUDGET: Final = 4_000_000
"""Characters of text one judgement may read. All else is bounded by what a rulebook may hold."""

TIME_FIELDS: Final = ("case.age_minutes", "time.now", "time.weekday", "time.hour", "time.holiday")


FORMS: Final = ("key", "number", "members", "folded", "words", "patterns")
UNMADE: Final = object()


class BudgetExceeded(Exception):
    """The case has more text than a judgement may read."""


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
        self._forms: dict[tuple[str, str], Any] = {}
        self._calendars = calendars
        self._zone = zone
        self._opened_at = opened_at
        self.at = at
        self._read = 0

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
        for kind in FORMS:
            self._forms.pop((kind, name), None)

    def before(self, name: str) -> tuple[bool, Value]:
        """Whether the value before this moment is known, and what it was. A case starts out with nothing set."""
        if name in self._previous:
            value = self._previous[name]
            return True, None if value == "" or value == () else value
        return name.startswith("case."), None

    def key(self, name: str) -> str | None:
        """The form in which `is` and `in` compare a value; None when it is missing."""
        found = self._forms.get(("key", name), UNMADE)
        if found is UNMADE:
            value = self.get(name)
            found = self._forms["key", name] = None if value is None else plain(value).casefold()
        key: str | None = found
        return key

    def number(self, name: str) -> Decimal | None:
        """The value as a number, when it is one."""
        found = self._forms.get(("number", name), UNMADE)
        if found is UNMADE:
            found = self._forms["number", name] = number(self.get(name))
        exact: Decimal | None = found
        return exact

    def members(self, name: str) -> frozenset[str]:
        """The words of a set, in the form they are compared in."""
        found = self._forms.get(("members", name))
        if found is None:
            found = self._forms["members", name] = members(self.get(name))
        return found

    def folded(self, name: str) -> str:
        """The value as folded text; empty when it is missing."""
        found = self._forms.get(("folded", name))
        if found is None:
            value = self.get(name)
            text = "" if value is None else " ".join(value) if isinstance(value, tuple) else plain(value)
            self._read += len(text)
            if self._read > BUDGET:
                raise BudgetExceeded
            found = self._forms["folded", name] = fold(text)
        return found

    def cached(self, kind: str, name: str, made: Callable[[], frozenset[str]]) -> frozenset[str]:
        """What was found in a field, looked for once as long as nobody sets it."""
        found = self._forms.get((kind, name))
        if found is None:
            found = self._forms[kind, name] = made()
        return found

    def open(self, calendar: str) -> bool:
        found = self._forms.get(("open", calendar))
        if found is None:
            known = self._calendars.get(calendar)
            found = self._forms["open", calendar] = known is not None and known.is_open(self._now())
        return found

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


def plain(value: Value) -> str:
    """A value as the text it is compared by; whole numbers without a point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ",".join(value) if isinstance(value, tuple) else str(value)


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


def members(value: Value) -> frozenset[str]:
    """A set's words, compared without letter case; a single word is a set of one."""
    if value is None:
        return frozenset()
    return frozenset(word.casefold() for word in value) if isinstance(value, tuple) else frozenset((plain(value).casefold(),))

"""The facts of one judgement: as given, with what the rules above have set. Each form a value is compared in is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from typing import Final, TypeVar

from tsbridge.core.calendar import DAYS, Calendar
from tsbridge.core.moments import Value
from tsbridge.core.rules.text import NEWEST, Folding, newest
from tsbridge.core.values import Number, as_key, members, number, plain

T = TypeVar("T")
TIME_FIELDS: Final = frozenset({"case.age_minutes", "time.now", "time.weekday", "time.hour", "time.holiday"})

YEARS: Final = range(1970, 9_000)
"""The years in which calendars and clocks have room to look back and ahead."""
MOST_BYTES: Final = 4
"""Of a character, in UTF-8."""
SHORT: Final = 200
"""Texts shorter than this are made ready for comparison at once: most rules compare most of them."""


class Facts:
    """The facts of one judgement: as given, with what the rules above have set.

    Each form a value is compared in is made when it is first asked for: `keys` (for `is` and `in`; None when missing), `numbers`,
    `members` (of a set), `folded` (text), `open` (by field and calendar). `folding`: remembers texts from one judgement to the next.
    `cut`: the fields of whose text only the newest part is seen (`text.NEWEST`), by conditions of every kind alike.
    """

    __slots__ = ("_values", "at", "cut", "folded", "keys", "members", "numbers", "open", "patterns", "words")

    def __init__(
        self,
        given: Mapping[str, Value],
        previous: Mapping[str, Value],
        at: datetime,
        zone: tzinfo,
        calendars: Mapping[str, Calendar],
        opened_at: datetime | None,
        folding: Folding | None = None,
    ) -> None:
        keys: dict[str, str] = {}
        ends: dict[str, str] = {}
        for name, value in given.items():
            if type(value) is str and value:
                if len(value) < SHORT:
                    keys[name] = value.casefold()
                elif len(value) > NEWEST // MOST_BYTES and len(end := newest(value)) < len(value):
                    ends[name] = end
        self.cut = tuple(sorted(ends))
        if ends:
            given = {**given, **ends}
        values = self._values = _Values(given, previous, at, zone, calendars, opened_at, folding or Folding())
        self.at = at
        self.keys = _Form(values.key)
        self.keys.update(keys)
        self.numbers = _Form(values.number)
        self.members = _Form(values.members)
        self.folded = _Form(values.folded)
        self.open = _Hours(values.open)
        self.words: dict[str, frozenset[str]] = {}
        self.patterns: dict[str, frozenset[str]] = {}

    def get(self, name: str) -> Value:
        """The value of a field as it stands at this rule; None when it is missing or empty."""
        return self._values.get(name)

    def set(self, name: str, value: Value) -> None:
        """What a rule has just set; rules below see it."""
        self._values.changed[name] = value
        for form in (self.keys, self.numbers, self.members, self.folded, self.words, self.patterns):
            form.pop(name, None)

    @contextmanager
    def without(self, name: str | None) -> Iterator[None]:
        """As long as it lasts, this field is empty."""
        if name is None:
            yield
            return
        stood = dict(self.changed)
        self.set(name, None)
        yield
        self.set(name, stood.get(name))
        if name not in stood:
            self._values.changed.pop(name)

    @property
    def changed(self) -> Mapping[str, Value]:
        """What rules have set."""
        return self._values.changed

    def before(self, name: str) -> tuple[bool, Value]:
        """Whether the value before this moment is known, and what it was. A case starts out with nothing set."""
        return self._values.before(name)


class _Form(dict[str, T]):
    """Values in one form, each made once. It refers to the values alone: no circle, nothing for the garbage collector."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make

    def __missing__(self, name: str) -> T:
        found = self[name] = self._make(name)
        return found


class _Hours(dict[tuple[str, str], bool]):
    """Whether the time in a field lies in a calendar's open hours, each found out once."""

    __slots__ = ("_find",)

    def __init__(self, find: Callable[[str, str], bool]) -> None:
        self._find = find

    def __missing__(self, asked: tuple[str, str]) -> bool:
        found = self[asked] = self._find(*asked)
        return found


class _Values:
    __slots__ = ("_at", "_calendars", "_folding", "_given", "_opened_at", "_previous", "_zone", "changed")

    def __init__(
        self,
        given: Mapping[str, Value],
        previous: Mapping[str, Value],
        at: datetime,
        zone: tzinfo,
        calendars: Mapping[str, Calendar],
        opened_at: datetime | None,
        folding: Folding,
    ) -> None:
        self._given = given
        self._previous = previous
        self._at = at
        self._zone = zone
        self._calendars = calendars
        self._opened_at = opened_at
        self._folding = folding
        self.changed: dict[str, Value] = {}

    def get(self, name: str) -> Value:
        if name in self.changed:
            return self.changed[name]
        value = self._given.get(name)
        if value is None:
            return self._of_time(name) if name in TIME_FIELDS else None
        return None if value == "" or value == () else value

    def before(self, name: str) -> tuple[bool, Value]:
        if name in self._previous:
            value = self._previous[name]
            return True, None if value == "" or value == () else value
        return name.startswith("case."), None

    def key(self, name: str) -> str | None:
        value = self.get(name)
        if isinstance(value, str):
            return value.casefold()
        return None if value is None else as_key(value)

    def number(self, name: str) -> Number | None:
        value = self.get(name)
        return value if type(value) is int else number(value)

    def members(self, name: str) -> frozenset[str]:
        return members(self.get(name))

    def folded(self, name: str) -> str:
        value = self.get(name)
        text = "" if value is None else " ".join(value) if isinstance(value, tuple) else plain(value)
        return self._folding.fold(name, text)

    def open(self, name: str, calendar: str) -> bool:
        found = self._calendars.get(calendar)
        time = self._now() if name == "time.now" else _time(self.get(name))
        return found is not None and time is not None and found.is_open(time)

    def _now(self) -> datetime:
        return _time(self._given.get("time.now")) or self._at

    def _of_time(self, name: str) -> Value:
        if name == "case.age_minutes":
            return None if self._opened_at is None else int((self._at - self._opened_at).total_seconds() // 60)
        local = self._now().astimezone(self._zone)
        if name == "time.weekday":
            return DAYS[local.weekday()]
        if name == "time.hour":
            return local.hour
        if name == "time.holiday":
            return any(calendar.is_holiday(local.date()) for calendar in self._calendars.values())
        return self._now().isoformat()


def _time(value: Value) -> datetime | None:
    """The time that a text names; None when it names none in the years of calendars."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        found = (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year in YEARS else None

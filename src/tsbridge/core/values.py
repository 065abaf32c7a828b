"""Values as they are compared: as text, as numbers, as sets; and whether two are one, however each was told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from tsbridge.core.moments import Value

Number = Decimal | int
WHOLE: Final = 10**18
TICKS: Final[Mapping[str, bool]] = {"1": True, "0": False}
"""How audits may tell a checkbox; other words are compared as they are."""


def plain(value: Value) -> str:
    """A value as the text it is compared by; whole numbers without a point."""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ",".join(value) if isinstance(value, tuple) else str(value)


def as_key(value: Value) -> str:
    """A value as the word it is compared by: letter case does not matter."""
    return value.casefold() if type(value) is str else plain(value).casefold()


def alike(a: Value, b: Value) -> bool:
    """Whether two values are one, however each was told: a flag or a number also as text, several choices also as one with blanks between,
    nothing also as an empty text."""
    a, b = (None if value == "" or value == () else value for value in (a, b))
    if a is None or b is None:
        return a is b
    if isinstance(a, tuple) or isinstance(b, tuple):
        return _choices(a) == _choices(b)
    if isinstance(a, bool) or isinstance(b, bool):
        a, b = (TICKS.get(value, value) if isinstance(value, str) else value for value in (a, b))
        return plain(a) == plain(b)
    if any(isinstance(value, int | float) for value in (a, b)):
        return number(a) is not None and number(a) == number(b)
    return plain(a) == plain(b)


def _choices(value: Value) -> frozenset[str]:
    return frozenset(value if isinstance(value, tuple) else plain(value).split())


def number(value: Value) -> Number | None:
    """A number, or text that is one; exact, never through a float. Whole ones as int."""
    if type(value) is int:
        return value
    if value is None or isinstance(value, bool | tuple):
        return None
    text = plain(value).strip()
    if len(text) > 40:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    if not found.is_finite():
        return None
    return int(found) if found == found.to_integral_value() and abs(found) < WHOLE else found


def members(value: Value) -> frozenset[str]:
    """A set's words, compared without letter case; a single word is a set of one."""
    if value is None:
        return frozenset()
    return frozenset(map(str.casefold, value)) if isinstance(value, tuple) else frozenset((as_key(value),))

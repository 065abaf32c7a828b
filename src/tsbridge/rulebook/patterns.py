"""A text that an RE2 pattern finds something in. Only a proposal: whoever uses it asks RE2 itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

MOST: Final = 8
"""Proposals for one pattern."""
_CLASSES: Final = {
    "CATEGORY_DIGIT": "7",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": "w",
    "CATEGORY_NOT_DIGIT": "w",
    "CATEGORY_NOT_SPACE": "w",
    "CATEGORY_NOT_WORD": "-",
}
_PROBES: Final = "aA7 -_.zZé"


def examples(source: str) -> Iterator[str]:
    """A few texts that `source` should match, the shortest way through it first; none for what only RE2 can read."""
    try:
        parsed = parser.parse(source.replace(r"\z", r"\Z"))
    except (re.error, RecursionError, OverflowError):
        return
    seen: set[str] = set()
    for turn in range(MOST):
        text = _sequence(parsed, turn)
        if text not in seen:
            seen.add(text)
            yield text


def _sequence(parsed: Any, turn: int) -> str:
    return "".join(_one(str(code), argument, turn) for code, argument in parsed)


def _one(code: str, argument: Any, turn: int) -> str:
    if code == "LITERAL":
        return chr(argument)
    if code == "NOT_LITERAL":
        return next(c for c in _PROBES if ord(c) != argument)
    if code == "ANY":
        return "w"
    if code == "IN":
        return _member(argument)
    if code == "BRANCH":
        return _sequence(argument[1][turn % len(argument[1])], turn)
    if code == "SUBPATTERN":
        return _sequence(argument[3], turn)
    if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = argument
        times = least if turn % 2 == 0 else max(least, min(1, most))
        return _sequence(inner, turn) * int(times)
    return ""  # anchors and boundaries take no room; what is left RE2 does not have


def _member(items: list[tuple[Any, Any]]) -> str:
    negated = bool(items) and items[0][0] is codes.NEGATE
    inside = items[1:] if negated else items
    if negated:
        return next((c for c in _PROBES if not any(_has(code, argument, c) for code, argument in inside)), "\u2603")
    code, argument = inside[0]
    if code is codes.CATEGORY:
        return _CLASSES.get(str(argument), "w")
    return chr(argument[0] if code is codes.RANGE else argument)


def _has(code: Any, argument: Any, char: str) -> bool:
    if code is codes.LITERAL:
        return ord(char) == int(argument)
    if code is codes.RANGE:
        return int(argument[0]) <= ord(char) <= int(argument[1])
    kinds: dict[str, Callable[[str], bool]] = {"DIGIT": str.isdigit, "SPACE": str.isspace, "WORD": lambda c: c.isalnum() or c == "_"}
    name = str(argument).removeprefix("CATEGORY_")
    test = kinds.get(name.removeprefix("NOT_"))
    return test is not None and test(char) != name.startswith("NOT_")

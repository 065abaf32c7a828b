"""The one reader for bytes from outside: strict where the usual parsers guess.

Refused, each with a code: a byte order mark, anything but UTF-8, duplicate keys, NaN and infinities, integers beyond
64 bits, floats that are too large, lone surrogates, nesting deeper than the limit, trailing text. An escaped NUL inside a
string is replaced by U+FFFD: PostgreSQL cannot keep it.
"""

from __future__ import annotations

import json
import math
from json.scanner import make_scanner
from typing import Any, Final

from tsbridge.core.errors import Malformed

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
DEPTH: Final = 64
CAP: Final = 1 << 20


def read(raw: bytes, cap: int = CAP, depth: int = DEPTH) -> Any:
    """The JSON value of `raw`; raises `Malformed` with a code."""
    if len(raw) > cap:
        raise Malformed("too_large")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("not_utf8") from None
    if text.startswith("\ufeff"):
        raise Malformed("bom")
    try:
        root = _whole(text)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("too_deep") from None
    except ValueError:
        raise Malformed("not_json") from None
    suspicious = "\\" in text and "\\u" in text  # most have none, and one letter is found at once
    if not suspicious and _is_shallow(text, depth):
        return root  # cannot be too deep, and no text can hold what only an escape can bring
    return _sound(root, depth, suspicious)


def _is_shallow(text: str, depth: int) -> bool:
    """Whether there are too few brackets for more. Finding some is quicker than looking at every letter to count them."""
    for bracket in "{[":
        at = text.find(bracket)
        while at >= 0:
            depth -= 1
            if depth < 0:
                return False
            at = text.find(bracket, at + 1)
    return True


def _whole(text: str) -> Any:
    """The value that a text is, perhaps with blanks around it. Raises ValueError."""
    try:
        root, end = _SCAN(text, 0)
    except StopIteration:
        end = -1
    return root if end == len(text) else _DECODER.decode(text)


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) != len(items):
        raise Malformed("duplicate_key")
    return found


def _constant(_: str) -> Any:
    raise Malformed("non_finite_number")


def _int(digits: str) -> int:
    if len(digits) > 20:  # before int(): no quadratic work
        raise Malformed("integer_out_of_range")
    number = int(digits)
    if not LOWEST <= number <= HIGHEST:
        raise Malformed("integer_out_of_range")
    return number


def _float(digits: str) -> float:
    if len(digits) > 64:
        raise Malformed("number_too_long")
    number = float(digits)
    if not math.isfinite(number):
        raise Malformed("non_finite_number")
    return number


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_int, parse_float=_float)
_SCAN: Final = make_scanner(_DECODER)  # type: ignore[arg-type]  # the stubs name the wrong one


def _text(text: str, suspicious: bool) -> str:
    """Surrogates and NUL can only come from escapes, so plain texts need no second look."""
    if not suspicious:
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("lone_surrogate") from None
    return text.replace("\x00", "\ufffd")


def _sound(root: Any, depth: int, suspicious: bool) -> Any:
    """The value with every text checked; walks without recursion, so the depth limit is ours."""
    if isinstance(root, str):
        return _text(root, suspicious)
    todo: list[tuple[Any, int]] = [(root, 1)]
    while todo:
        value, level = todo.pop()
        if isinstance(value, dict):
            if level > depth:
                raise Malformed("too_deep")
            if suspicious and any(_text(key, True) != key for key in value):
                renamed = {_text(key, True): child for key, child in value.items()}
                if len(renamed) != len(value):
                    raise Malformed("duplicate_key")
                value.clear()
                value.update(renamed)
            for key, child in value.items():
                if isinstance(child, str):
                    value[key] = _text(child, suspicious)
                elif isinstance(child, dict | list):
                    todo.append((child, level + 1))
        elif isinstance(value, list):
            if level > depth:
                raise Malformed("too_deep")
            for place, child in enumerate(value):
                if isinstance(child, str):
                    value[place] = _text(child, suspicious)
                elif isinstance(child, dict | list):
                    todo.append((child, level + 1))
    return root

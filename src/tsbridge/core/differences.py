"""What is different between two JSON values, in words that people read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

Own = Callable[[str, Any, Any], Iterable[str] | None]
"""Words of its own for the value called so; None where it has none."""


def _none(name: str, was: Any, now: Any) -> None:
    return None


def entries(part: str, single: str, old: Mapping[str, Any], new: Mapping[str, Any], own: Own = _none) -> Iterator[dict[str, Any]]:
    """What became of each entry of a named part: `{"part", "name", "change", "before", "after", "words"}`, by name."""
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was == now and (name in old) == (name in new):
            continue
        how = "added" if name not in old else "removed" if name not in new else "changed"
        words = list(value_words(was, now, own=own)) if how == "changed" else [f"{single.capitalize()} {name} was {how}."]
        yield {"part": part, "name": name, "change": how, "before": was, "after": now, "words": words}


def value_words(was: Any, now: Any, place: str = "", own: Own = _none) -> Iterator[str]:
    """What is different about a value, part by part; `place`: the names on the way to it."""
    name = place.rpartition(" ")[2]
    said_otherwise = own(name, was, now)
    if said_otherwise is not None:
        yield from (f"{place}: {words}" if place else words for words in said_otherwise)
    elif isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in sorted(was.keys() | now.keys(), key=str):
            if was.get(key) != now.get(key) or (key in was) != (key in now):
                yield from value_words(was.get(key), now.get(key), f"{place} {key}".strip(), own)
    elif isinstance(was, list) and isinstance(now, list):
        yield from (f"{place}: {words}" if place else words for words in _list_words(was, now, name, own))
    else:
        yield f"{place or 'It'} is {said(now)}, was {said(was)}."


def _list_words(was: list[Any], now: list[Any], name: str, own: Own) -> Iterator[str]:
    if all(one in was for one in now) and all(one in now for one in was):
        yield "The order is different."
        return
    if any(isinstance(one, Mapping) for one in (*was, *now)):
        entry = "step" if name == "steps" else "entry"
        for number, (old, new) in enumerate(zip_longest(was, now), 1):
            if old is None or new is None:
                yield f"{entry} {number} {'was added' if old is None else 'has gone'}: {said(old or new)}."
            elif old != new:
                yield from value_words(old, new, f"{entry} {number}", own)
        return
    yield from (f"{said(one)} was added." for one in now if one not in was)
    yield from (f"{said(one)} has gone." for one in was if one not in now)


def said(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "nothing"
    if isinstance(value, list) and value and all(isinstance(one, str | int | float) for one in value):
        return listed(value)
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def listed(values: Iterable[Any]) -> str:
    return ", ".join(str(one) for one in values)

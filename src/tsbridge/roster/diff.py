"""What differs between two rosters, in words, entry by entry. Total for any JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.core.differences import entries, value_words

Document = Mapping[str, Any]
NAMED: Final = {
    "agents": "agent",
    "ways": "way",
    "shifts": "shift",
    "rotations": "rotation",
    "limits": "limit",
    "lists": "list",
}
"""The parts whose entries have keys, and what one entry is called."""


def diff(before: Document, after: Document) -> dict[str, Any]:
    """`{"same", "parts", "other"}`: per entry of a named part, and per part of the rest, both forms and what is different in words."""
    parts = [one for part, single in NAMED.items() for one in entries(part, single, _named(before, part), _named(after, part))]
    rest = sorted((before.keys() | after.keys()) - {*NAMED})
    other = [
        {"part": name, "before": before.get(name), "after": after.get(name), "words": list(value_words(before.get(name), after.get(name)))}
        for name in rest
        if before.get(name) != after.get(name)
    ]
    return {"same": not parts and not other, "parts": parts, "other": other}


def touched(before: Document, after: Document) -> dict[str, list[str]]:
    """By part the keys of what was added, changed or removed; of a part without keys its own name. Only what there is."""
    found: dict[str, list[str]] = {}
    difference = diff(before, after)
    for one in difference["parts"]:
        found.setdefault(one["part"], []).append(one["name"])
    found.update({one["part"]: [one["part"]] for one in difference["other"]})
    return found


def _named(document: Document, part: str) -> Document:
    found = document.get(part)
    return found if isinstance(found, Mapping) else {}

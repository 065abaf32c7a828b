"""At which line of an iCalendar text things stand: parsers of the format keep no lines, and people look for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"([A-Za-z0-9-]+)[;:]")


class Block(NamedTuple):
    """One component: the line of its BEGIN, and of the first of each property directly in it, by name in capitals."""

    begin: int
    lines: Mapping[str, int]

    def line(self, name: str) -> int:
        return self.lines.get(name, self.begin)


def blocks(text: str, component: str) -> list[Block]:
    """The components of that name, in order."""
    found: list[Block] = []
    inside: list[tuple[str, int, dict[str, int]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        named = _NAME.match(line)
        if named is None:  # a folded line goes on with a space
            continue
        name = named[1].upper()
        if name == "BEGIN":
            inside.append((line.partition(":")[2].strip().upper(), number, {}))
        elif name == "END":
            if inside:
                kind, begin, lines = inside.pop()
                if kind == component:
                    found.append(Block(begin, lines))
        elif inside:
            inside[-1][2].setdefault(name, number)
    return sorted(found)

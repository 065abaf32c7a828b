"""A bitmap index: for each class of each column, the rules that it does not rule out, a bit each.

The bitmaps of the classes a moment is in, taken together, leave the rules that may match: for thousands of rules at hardly
more cost than for ten.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tsbridge.core.rules.columns import Accepted, Columns, Numbers
from tsbridge.core.rules.facts import Facts
from tsbridge.core.values import Number

Class = tuple[int, int]
"""Its bit among the classes of all columns, and its bitmap."""


class Bitmaps:
    """Rules by their slots, with the classes that they accept."""

    def __init__(self, columns: Columns, rules: Sequence[tuple[int, Accepted]]) -> None:
        self._slots = [slot for slot, _ in rules]
        self._all = (1 << len(rules)) - 1
        values: list[tuple[str, dict[str | None, Class], Class]] = []
        numbers: list[tuple[str, Sequence[Number], list[Class], Class]] = []
        for name, column in columns.by_name.items():
            refused = [(place, column.whole & ~accepted[name]) for place, (_, accepted) in enumerate(rules) if name in accepted]
            start = columns.starts[name]
            classes = [(1 << place, found) for place, found in enumerate(_maps(refused, column.width, self._all), start)]
            if isinstance(column, Numbers):
                numbers.append((name[1], column.cuts, classes[:-1], classes[-1]))
            else:
                by_key: dict[str | None, Class] = {key: classes[place] for key, place in column.places.items()}
                values.append((name[1], by_key | {None: classes[-1]}, classes[-2]))
        self._values = tuple(values)
        self._numbers = tuple(numbers)

    def look(self, facts: Facts) -> tuple[int, list[int]]:
        """The classes these facts are in, a bit each, and the slots of the rules that may match, in no order."""
        keys, numbers = facts.keys, facts.numbers
        classes, left = 0, self._all
        for field, by_key, other in self._values:
            bit, bitmap = by_key.get(keys[field], other)
            classes |= bit
            left &= bitmap
        for field, cuts, cells, missing in self._numbers:
            value = numbers[field]
            bit, bitmap = missing if value is None else cells[bisect_left(cuts, value) + bisect_right(cuts, value)]
            classes |= bit
            left &= bitmap
        found = []
        while left:
            place = left.bit_length() - 1
            found.append(self._slots[place])
            left ^= 1 << place
        return classes, found


def _maps(refused: Sequence[tuple[int, int]], width: int, everybody: int) -> list[int]:
    """The bitmap of each class. `refused`: places of rules with the classes that they do not accept. Mostly these stand side by
    side, so that only what changes from one class to the next is written down."""
    turns = [bytearray(everybody.bit_length() // 8 + 1) for _ in range(width + 1)]
    for place, classes in refused:
        edges = classes ^ classes << 1
        byte, bit = place >> 3, 1 << (place & 7)
        while edges:
            edge = edges.bit_length() - 1
            turns[edge][byte] ^= bit
            edges ^= 1 << edge
    maps = []
    for turn in turns[:width]:
        everybody ^= int.from_bytes(turn, "little")
        maps.append(everybody)
    return maps

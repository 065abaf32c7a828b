"""A bitmap index: for each class of each column, the conditions that it does not rule out, a bit each.

The bitmaps of the classes a moment is in, taken together, leave the conditions that may be true: for thousands at hardly more cost
than for ten.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from tsbridge.core.rules.columns import Accepted, Columns, Name, Numbers
from tsbridge.core.rules.facts import Facts
from tsbridge.core.values import Number


class Bitmaps:
    """Conditions by their slots, with the classes that they accept."""

    def __init__(self, columns: Columns, conditions: Mapping[int, Accepted]) -> None:
        self._all = bitmap(conditions)
        self._values: list[tuple[str, dict[str | None, int], int]] = []
        self._numbers: list[tuple[str, Sequence[Number], list[int], int]] = []
        refused: dict[Name, list[tuple[int, int]]] = {name: [] for name in columns.by_name}
        for slot, accepted in conditions.items():
            for name, classes in accepted.items():
                refused[name].append((slot, columns.by_name[name].whole & ~classes))
        for name, column in columns.by_name.items():
            maps = _maps(refused[name], column.width, self._all)
            if isinstance(column, Numbers):
                self._numbers.append((name[1], column.cuts, maps[:-1], maps[-1]))
            else:
                by_key: dict[str | None, int] = {key: maps[place] for key, place in column.places.items()}
                self._values.append((name[1], by_key | {None: maps[-1]}, maps[-2]))

    def left(self, facts: Facts) -> int:
        """What these facts do not rule out."""
        keys, numbers = facts.keys, facts.numbers
        left = self._all
        for field, by_key, other in self._values:
            left &= by_key.get(keys[field], other)
        for field, cuts, cells, missing in self._numbers:
            value = numbers[field]
            left &= missing if value is None else cells[bisect_left(cuts, value) + bisect_right(cuts, value)]
        return left


def bitmap(slots: Iterable[int]) -> int:
    """A bit for each slot."""
    found = 0
    for slot in slots:
        found |= 1 << slot
    return found


def slots_of(bits: int) -> list[int]:
    """The slots of the bits, in order."""
    found = []
    while bits:
        slot = bits.bit_length() - 1
        found.append(slot)
        bits ^= 1 << slot
    found.reverse()
    return found


def _maps(refused: Sequence[tuple[int, int]], width: int, everybody: int) -> list[int]:
    """The bitmap of each class. `refused`: slots with the classes that they do not accept. Mostly these stand side by side, so that
    only what changes from one class to the next is written down."""
    turns = [bytearray(everybody.bit_length() // 8 + 1) for _ in range(width + 1)]
    for slot, classes in refused:
        edges = classes ^ classes << 1
        byte, bit = slot >> 3, 1 << (slot & 7)
        while edges:
            edge = edges.bit_length() - 1
            turns[edge][byte] ^= bit
            edges ^= 1 << edge
    maps = []
    for turn in turns[:width]:
        everybody ^= int.from_bytes(turn, "little")
        maps.append(everybody)
    return maps

"""Percentiles, shares and intervals, each by one definition."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple

Z_95: Final = 1.959963984540054
"""Of a normal distribution 95 % lie within so many deviations."""


class Percentile(NamedTuple):
    """Nearest rank. Where it falls on an item that is open, `value` is None and `at_least` a bound that is true whatever becomes of it."""

    value: int | None
    at_least: int | None = None


def percentile(done: Sequence[int], still_open: Sequence[int], hundredths: int) -> Percentile:
    """Of durations of what is over and ages of what is open, in whole seconds: an open one counts as longer than any that is over.

    None of nothing. The bound is the same percentile of durations and ages together: no open item can end up below its age.
    """
    count = len(done) + len(still_open)
    if not count:
        return Percentile(None)
    rank = -(-hundredths * count // 100)  # whole numbers: a float's 0.95 * 20 may be 19.000000000000004
    if rank <= len(done):
        return Percentile(sorted(done)[rank - 1])
    return Percentile(None, sorted((*done, *still_open))[rank - 1])


def share(part: int, whole: int) -> float | None:
    """As a fraction with four places; None of nothing."""
    return None if not whole else round(part / whole, 4)


def wilson(hits: int, count: int) -> tuple[float, float] | None:
    """The interval that holds the true share with 95 %, after Wilson; None of nothing."""
    if not count:
        return None
    rate, square = hits / count, Z_95 * Z_95
    middle = (rate + square / (2 * count)) / (1 + square / count)
    half = Z_95 / (1 + square / count) * sqrt(rate * (1 - rate) / count + square / (4 * count * count))
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)

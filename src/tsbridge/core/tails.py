"""How unlikely a count is, and which of many unlikely counts to believe.

Counts of what happens spread wider than Poisson's: what comes, comes in bunches. Theirs is the negative binomial with a variance of
`spread` times the mean; a spread of 1 is Poisson's. Nothing here guesses: the same numbers give the same answer anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log
from typing import Final

POISSON: Final = 1.0 + 1e-9
"""A spread up to this is Poisson's."""
NEGLIGIBLE: Final = 1e-17
"""Terms of a sum that add less than this part of it change no digit of it."""


def at_least(count: int, mean: float, spread: float = 1.0) -> float:
    """The probability of so many or more. `mean` above 0, `spread` 1 or more."""
    if count <= 0:
        return 1.0
    if count <= mean:
        return max(0.0, 1.0 - _below(count - 1, mean, spread))
    return min(1.0, _above(count, mean, spread))


def at_most(count: int, mean: float, spread: float = 1.0) -> float:
    """The probability of so many or fewer. `mean` above 0, `spread` 1 or more."""
    if count < 0:
        return 0.0
    if count >= mean:
        return max(0.0, 1.0 - _above(count + 1, mean, spread))
    return min(1.0, _below(count, mean, spread))


def exactly(count: int, mean: float, spread: float = 1.0) -> float:
    """The probability of just so many."""
    if spread <= POISSON:
        return exp(count * log(mean) - mean - lgamma(count + 1))
    size = mean / (spread - 1)
    ways = lgamma(count + size) - lgamma(size) - lgamma(count + 1)
    return exp(ways - size * log(spread) + count * log(1 - 1 / spread))


def smallest(chance: float, mean: float, spread: float = 1.0) -> int:
    """The smallest count that has at most this chance of being reached."""
    low, high = 0, max(1, int(mean))
    while at_least(high, mean, spread) > chance:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_least(middle, mean, spread) > chance else (low, middle)
    return high


def believed(chances: Sequence[float], tested: float, rate: float) -> float:
    """The chance up to which to believe that it was none (Benjamini and Hochberg 1995); 0: nothing is to be believed.

    `chances`: those of `tested` that may be small, in any order. Of what is believed no more than this `rate` is wrong in the long run,
    and where all of it is chance, anything is believed in this part of the looks at most.
    """
    found = 0.0
    for place, chance in enumerate(sorted(chances), 1):
        if chance <= place * rate / tested:
            found = chance
    return found


def _above(count: int, mean: float, spread: float) -> float:
    """The sum from `count` up, which lies above the mean: terms only fall."""
    term = total = exactly(count, mean, spread)
    stays, size = _ratio(mean, spread)
    while term > NEGLIGIBLE * total:
        term *= (count * stays + size) / (count + 1)
        count += 1
        total += term
    return total


def _below(count: int, mean: float, spread: float) -> float:
    """The sum from `count` down."""
    term = total = exactly(count, mean, spread)
    stays, size = _ratio(mean, spread)
    while count > 0 and term > NEGLIGIBLE * total:
        term *= count / ((count - 1) * stays + size)
        count -= 1
        total += term
    return total


def _ratio(mean: float, spread: float) -> tuple[float, float]:
    """Each term is the one before, of `count`, times (count * first + second) / (count + 1)."""
    return (0.0, mean) if spread <= POISSON else (1 - 1 / spread, mean / spread)

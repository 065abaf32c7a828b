"""Tails of counts, held against scipy's (values kept beside, made by `tails_by_scipy.py`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tsbridge.core.tails import at_least, at_most, believed, exactly, smallest

SCIPY: Any = json.loads((Path(__file__).parent / "tails_by_scipy.json").read_text())


def test_the_chance_of_a_count_is_what_scipy_says() -> None:
    assert len(SCIPY["counts"]) > 200
    for count, mean, spread, above, below, just in SCIPY["counts"]:
        assert at_least(count, mean, spread) == pytest.approx(above, rel=1e-9, abs=1e-300), (count, mean, spread)
        assert at_most(count, mean, spread) == pytest.approx(below, rel=1e-9, abs=1e-300), (count, mean, spread)
        assert exactly(count, mean, spread) == pytest.approx(just, rel=1e-9, abs=1e-300), (count, mean, spread)


def test_what_is_believed_of_many_is_what_scipy_says() -> None:
    for chances, rate, expected in SCIPY["discoveries"]:
        limit = believed(chances, len(chances), rate)
        assert [chance <= limit for chance in chances] == expected


def test_chances_that_are_left_out_as_large_count_as_tested() -> None:
    assert believed([0.04], 1, 0.05) == 0.04
    assert believed([0.04], 100, 0.05) == 0.0
    assert believed([], 100, 0.05) == 0.0


def test_the_smallest_count_is_the_first_that_is_unlikely_enough() -> None:
    for mean, spread in ((0.1, 1), (4, 1), (4, 2), (300, 1.5)):
        needed = smallest(1e-5, mean, spread)
        assert at_least(needed, mean, spread) <= 1e-5 < at_least(needed - 1, mean, spread)


def test_everything_and_nothing_are_certain() -> None:
    assert at_least(0, 3, 2) == 1.0
    assert at_most(-1, 3, 2) == 0.0

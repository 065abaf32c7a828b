"""How a rulebook says what belongs together, and what it says when it leaves that out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.rulebook.books import book
from tsbridge.core.rules.document import read

DAY = timedelta(hours=24)
REST = timedelta(hours=72)


@pytest.mark.parametrize(
    ("linking", "window", "rest"),
    [
        ({}, DAY, REST),
        ({"window": "0m"}, timedelta(), REST),  # only what goes on at the same time
        ({"window": "30d"}, timedelta(days=30), REST),
        ({"calls_rest_after": "1h"}, DAY, timedelta(hours=1)),
    ],
)
def test_the_spans_are_those_that_are_written(linking: Any, window: timedelta, rest: timedelta) -> None:
    made = read(book(linking=linking))
    assert (made.link_window, made.calls_rest_after) == (window, rest)

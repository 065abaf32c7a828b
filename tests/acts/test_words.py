"""Of which cases it is put on record who read what people wrote."""

from __future__ import annotations

import pytest

from tsbridge.acts.words import is_severe


@pytest.mark.parametrize(("severity", "severe"), [(1, True), (2, True), (3, False), (4, False), (None, False)])
def test_the_two_worst_severities_are_severe(severity: int | None, severe: bool) -> None:
    assert is_severe(severity) is severe

"""Where something failed is told by the innermost line of ours, never by words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tsbridge.core.failed_at import failed_at
from tsbridge.core.moments import read_instant


def failed(work: Any) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whatever it is
        work()
    return caught.value


def test_a_failure_deep_in_a_strangers_code_is_told_by_our_line_that_called_it() -> None:
    assert failed_at(failed(lambda: read_instant("Ana Smith, +14155550123"))).startswith("tsbridge.core.moments:")


def test_a_failure_that_passed_none_of_our_lines_is_told_by_the_innermost_there_is() -> None:
    assert failed_at(failed(lambda: json.loads("{"))).startswith("json.")


def test_a_failure_that_was_never_raised_has_no_place() -> None:
    assert failed_at(ValueError("Ana")) == "?"

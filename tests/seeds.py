"""How often a property is tried: a few times for every change, many times by `make soak`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import settings

MANY: Final = "MANY" in os.environ
"""Told by `make soak` for whatever Hypothesis makes up."""


def seeds(few: int, many: int) -> list[Any]:
    return first(few, range(many))


def first(few: int, of: Sequence[Any]) -> list[Any]:
    """The first few of some values (tuples: of several arguments); the others wait for `make soak`."""
    later = [one if isinstance(one, tuple) else (one,) for one in of[few:]]
    return [*of[:few], *(pytest.param(*one, marks=pytest.mark.soak) for one in later)]


def examples(few: int, many: int, **more: Any) -> settings:
    """So many made-up examples of a property; `more`: other settings of Hypothesis."""
    return settings(max_examples=many if MANY else few, **more)

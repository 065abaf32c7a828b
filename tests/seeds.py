"""How often a property is tried: a few times for every change, many times by `make soak`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def seeds(few: int, many: int) -> list[Any]:
    return first(few, range(many))


def first(few: int, of: Sequence[Any]) -> list[Any]:
    """The first few of some values (tuples: of several arguments); the others wait for `make soak`."""
    later = [one if isinstance(one, tuple) else (one,) for one in of[few:]]
    return [*of[:few], *(pytest.param(*one, marks=pytest.mark.soak) for one in later)]

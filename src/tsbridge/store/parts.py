"""Long lists in parts: one statement takes only so many values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

PART: Final = 400


def parts(values: Sequence[T], size: int = PART) -> Iterator[Sequence[T]]:
    """The values in their order, at most so many at once; nothing of nothing."""
    return (values[start : start + size] for start in range(0, len(values), size))

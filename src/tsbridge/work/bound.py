"""How long something may be computed that waits for nothing. What ends it is made above (`cpu_limit`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class TookTooLong(Exception):
    """Work was ended because it had used up its time."""


class Bound(Protocol):
    """Does work that waits for nothing, within some time. Raises `TookTooLong`."""

    def __call__(self, work: Callable[[], T]) -> T: ...


def unbound(work: Callable[[], T]) -> T:
    """However long it takes."""
    return work()

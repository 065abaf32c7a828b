"""Planted mutants: each breaks one law by replacing one function for a while. A checker that misses one of them proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """`make(original)` is what stands in place of `name` of `owner` while it is planted."""

    law: str
    owner: Any
    name: str
    make: Callable[[Any], Any]

    @contextmanager
    def planted(self) -> Iterator[None]:
        original = vars(self.owner)[self.name] if isinstance(self.owner, type) else getattr(self.owner, self.name)
        setattr(self.owner, self.name, self.make(original))
        try:
            yield
        finally:
            setattr(self.owner, self.name, original)


ALL: dict[str, Mutant] = {}


def order(within: int) -> range:
    """The seeds that try to catch one."""
    return range(1, within + 1)

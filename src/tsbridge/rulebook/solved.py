"""What is asked of a group of facts, and what can come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tsbridge.core.moments import Value
from tsbridge.core.rules.language import Leaf

Literal = tuple[Leaf, bool]
"""A condition in its positive form, and whether it shall hold."""

CHANGES: Final = frozenset({"changed", "changed_to", "changed_from"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a world: what one group contributes."""

    given: Mapping[str, Value] = field(default_factory=dict, hash=False)
    previous: Mapping[str, Value] = field(default_factory=dict, hash=False)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Solved:
    """`part` where values were found; without one, `proven` says whether there are none."""

    part: Part | None
    proven: bool = True


NONE: Final = Solved(None)
UNKNOWN: Final = Solved(None, False)


def unchanging(literals: Iterable[Literal]) -> bool:
    """Whether none of them looks at what stood before."""
    return not any(leaf.operator in CHANGES for leaf, _ in literals)

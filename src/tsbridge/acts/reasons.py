"""Why a rule matched, or nearly did, in the shape of contract section 6 (`core.rules.shown`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired

from typing_extensions import TypedDict


class Leaf(TypedDict):
    """A condition: what was expected and what was there. `outcome`: what it said; of a near miss what was `wanted` of it instead."""

    field: NotRequired[str]
    operator: NotRequired[str]
    expected: NotRequired[Any]
    actual: NotRequired[Any]
    found: NotRequired[Any]
    cut: NotRequired[bool]
    outcome: NotRequired[bool]
    wanted: NotRequired[bool]
    redacted_since: NotRequired[str]
    withheld: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class NearMiss:
    key: str
    missing: Sequence[Leaf]


def without_words(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Conditions without what was there."""
    found = []
    for leaf in leaves:
        silent: Leaf = {**leaf, "withheld": True}
        if "actual" in leaf:
            silent["actual"] = None
        if "found" in leaf:
            silent["found"] = None
        found.append(silent)
    return found

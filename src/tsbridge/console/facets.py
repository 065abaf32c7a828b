"""Links that narrow a list: each value of a filter, with how many there would be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tsbridge.console.render import address


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter: how many would be listed with it, and the address that asks for it, or no more where it is chosen."""

    label: str
    count: int
    address: str
    chosen: bool


def choices(
    page: str, filters: Mapping[str, Any], name: str, counts: Iterable[tuple[str, int]], labels: Mapping[str, str] | None = None
) -> list[Choice]:
    """One for each value of the filter `name`, beside all other filters of the page. `labels`: what values are called that are not
    called as they are."""
    chosen = filters[name]
    return [
        Choice(
            (labels or {}).get(value, value),
            count,
            address(page, **{**filters, name: None if value == chosen else value}),
            value == chosen,
        )
        for value, count in counts
    ]

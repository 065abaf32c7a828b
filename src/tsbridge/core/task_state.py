"""How this process stands: what a look at it says, and whether each of its tasks comes round, hangs, or fails again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

OVER_LIMIT: Final = "OverLimit"
"""The failure of a round that was ended because it had lasted too long."""
KEEPS_FAILING: Final = 5
"""Failures in a row that are no bad moment any more: half a minute with the rests between them."""
LATE: Final = timedelta(seconds=5)
"""How long ending a round may take, and looking at it."""


class Checked(NamedTuple):
    """The result of one look at ourselves. `detail` is for an operator's eyes and names no person and no secret.

    `degraded`: the work is done, and something is not as it should be.
    """

    ok: bool
    detail: str
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """`lasted`: how long it has been in its round, nothing while it rests, of `limit` at most. `sign`: how long ago a round ended well,
    or the task was begun. `rounds` and `failures` (by kind) since then; `in_a_row` and `kind` are those since the last good one.
    """

    vital: bool
    limit: timedelta
    lasted: timedelta
    sign: timedelta
    rounds: int
    failures: Mapping[str, int]
    in_a_row: int
    kind: str | None

    @property
    def amiss(self) -> str | None:
        """What is wrong with it in words; None when nothing is."""
        if self.lasted > self.limit + LATE:
            return f"has not come back for {int(self.lasted.total_seconds())} s"
        if self.kind == OVER_LIMIT:
            return f"hangs: {self.in_a_row} rounds in a row failed, the last was ended after {int(self.limit.total_seconds())} s"
        if self.in_a_row >= KEEPS_FAILING:
            return f"failed {self.in_a_row} times in a row ({self.kind}), for {int(self.sign.total_seconds())} s"
        return None

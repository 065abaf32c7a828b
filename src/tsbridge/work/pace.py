"""How fast and whether at all: the pace of this installation, and the permit that every update needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core.budget import Budget
from tsbridge.store import budget, writemode
from tsbridge.vendors.zendesk.client import Limits


@dataclass(slots=True)
class Pace:
    """How fast this installation writes: `per_minute` updates, all processes together; and what Zendesk's headers said lately.

    `setting`: what TSBRIDGE_WRITEBACK says.
    """

    per_minute: float
    setting: str = "live"
    limits: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def heard(self, limits: Limits) -> None:
        """For the client: called with the rate headers of every answer."""
        self.limits.update(limits.buckets)

    def told(self) -> dict[str, tuple[int, int, int]]:
        """What was heard since the last time."""
        told, self.limits = self.limits, {}
        return told

    def mode(self, conn: Connection) -> str:
        return writemode.in_force(conn, self.setting).effective

    def permit(self, conn: Connection, now: datetime) -> Stopped | None:
        """Take the permit for one update, in the caller's transaction; why not, when there is none."""
        if (mode := self.mode(conn)) != "live":
            return Stopped(mode, now)
        taken: list[Budget] = []

        def take(shared: Budget) -> Budget:
            spent = flow.take(shared, self.per_minute, now)
            taken.extend([] if spent is None else [spent])
            return shared if spent is None else spent

        shared = budget.change(conn, take)
        if taken:
            return None
        return Stopped("pace", flow.closed(shared, now) or flow.free(shared, self.per_minute, now)[1])


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why a call is not made after all; `due`: when to come back, None when the wish is not ours any more."""

    reason: str
    due: datetime | None

"""What can be made to happen in the account from outside: by a scenario in the same process or over the control endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tsbridge.simulator.talkdesk.world import Unfit, World


class SettableClock:
    """A clock that stands where it was put, or runs with `real` until it is put somewhere. Never goes back."""

    def __init__(self, real: Callable[[], datetime]) -> None:
        self._real = real
        self._at: datetime | None = None

    def __call__(self) -> datetime:
        return self._at or self._real()

    def put(self, at: datetime) -> None:
        """Later than before, or it stays."""
        if self._at is None or at > self._at:
            self._at = at


ACTS: Mapping[str, str] = {
    "contact": "contact",
    "agent": "agent",
    "started": "starts",
    "answered": "answers",
    "transferred": "transfers",
    "held": "holds",
    "ended": "ends",
    "missed": "misses",
    "abandoned": "abandons",
    "voicemail": "leaves_voicemail",
    "disposition": "disposes",
    "note": "notes",
}
"""Act -> method of the world; its arguments are the method's."""


def perform(world: World, act: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Do one act; answers the id of what it touched. `Unfit` for an unknown act, a missing argument, an impossible state."""
    method = ACTS.get(act)
    if method is None:
        raise Unfit(f"expected one of {', '.join(sorted(ACTS))}")
    try:
        done = getattr(world, method)(**args)
    except TypeError as problem:
        raise Unfit(f"arguments of {act} do not fit: {_without_values(problem)}") from problem
    return {"id": done.id}


def _without_values(problem: TypeError) -> str:
    return str(problem).partition("() ")[2] or "wrong types"

"""The shapes of replays and of the shadow, for `/openapi.json`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from tsbridge.acts.moves import StandShown, Summary


class ReplayMade(TypedDict):
    id: str


_REPLAY: dict[str, Any] = {
    "id": str,
    "status": Literal["queued", "running", "done", "cancelled", "failed"],
    "reason": str | None,
    "done": int,
    "total": int,
    "from": str | None,
    "to": str,
    "hash": str,
    "as_recorded": bool,
    "created_at": str,
    "created_by": str,
    "finished_at": str | None,
}
ReplayShown = TypedDict("ReplayShown", _REPLAY)  # type: ignore[misc]  # `from` is no name a class could have
ReplayWhole = TypedDict("ReplayWhole", {**_REPLAY, "summary": Summary})  # type: ignore[misc]


Move = TypedDict(
    "Move",
    {
        "id": str,
        "case_id": str,
        "ticket": str | None,
        "decision_id": str | None,
        "at": str,
        "mismatch": bool,
        "from": StandShown,
        "to": StandShown,
    },
)


class ShadowShown(TypedDict):
    """What is there only while one is on: `hash`, `started_at`, `started_by`."""

    on: bool
    summary: Summary | None
    hash: NotRequired[str]
    started_at: NotRequired[str]
    started_by: NotRequired[str]

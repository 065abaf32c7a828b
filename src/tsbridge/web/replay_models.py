"""The shapes of replays and of the shadow, for `/openapi.json`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

QueueMove = TypedDict("QueueMove", {"from": str | None, "to": str | None, "cases": int, "samples": list[str]})
SeverityMove = TypedDict("SeverityMove", {"from": int | None, "to": int | None, "cases": int, "samples": list[str]})
Load = TypedDict("Load", {"queue": str, "hour": int, "from": int, "to": int})


class TagMove(TypedDict):
    tag: str
    gained: int
    lost: int
    samples: list[str]


class PolicyMove(TypedDict):
    policy: str
    gained: int
    lost: int
    samples: list[str]


class EscalationMoves(TypedDict):
    gained: int
    lost: int
    policies: list[PolicyMove]


class Summary(TypedDict):
    """`mismatched`: ids of the first decisions that could not be reproduced; `load`: cases coming into a queue by hour of the day."""

    decisions: int
    changed: int
    mismatches: int
    mismatched: list[str]
    queue_moves: list[QueueMove]
    severity_moves: list[SeverityMove]
    escalations: EscalationMoves
    tag_moves: list[TagMove]
    load: list[Load]


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


class RejudgeFilter(TypedDict):
    """`among`: a person's cases, who is not named."""

    ticket: NotRequired[str]
    call: NotRequired[str]
    queue: NotRequired[str]
    severity: NotRequired[int]
    category: NotRequired[str]
    rule: NotRequired[str]
    version: NotRequired[int]
    opened_from: NotRequired[str]
    opened_to: NotRequired[str]
    among: NotRequired[list[str]]


class RejudgeSummary(TypedDict):
    """`cases`: that were looked at; `changed`: that are otherwise by the live rulebook."""

    cases: int
    changed: int
    queue_moves: list[QueueMove]
    severity_moves: list[SeverityMove]
    escalations: EscalationMoves
    tag_moves: list[TagMove]


class RejudgeShown(TypedDict):
    id: str
    status: Literal["queued", "running", "done", "cancelled", "failed"]
    reason: str | None
    done: int
    total: int
    version: int
    apply: bool
    notify: bool
    note: str | None
    filter: RejudgeFilter
    created_at: str
    created_by: str
    finished_at: str | None


class RejudgeWhole(RejudgeShown):
    summary: RejudgeSummary


class StandShown(TypedDict):
    queue: str | None
    severity: int | None
    tags: list[str]
    escalations: list[str]


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


class CaseStand(StandShown):
    category: str | None
    next_due: str | None


class WishShown(TypedDict):
    """`values` by Zendesk's names, `custom:<id>` among them; `notes` by their keys."""

    tags: list[str]
    absent: list[str]
    values: dict[str, Any]
    notes: list[str]


WishMove = TypedDict("WishMove", {"ticket": str, "from": WishShown | None, "to": WishShown | None})
RejudgeMove = TypedDict(
    "RejudgeMove",
    {
        "id": str,
        "case_id": str,
        "ticket": str | None,
        "at": str,
        "from": CaseStand,
        "to": CaseStand,
        "wishes": list[WishMove],
    },
)


class ShadowShown(TypedDict):
    """What is there only while one is on: `hash`, `started_at`, `started_by`."""

    on: bool
    summary: Summary | None
    hash: NotRequired[str]
    started_at: NotRequired[str]
    started_by: NotRequired[str]

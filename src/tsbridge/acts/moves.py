"""What moves under another rulebook, as replays, the shadow and rejudges count it and keep it as JSON (`core.replay.Tally`)."""

from __future__ import annotations

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


class StandShown(TypedDict):
    queue: str | None
    severity: int | None
    tags: list[str]
    escalations: list[str]

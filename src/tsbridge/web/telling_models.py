"""The shapes of answers about escalations and who is told, for `/openapi.json`; see `models`."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class Escalation(TypedDict):
    id: str
    case_id: str
    policy: str
    step: int
    armed_at: str
    due_at: str
    status: Literal["armed", "due", "paused", "fired", "passed", "acknowledged", "stopped"]
    ended_at: str | None
    acknowledged_at: str | None
    rulebook_version: int | None
    """Of the rulebook that armed it: the policy is that one's until it is over, whatever is published meanwhile."""
    acknowledged_by: str | None
    severity: int | None
    category: str | None
    queue: str | None
    ticket: str | None
    """What armed it; null where a call did."""
    call: str | None


class TellingOfStep(TypedDict):
    to: str | None
    way: str | None
    at: str | None
    status: Literal["waiting", "sent", "failed", "superseded"]
    reason: str | None


class EscalationShown(Escalation):
    subject: str | None
    """What the ticket is called, in the words of whoever wrote it."""
    told: list[TellingOfStep]
    amiss: list[str]
    """What the watchdog finds late or missing of it, or of its case."""


class Attempt(TypedDict):
    at: str
    answer: str


class Waited(TypedDict):
    at: str
    step: str
    until: str


class Notification(TypedDict):
    id: str
    case_id: str | None
    policy: str | None
    step: int | None
    rule: str | None
    kind: Literal["step", "acknowledged", "duty"]
    target: str | None
    to: str | None
    way: str | None
    status: Literal["waiting", "sent", "failed", "superseded"]
    reason: str | None
    severity: int | None
    late: bool
    asked_at: str
    due_at: str | None
    attempts: list[Attempt]
    why: list[Waited]
    message_id: str | None
    sent_at: str | None
    acknowledged_at: str | None


class NotificationWhole(Notification):
    cases: list[str]
    over: dict[str, Any] | None
    because: dict[str, Any] | None

"""The shapes of answers about deliveries, write-backs, drift, keys, the audit's proof and health, for `/openapi.json`; see `models`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class Event(TypedDict):
    id: str
    source: str
    status: Literal["pending", "applied", "ignored", "quarantined", "dead"]
    reason: str | None
    event_type: str | None
    polled: bool
    received_at: str
    settled_at: str | None
    due_at: str | None
    attempts: int
    duplicates: int
    warnings: list[str]
    redacted_at: str | None


class EventBody(TypedDict):
    text: str
    bytes: int
    sha256: str


class EventWhole(Event):
    headers: dict[str, Any]
    body: EventBody
    moments: list[str]
    decisions: list[str]


class Writeback(TypedDict):
    id: str
    ticket: str
    case_id: str
    status: Literal["waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run"]
    reason: str | None
    severity: int | None
    attempts: int
    revision: int
    asked_at: str
    due_at: str
    confirmed_at: str | None


class WritebackPart(TypedDict):
    part: str
    status: Literal["written", "waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run"]
    reason: str | None
    rule: str | None
    decision_id: str | None


class WritebackWhole(Writeback):
    plan: dict[str, Any] | None
    wish: dict[str, Any]
    parts: list[WritebackPart]


class DriftItem(TypedDict):
    id: str
    ticket: str
    what: str
    case_id: str
    wanted: Any
    actual: Any
    cause: Literal["person", "trigger", "lost", "rulebook", "merged", "closed"]
    policy: Literal["accept", "ask", "heal"]
    by: str | None
    since: str | None
    found_at: str


class ModeShown(TypedDict):
    mode: Literal["live", "dry-run", "paused"]
    effective: Literal["live", "dry-run", "paused"]
    because: str
    backlog: int


class PausedRules(TypedDict):
    paused: list[str]


class BodyMapping(TypedDict):
    name: str
    when: dict[str, Any]
    event: Any
    fields: dict[str, str]


class MappingsShown(TypedDict):
    mappings: list[BodyMapping]


class KeyShown(TypedDict):
    id: str
    name: str
    role: Literal["viewer", "supervisor", "ops", "admin"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class KeyMade(KeyShown):
    key: str


class Change(TypedDict):
    id: str
    seq: int
    at: str
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    previous_hash: str
    hash: str


class Head(TypedDict):
    seq: int
    hash: str


class Broken(TypedDict):
    """`seq` is null and `id` there where it has no place in the chain."""

    seq: int | None
    id: NotRequired[str]
    why: str


class Verdict(TypedDict):
    ok: bool
    entries: int
    unsealed: int
    head: Head
    broken: list[Broken]


class Check(TypedDict):
    ok: bool
    detail: str


class Ready(TypedDict):
    status: Literal["ready", "degraded", "not_ready"]
    degraded: list[str]
    checks: dict[str, Check]

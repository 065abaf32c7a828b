"""The shapes of answers, for `/openapi.json`. Tests hold the real answers against them; at run time nothing is checked twice."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class Linked(TypedDict):
    rank: str | None
    because: str | None


class InteractionName(TypedDict):
    source: str
    id: str


class CaseInteraction(TypedDict):
    source: str
    id: str
    channel: str | None
    opened_at: str
    linked: Linked


class Assignee(TypedDict):
    id: str
    agent: str | None
    because: str


class Case(TypedDict):
    id: str
    status: Literal["open", "resolved"]
    severity: int | None
    category: str | None
    queue: str | None
    assignee: Assignee | None
    acknowledged: bool
    acknowledged_at: str | None
    acknowledged_by: str | None
    acknowledged_way: str | None
    opened_at: str
    last_at: str
    interactions: list[CaseInteraction]
    tags: list[str]
    next_due: str | None
    revision: int
    split_off: NotRequired[str]
    zendesk_asked: NotRequired[bool]


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


class VersionName(TypedDict):
    version: int
    hash: str | None


class Leaf(TypedDict):
    field: NotRequired[str]
    operator: NotRequired[str]
    expected: NotRequired[Any]
    actual: NotRequired[Any]
    found: NotRequired[Any]
    cut: NotRequired[bool]
    outcome: NotRequired[bool]
    wanted: NotRequired[bool]
    redacted_since: NotRequired[str]


class RuleMatched(TypedDict):
    key: str
    kind: Literal["escalation", "routing"]
    matched: bool
    because: NotRequired[list[Leaf]]


class NearMiss(TypedDict):
    key: str
    missing: list[Leaf]


class DecisionWriteback(TypedDict):
    id: str
    ticket: str
    status: str
    reason: str | None
    attempts: int
    confirmed_at: str | None


class Decision(TypedDict):
    id: str
    seq: int
    at: str
    recorded_at: str
    event: str
    event_id: str | None
    case_id: str
    interaction: InteractionName
    channel: str | None
    rulebook: VersionName
    mode: str
    rules: list[RuleMatched]
    outcome: dict[str, Any]
    writeback: DecisionWriteback | None
    revises: str | None
    superseded_by: str | None
    retracted: bool
    previous_hash: str
    hash: str


class DecisionExplained(Decision):
    near_misses: list[NearMiss]
    inputs_erased: bool
    redacted_since: str | None


class TriedVersion(TypedDict):
    """`version` is None for the draft and for a document."""

    version: int | None
    hash: str


class Tried(TypedDict):
    """`decision_id`, `event_id` and `case_id` name what is on record where that was tried again."""

    id: str
    at: str
    decision_id: str | None
    event_id: str | None
    case_id: str | None
    interaction: InteractionName
    rulebook: TriedVersion
    mode: Literal["try"]
    rules: list[RuleMatched]
    near_misses: list[NearMiss]
    outcome: dict[str, Any]
    next_due: str | None
    writeback: None


class SetBy(TypedDict):
    value: Any
    decision_id: str
    since: str
    rules: list[str]


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


class Reason(TypedDict):
    step: str
    says: str


class Candidate(TypedDict):
    agent: str
    score: int
    chosen: bool
    because: list[Reason]


class Assignment(TypedDict):
    id: str
    at: str
    ticket: str
    queue: str
    agent: str
    zendesk_user_id: str
    instead_of: str | None
    severity: int | None
    category: str | None
    channel: str
    candidates: list[Candidate]
    roster_version: int
    rulebook_version: int


class NextInQueue(TypedDict):
    queue: str
    assign: Literal["none", "least_loaded", "round_robin", "sticky"]
    waiting: int
    case_id: str | None
    ticket: str | None
    candidates: list[Candidate]


class CaseExplained(TypedDict):
    id: str
    case: Case
    set_by: dict[str, SetBy | None]
    decision: DecisionExplained | None
    escalations: list[Escalation]
    assignments: list[Assignment]


class TimelineEntry(TypedDict):
    id: str
    kind: Literal["moment", "decision", "change", "escalation", "notification"]
    at: str


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


class Withdrawal(TypedDict):
    at: str
    by: str
    reason: str


class MomentShown(TypedDict):
    id: str
    at: str
    event: str
    event_id: str
    interaction: InteractionName
    impression: bool
    replaced_at: str | None
    redacted_at: str | None
    withdrawn: Withdrawal | None


class Withdrawn(TypedDict):
    case_id: str
    moment: MomentShown


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


class BodyMapping(TypedDict):
    name: str
    when: dict[str, Any]
    event: Any
    fields: dict[str, str]


class Mappings(TypedDict):
    mappings: list[BodyMapping]


class PausedRules(TypedDict):
    paused: list[str]


class Mode(TypedDict):
    mode: Literal["live", "dry-run", "paused"]
    effective: Literal["live", "dry-run", "paused"]
    because: str
    backlog: int


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


class VersionShown(TypedDict):
    id: str
    version: int
    hash: str
    published_at: str
    published_by: str
    note: str


class VersionWhole(VersionShown):
    document: dict[str, Any]


class Head(TypedDict):
    seq: int
    hash: str


class Broken(TypedDict):
    seq: int
    why: str


class Verdict(TypedDict):
    ok: bool
    entries: int
    head: Head
    broken: list[Broken]


class Diff(TypedDict):
    same: bool
    rules: list[dict[str, Any]]
    order_changed: bool
    parts: list[dict[str, Any]]
    other: list[dict[str, Any]]
    effect: dict[str, Any] | None


class Check(TypedDict):
    ok: bool
    detail: str


class Ready(TypedDict):
    status: Literal["ready", "degraded", "not_ready"]
    degraded: list[str]
    checks: dict[str, Check]


class Word(TypedDict):
    id: str
    name: str
    description: str

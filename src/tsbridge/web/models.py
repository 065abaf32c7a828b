"""The shapes of answers about cases and decisions, for `/openapi.json`; those of the rest stand in `*_models`.

Tests hold the real answers against them; at run time nothing is checked twice.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from tsbridge.acts.trial import Leaf, NearMiss


class InteractionName(TypedDict):
    source: str
    id: str


class VersionName(TypedDict):
    version: int
    hash: str | None


class RuleMatched(TypedDict):
    key: str
    kind: Literal["escalation", "routing"]
    matched: bool
    because: NotRequired[list[Leaf]]


class DecisionWriteback(TypedDict):
    id: str
    ticket: str
    status: str
    reason: str | None
    attempts: int
    confirmed_at: str | None


class Decision(TypedDict):
    """`number`: the order of the list; `seq`, `previous_hash` and `hash` are null until it is sealed."""

    id: str
    number: int
    seq: int | None
    sealed: bool
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
    previous_hash: str | None
    hash: str | None


class RuleAuthor(TypedDict):
    """Who changed a rule last before it was judged by; `version`: by which publish."""

    rule: str
    version: int
    by: str
    at: str


class DecisionExplained(Decision):
    """`in_words`: the same as sentences."""

    near_misses: list[NearMiss]
    inputs_erased: bool
    redacted_since: str | None
    last_changed: list[RuleAuthor]
    in_words: list[str]

"""The shapes of answers about rulebooks: their words, versions, drafts, checks and tests, for `/openapi.json`; see `models`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class Word(TypedDict):
    id: str
    name: str
    description: str


class VersionShown(TypedDict):
    id: str
    version: int
    hash: str
    published_at: str
    published_by: str
    note: str


class VersionWhole(VersionShown):
    document: dict[str, Any]


class Diff(TypedDict):
    same: bool
    rules: list[dict[str, Any]]
    order_changed: bool
    parts: list[dict[str, Any]]
    other: list[dict[str, Any]]
    effect: dict[str, Any] | None


class Finding(TypedDict):
    severity: str
    code: str
    rule: str | None
    path: str
    message: str
    witness: NotRequired[Any]


class DraftShown(TypedDict):
    document: dict[str, Any]
    based_on: int
    revision: int
    updated_at: str
    updated_by: str
    live_version: int
    findings: list[Finding]
    ok: bool


class RuleShown(TypedDict):
    key: str
    rule: dict[str, Any]
    position: int
    draft_revision: int
    live_version: int
    findings: list[Finding]


class CheckResult(TypedDict):
    ok: bool
    findings: list[Finding]


class VersionMade(TypedDict):
    """`findings`: what the version names that Zendesk does not have."""

    version: int
    hash: str
    findings: list[Finding]


class DayShown(TypedDict):
    date: str
    weekday: str
    hours: str
    holiday: bool
    why: Literal["date", "yearly", "holiday", "moved"]
    names: list[str]


class CalendarShown(TypedDict):
    name: str
    timezone: str | None
    country: str | None
    subdivision: str | None
    hours: dict[str, str]
    days: list[DayShown]


CalendarsShown = TypedDict(
    "CalendarsShown",
    {"version": int | str, "from": str, "to": str, "library": str, "zone_rules": str, "calendars": list[CalendarShown]},
)


class TestShown(TypedDict):
    name: str
    ok: bool
    differences: list[Any]


class ConditionSeen(TypedDict):
    path: str
    field: str
    operator: str
    true: int
    false: int


class RuleSeen(TypedDict):
    key: str
    kind: Literal["escalation", "routing"]
    matched: int
    not_matched: int
    conditions: list[ConditionSeen]


class CoverageSummary(TypedDict):
    rules: int
    matched: int
    conditions: int
    both_ways: int


class Coverage(TypedDict):
    rules: list[RuleSeen]
    summary: CoverageSummary


class TestResult(TypedDict):
    ok: bool
    tests: list[TestShown]
    coverage: Coverage


class Untested(TypedDict):
    rule: str
    path: str
    value: bool


class GeneratedTests(TypedDict):
    """`left`: no event was found for these. `more`: so many were not looked for yet; keep these tests and ask again."""

    tests: list[dict[str, Any]]
    left: list[Untested]
    more: int

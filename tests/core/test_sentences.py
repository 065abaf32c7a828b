"""Decisions in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tsbridge.core.rules.document import read
from tsbridge.core.rules.sentences import Author, Spoken, sentences

RULES: list[dict[str, Any]] = [
    {
        "key": "injury",
        "kind": "escalation",
        "when": {},
        "then": [{"set_severity": 1}, {"set_category": "safety"}, {"add_tags": ["a", "b"]}],
    },
    {
        "key": "to-claims",
        "kind": "routing",
        "when": {"all": [{"field": "tags", "operator": "includes", "value": "claim"}]},
        "then": [{"route": "claims"}],
    },
    {"key": "to-safety", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
]
WRITTEN = {rule.key: rule for rule in read({"schema": 1, "queues": {"claims": {}, "safety": {}}, "rules": RULES}).rules}
ANA = Author(11, "Ana", datetime(2026, 11, 20, 23, 30, tzinfo=UTC))


def because(field: str, operator: str, expected: Any, actual: Any, outcome: bool = True, **more: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "expected": expected, "actual": actual, "outcome": outcome, **more}


def said(*leaves: dict[str, Any], kind: str = "routing", missing: Any = ()) -> tuple[str, ...]:
    rule = {"key": "to-safety" if kind == "routing" else "injury", "kind": kind, "matched": True, "because": list(leaves)}
    near = [{"key": "to-claims", "missing": [{**leaf, "wanted": True} for leaf in missing]}] if missing else []
    return sentences(Spoken([rule], near, "safety", 12, WRITTEN, {"to-safety": ANA}))


def test_a_decision_says_where_it_went_by_which_rule_of_whom_and_because_of_which_word() -> None:
    bitten = because("text.requester", "contains_any", ["bite", "bitten"], "…was bitten…", found="bitten")
    told = said(bitten, because("ticket.status", "is", "new", "new"), missing=[because("tags", "includes", "claim", ["vip"])])
    assert told == (
        "Went to safety because rule to-safety (version 12, last changed by Ana on 2026-11-20) "
        'found "bitten" in the requester\'s text and that ticket.status is new.',
        "Would have gone to claims by rule to-claims if the tags include claim.",
    )


def test_what_a_rule_set_is_said_with_why() -> None:
    assert said(kind="escalation") == (
        "Went to safety as before: no routing rule matched.",
        "Severity 1, category safety and tags a, b because rule injury (version 12) takes what no rule before it took.",
    )


def test_a_condition_that_does_not_hold_is_said_as_its_contrary_and_no_text_is_quoted() -> None:
    (went,) = said(
        because("ticket.priority", "is", "urgent", None, outcome=False),
        because("ticket.group_id", "is_not", "7", "8"),
        because("text", "contains", "refund", "a long text of somebody", outcome=False),
        because("call.outcome", "not_present", None, None),
        because("case.severity", "between", [1, 2], 2),
    )
    assert went.partition(" found ")[2] == (
        "that ticket.priority is not urgent (it was not known), that ticket.group_id is not 7 (it was 8), "
        "that the text does not have refund, that call.outcome is not known and that case.severity is between 1, 2 (it was 2)."
    )


def test_reasons_whose_words_are_gone_are_left_out() -> None:
    (went,) = said({**because("text", "contains", "x", None), "redacted_since": "2026-11-22T09:00:00Z"})
    assert went == "Went to safety because rule to-safety (version 12, last changed by Ana on 2026-11-20) matched."

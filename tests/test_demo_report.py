"""What the demo prints is what the bridge said."""

from __future__ import annotations

from typing import Any

from tsbridge.demo.summary import Result, figure, in_plain_words, one_minute, page, read_metrics

METRICS = """# HELP tsbridge_deliveries Deliveries
# TYPE tsbridge_deliveries gauge
tsbridge_deliveries{source="talkdesk",status="applied"} 40.0
tsbridge_deliveries{source="zendesk",status="applied"} 2.0
tsbridge_deliveries{source="zendesk",status="duplicate"} 7.0
tsbridge_decisions 41.0
"""

DECISION: dict[str, Any] = {
    "id": "dec_1",
    "at": "2026-11-21T12:00:00Z",
    "event": "ticket.created",
    "interaction": {"source": "zendesk", "id": "4711"},
    "rulebook": {"version": 1, "hash": "sha256:" + "ab" * 32},
    "rules": [
        {
            "key": "injury",
            "kind": "escalation",
            "matched": True,
            "because": [
                {
                    "field": "text",
                    "operator": "contains_any",
                    "expected": ["bite", "bitten"],
                    "actual": "my dog was bitten today",
                    "outcome": True,
                },
                {"field": "channel", "operator": "is", "expected": "email", "actual": "email", "outcome": True},
            ],
        },
        {"key": "default", "kind": "routing", "matched": True, "because": []},
    ],
    "near_misses": [{"key": "lost", "missing": [{"field": "text", "operator": "contains", "expected": "missing", "actual": "…"}]}],
    "outcome": {
        "severity": 1,
        "category": "safety",
        "queue": "safety",
        "priority": "urgent",
        "tags_added": ["ts_x"],
        "escalations": ["sev1"],
    },
    "writeback": {"status": "confirmed", "attempts": 1},
    "previous_hash": None,
    "hash": "cd" * 32,
}


def result(**changes: Any) -> Result:
    given: dict[str, Any] = {
        "figures": read_metrics(METRICS),
        "tickets": 2,
        "calls": 1,
        "refused_by_door": 0,
        "tags_wanted": 3,
        "tags_confirmed": 3,
        "checks": 2,
        "unmet": [],
        "gave_up": [],
        "mails": 2,
        "posts": 1,
        "seconds": 12.3,
    }
    return Result(**{**given, **changes})


def test_figures_add_up_over_the_labels_that_were_not_asked_for() -> None:
    figures = read_metrics(METRICS)
    assert figure(figures, "tsbridge_deliveries", status="applied") == 42
    assert figure(figures, "tsbridge_deliveries", source="zendesk") == 9
    assert figure(figures, "tsbridge_decisions") == 41
    assert figure(figures, "tsbridge_nothing") == 0


def test_only_a_weekend_without_anything_unmet_is_good() -> None:
    assert result().good
    assert not result(tags_confirmed=2).good
    assert not result(unmet=["ticket 1 (s): lacks a"]).good


def test_the_page_shows_what_is_missing() -> None:
    shown = page(result(unmet=["ticket 1 (s): lacks a"], tags_confirmed=2))
    assert "ticket 1 (s): lacks a" in shown
    assert "2/3" in shown
    assert "1/2" in shown


def test_a_decision_is_told_with_the_word_that_was_found_and_where() -> None:
    told = in_plain_words(DECISION)
    assert '"bitten" was found in text (“my dog was bitten today”)' in told
    assert '"bite"' not in told
    assert "channel is email (it was email)" in told
    assert "rule 'default' (routing) applied because it matches everything" in told
    assert "severity 1; category safety; routed to safety; priority urgent; tags ts_x; escalation sev1 armed" in told
    assert "confirmed after one attempt" in told
    assert "Nearly: rule 'lost' would have applied, too, had text contained missing" in told
    assert "cd" * 32 in told


def test_the_busy_minute_is_told_with_what_stayed_off_and_how_the_case_stands() -> None:
    case = {"id": "case_1", "status": "resolved", "severity": 1, "category": "safety_incident", "queue": "safety"}
    told = one_minute("4711", "ts_injury", "solved", ["checked_by_agent", "ts_sev1"], case)
    assert "took ts_injury off" in told
    assert "it is solved and reads checked_by_agent, ts_sev1" in told
    assert "Case case_1 is resolved, severity 1" in told

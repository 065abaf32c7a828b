"""What was found is said in one sentence, and the rule that is offered is one that the rulebook takes."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from tsbridge.core.unusual import BURST, KINDS, LINKED_CLAIMS, OVERLOAD, REPEAT_PARTY, RISING_WORD, RULE_DRIFT
from tsbridge.document_files import load_file
from tsbridge.reports.found import draft_rule, sentence
from tsbridge.rulebook.check import check

STARTER = Path(__file__).resolve().parents[2] / "rulebooks" / "incident-desk.yaml"
SERIES = {"days": 1, "cases": 20, "usual": 4.1, "times_usual": 4.9, "chance": 1e-8}
FOUND: list[tuple[str, dict[str, Any], str, bool]] = [
    (
        BURST,
        {**SERIES, "series": "category", "of": "safety_incident"},
        "20 cases of category safety_incident within a day, where 4.1 are usual (4.9 times).",
        True,
    ),
    (
        BURST,
        {**SERIES, "series": "channel", "of": "email", "days": 3},
        "20 cases of channel email within 3 days, where 4.1 are usual (4.9 times).",
        True,
    ),
    (
        BURST,
        {**SERIES, "series": "category", "of": "outage", "also": [{"series": "channel", "of": "chat"}, {"series": "rule", "of": "down"}]},
        "20 cases of category outage within a day, where 4.1 are usual (4.9 times), largely the same of channel chat, rule down.",
        True,
    ),
    (OVERLOAD, {**SERIES, "series": "agent", "of": "ana"}, "ana got 20 cases within a day, where 4.1 are usual (4.9 times).", False),
    (
        RULE_DRIFT,
        {**SERIES, "series": "rule", "of": "injury", "cases": 1, "usual": 18.0, "times_usual": 0.1, "days": 3},
        "Rule injury matched in 1 case within 3 days, where 18 are usual.",
        False,
    ),
    (
        RULE_DRIFT,
        {**SERIES, "series": "rule", "of": "injury", "cases": 7, "usual": 1.0, "times_usual": 7.0},
        "Rule injury matched in 7 cases within a day, where 1 is usual (7 times).",
        False,
    ),
    (
        REPEAT_PARTY,
        {"contacts": 7, "tickets": 6, "calls": 1, "cases": 2, "days": 7},
        "Somebody was in touch 7 times within 7 days: 6 tickets, 1 call, 2 cases.",
        True,
    ),
    (
        RISING_WORD,
        {"days": 1, "cases": 9, "texts": 80, "usual": 0.1, "times_usual": 90.0, "chance": 1e-12, "word": "chew toy"},
        '"chew toy" stands in 9 of 80 new cases of a day, where 0.1 are usual.',
        True,
    ),
    (
        LINKED_CLAIMS,
        {"claims": 5, "identities": 3, "shared": 2, "cases": 5, "hours": 8.5, "categories": ["damage_claim"]},
        "5 claims within 8.5 hours belong together by what those who made them share: 3 identities, "
        "2 addresses, users or numbers in common.",
        True,
    ),
]


def test_every_kind_is_tried_here() -> None:
    assert {kind for kind, *_ in FOUND} == {*KINDS}


@pytest.mark.parametrize(("kind", "figures", "said", "has_rule"), FOUND)
def test_a_finding_is_said_in_one_sentence_and_its_rule_is_taken(kind: str, figures: dict[str, Any], said: str, has_rule: bool) -> None:
    assert sentence(kind, figures) == said
    rule = draft_rule(kind, figures)
    assert (rule is not None) == has_rule
    if rule is not None:
        document: Any = load_file(STARTER)
        behind = max(place for place, one in enumerate(document["rules"]) if one["kind"] == "escalation") + 1
        rules = [*document["rules"][:behind], rule, *document["rules"][behind:]]
        findings = check({**document, "rules": rules}, UTC, about=rule["key"])
        assert [one for one in findings if one.severity == "error"] == []


def test_names_that_are_no_keys_become_keys() -> None:
    rule = draft_rule(BURST, {**SERIES, "series": "category", "of": "Übel & Co (alt)"})
    assert rule is not None
    assert (rule["key"], rule["then"]) == ("burst-bel-co-alt", [{"add_tags": ["ts_burst_bel_co_alt"]}])
    assert rule["when"]["all"][0]["value"] == "Übel & Co (alt)"


def test_less_than_usual_offers_no_rule() -> None:
    assert draft_rule(BURST, {**SERIES, "series": "channel", "of": "voice", "cases": 0}) is None

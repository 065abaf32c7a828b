"""The bundled starter rulebook keeps its own promises."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tsbridge.core.rules.document import read
from tsbridge.core.rules.language import Rulebook
from tsbridge.document_files import load_file
from tsbridge.rulebook.check import check
from tsbridge.rulebook.coverage import coverage
from tsbridge.rulebook.tests import run

BOOK = Path(__file__).parents[1] / "rulebooks" / "incident-desk.yaml"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return read(load_file(BOOK))


def test_its_own_tests_pass_in_any_zone_of_the_team(book: Rulebook) -> None:
    for zone in ("UTC", "America/Los_Angeles", "Asia/Kolkata"):
        assert [(result.name, dict(result.differences)) for result in run(book, ZoneInfo(zone)) if not result.ok] == []


def test_it_has_at_least_25_tests_and_every_rule_is_shown_by_one(book: Rulebook) -> None:
    assert len(book.tests) >= 25
    assert {queue.name for queue in book.queues.values()} == {"safety", "claims", "account", "press", "intake"}


def test_a_test_that_expects_something_else_fails(book: Rulebook) -> None:
    document = {**book.document, "tests": [{"name": "wrong", "given": {"text": "bitten"}, "expect": {"severity": 4, "queue": "intake"}}]}
    (result,) = run(read(document), ZoneInfo("UTC"))
    assert result.to_json() == {
        "name": "wrong",
        "ok": False,
        "differences": [{"field": "severity", "expected": 4, "actual": 1}, {"field": "queue", "expected": "intake", "actual": "safety"}],
    }


def test_the_check_has_advice_for_it_but_no_warning_and_its_tests_see_every_condition_both_ways(book: Rulebook) -> None:
    assert {finding.severity for finding in check(book.document, ZoneInfo("America/Los_Angeles"))} <= {"info"}
    seen = coverage(book, ZoneInfo("America/Los_Angeles"))["summary"]
    assert seen["matched"] == seen["rules"]
    assert seen["both_ways"] == seen["conditions"]

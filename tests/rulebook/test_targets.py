"""Whom a rulebook tells and the roster does not know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.roster.rosters import document
from tsbridge.rulebook.targets import targets


def book(target: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "queues": {"safety": {}},
        "policies": {"sev1": {"steps": [{"after": "5m", "actions": [{"notify": "oncall"}, {"notify": target}]}]}},
        "rules": [
            {"key": "hurt", "kind": "escalation", "when": {}, "then": [{"notify": target}, {"escalate": "sev1"}]},
            {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
        ],
    }


@pytest.mark.parametrize("target", ["oncall", "ana", "mail", "queue:safety", "rotation:lead", "list:leads"])
def test_whoever_is_known_is_told_nothing_about(target: str) -> None:
    assert targets(book(target), document()) == ()


@pytest.mark.parametrize(("target", "known"), [("rotation:nights", True), ("nights", True), ("early", True), ("rotation:early", False)])
def test_a_rota_that_is_kept_in_a_calendar_is_known(target: str, known: bool) -> None:
    roster = {
        **document(),
        "calendars": [{"key": "nights", "means": "rotation"}, {"key": "early", "means": "shift"}, {"agent": "ana", "means": "off"}],
    }
    assert (targets(book(target), roster) == ()) is known


@pytest.mark.parametrize("target", ["manager", "queue:press", "rotation:ana", "list:lead", "leads", "queue:"])
def test_a_word_that_means_nobody_is_warned_of_at_its_place(target: str) -> None:
    found = targets(book(target), document())
    assert [(one.severity, one.code, one.path, one.rule) for one in found] == [
        ("warning", "unknown_target", "/rules/0/then", "hurt"),
        ("warning", "unknown_target", "/policies/sev1/steps/0/actions", None),
    ]


def test_the_word_that_was_meant_is_proposed() -> None:
    assert "did you mean list:leads" in targets(book("list:leds"), document())[0].message


def test_without_a_roster_or_a_rulebook_nothing_is_said() -> None:
    assert targets(book("manager"), None) == targets({"schema": 1}, document()) == ()

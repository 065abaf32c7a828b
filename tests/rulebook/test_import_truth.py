"""What the import calls exact decides what Zendesk decides; what it calls otherwise is named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.rulebook import import_truth
from tests.rulebook.test_zendesk_import import document, imported, trigger
from tests.seeds import first
from tsbridge.core.moments import Moment
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.story import Told, judge_story
from tsbridge.vendors.zendesk.read_audits import moments_of

TAGGED = [("current_tags", "x")]


@pytest.mark.parametrize("seed", first(1, [1, 11]))
def test_rules_called_exact_fire_when_the_trigger_does_over_random_tickets_and_updates(seed: int) -> None:
    found = import_truth.run(seed, 500, 60)
    assert found.wrong == []
    assert found.faults == []
    assert found.fates["exact"] > 300
    assert 0.2 < found.fired / found.asked < 0.8


def test_a_rule_that_does_not_mean_its_trigger_is_found() -> None:
    """The comparison can fail: with the conditions of the rules swapped for others it does."""
    found = import_truth.run(1, 60, 10, swapped=True)
    assert len(found.wrong) > 100


def carried(*condition: Any) -> tuple[str, str]:
    entry = imported(trigger("T", [condition], TAGGED))["report"][0]
    return entry["outcome"], entry["why"]


def fired(condition: tuple[str, str, Any], *audits: dict[str, Any]) -> list[bool]:
    """Of each audit of one ticket, whether the imported trigger fires."""
    judge = Judge(read(document(imported(trigger("T", [condition], TAGGED)))), ZoneInfo("UTC"))
    told: list[Moment] = list(moments_of("1", [audit(n, **one) for n, one in enumerate(audits)], lambda marker: None))
    _, judged = judge_story("case", [Told(one, 1) for one in told], told[-1].at, lambda _: judge, lambda _: {}, clock_version=lambda _: 1)
    return [any(match.key == "t" for match in one.judgement.matched) for one in judged]


def audit(place: int, *events: dict[str, Any], by: int = 41, rel: str | None = None, **more: Any) -> dict[str, Any]:
    at = datetime(2026, 11, 23, 9, place, tzinfo=UTC).isoformat()
    via = {"channel": more.get("channel", "web"), **({"source": {"rel": rel, "from": {"ticket_id": 9}}} if rel else {})}
    told = more.get("events", events)
    if place == 0:
        told = [{"type": "Create", "field_name": "requester_id", "value": "41"}, *told]
    return {"id": 10 + place, "author_id": by, "created_at": at, "via": via, "events": told}


def comment(public: bool, body: str = "hello", by: int = 41) -> dict[str, Any]:
    return {"type": "Comment", "body": body, "public": public, "author_id": by}


def change(name: str, value: Any, was: Any = None) -> dict[str, Any]:
    return {"type": "Change", "field_name": name, "value": value, "previous_value": was}


BORN = {"events": [comment(True)]}
NOTE = {"events": [comment(False, "a note", 7)], "by": 7}
REPLY = {"events": [comment(True, "a reply", 7)], "by": 7}
EDIT = {"events": [change("status", "open", "new")], "by": 7}


@pytest.mark.parametrize(
    ("value", "fires"),
    [("true", [True, False, True, False]), ("false", [False, True, False, False]), ("not_relevant", [True, True, True, False])],
)
def test_comment_is_public_is_asked_of_this_updates_comment(value: str, fires: list[bool]) -> None:
    assert carried("comment_is_public", "is", value) == ("exact", "")
    assert fired(("comment_is_public", "is", value), BORN, NOTE, REPLY, EDIT) == fires


def test_a_comment_that_the_requester_can_see_differs_only_for_agents_who_are_requesters() -> None:
    outcome, why = carried("comment_is_public", "is", "requester_can_see_comment")
    assert (outcome, "agent who is the requester" in why) == ("differs", True)
    assert fired(("comment_is_public", "is", "requester_can_see_comment"), BORN, NOTE, REPLY) == [True, False, True]
    assert carried("comment_is_public", "is_not", "true")[0] == "left"


@pytest.mark.parametrize(
    ("field", "operator", "value", "outcome", "fires"),
    [
        ("role", "is", "7", "exact", [False, True, True]),
        ("role", "is_not", "7", "exact", [True, False, False]),
        ("role", "is", "requester_id", "exact", [True, False, False]),
        ("requester_id", "is", "current_user", "exact", [True, False, False]),
        ("role", "is", "agent", "differs", [False, True, True]),
        ("role", "is", "end-user", "differs", [True, False, False]),
    ],
)
def test_who_acted_is_seen_by_rules(field: str, operator: str, value: str, outcome: str, fires: list[bool]) -> None:
    assert carried(field, operator, value)[0] == outcome
    assert fired((field, operator, value), BORN, NOTE, EDIT) == fires


def test_the_way_an_update_came_in_is_not_the_way_the_ticket_did() -> None:
    by_mail, by_api = {**REPLY, "channel": "email"}, {**EDIT, "channel": "api"}
    outcome, why = carried("current_via_id", "is", "4")
    assert (outcome, "one channel, email" in why) == ("differs", True)
    assert fired(("current_via_id", "is", "4"), BORN, by_mail, by_api) == [False, True, False]
    assert fired(("current_via_id", "is_not", "5"), BORN, by_mail, by_api) == [True, True, False]
    assert fired(("via_id", "is", "0"), BORN, by_mail, by_api) == [True, True, True]


def test_words_are_looked_for_in_this_updates_comment_alone() -> None:
    renamed = {"events": [change("subject", "refund", "hello")], "by": 7}
    said = {"events": [comment(True, "my refund please")]}
    assert fired(("comment_includes_word", "includes", "refund"), BORN, renamed, said, NOTE) == [False, False, True, False]
    assert fired(("comment_includes_word", "not_includes", "refund"), BORN, renamed, said, NOTE) == [True, True, False, True]


@pytest.mark.parametrize("nothing", ["__NULL__", "", None])
@pytest.mark.parametrize("name", ["group_id", "assignee_id", "priority", "organization_id", "custom_fields_100"])
def test_every_way_to_write_no_value_is_the_same(name: str, nothing: Any) -> None:
    set_ = {"events": [change(name.removeprefix("custom_fields_"), "5" if name != "priority" else "low")], "by": 7}
    assert carried(name, "is", nothing) == ("exact", "")
    assert fired((name, "is", nothing), BORN, set_) == [True, False]
    assert fired((name, "is_not", nothing), BORN, set_) == [False, True]


def test_a_merge_is_a_change_too() -> None:
    merged = {"events": [comment(False, "merged", 7), change("status", "closed", "open")], "by": 7, "rel": "merge"}
    assert fired(("update_type", "is", "Change"), BORN, merged) == [False, True]
    assert fired(("status", "value", "closed"), BORN, merged) == [False, True]


def test_a_list_of_custom_statuses_is_carried_over() -> None:
    moved = {"events": [change("custom_status_id", 92, 91)], "by": 7}
    assert fired(("custom_status_id", "includes", ["91", "92"]), BORN, moved) == [False, True]
    assert fired(("custom_status_id", "not_includes", ["91", "92"]), BORN, moved) == [True, False]
    for nothing in ([], "", ["x"]):
        assert carried("custom_status_id", "includes", nothing)[0] == "left"


def test_the_same_number_written_otherwise_is_the_same_number() -> None:
    assert fired(("custom_fields_100", "is", "2.5"), BORN, {"events": [change("100", "2.50")], "by": 7}) == [False, True]
    assert carried("custom_fields_100", "is", "2.5")[0] == "differs"  # the vendor's pages do not say
    assert carried("custom_fields_100", "is", "123456789012345.123456789")[0] == "left"


@pytest.mark.parametrize("seed", range(3))
def test_every_condition_and_every_action_is_a_part_of_the_report(seed: int) -> None:
    theirs = import_truth.mixed(seed, 60)
    report = {entry["title"]: entry for entry in imported(*theirs)["report"]}
    assert len(report) == len(theirs)
    for one in theirs:
        entry = report[one["title"]]
        wanted = [f"condition {c['field']} {c['operator'] or ''}".strip() for group in ("all", "any") for c in one["conditions"][group]]
        wanted += [f"action {action['field']}" for action in one["actions"]]
        parts = [part["part"] for part in entry["parts"]]
        assert parts[: len(wanted)] == wanted
        assert all(part["why"] for part in entry["parts"] if part["outcome"] != "exact")

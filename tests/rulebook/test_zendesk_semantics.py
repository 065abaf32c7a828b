"""The interpreter of Zendesk's conditions means what the vendor's pages say, by their own examples."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rulebook.zendesk_semantics import Undocumented, Update, fires, holds

TICKET: dict[str, Any] = {
    "subject": "My printer is on fire",
    "status": "open",
    "priority": None,
    "type": None,
    "group_id": None,
    "assignee_id": 7,
    "requester_id": 41,
    "requester_role": "end-user",
    "custom_status_id": 11,
    "tags": ["vip", "hello"],
    "custom_fields": {},
    "via_id": 4,
    "is_public": True,
}
AGENT, USER = {"id": 7, "role": "agent"}, {"id": 41, "role": "end-user"}
SAID = {"body": "Please send the Invoice again", "public": True, "author_id": 41}


def update(before: dict[str, Any] | None = None, *, created: bool = False, comment: Any = SAID, actor: Any = USER, **now: Any) -> Update:
    return Update(None if created else {**TICKET, **(before or {})}, {**TICKET, **(before or {}), **now}, comment, actor, 4)


def says(field: str, operator: str | None, value: Any, of: Update) -> bool:
    return holds({"field": field, "operator": operator, "value": value}, of)


def test_the_examples_of_the_conditions_reference() -> None:
    unsolved = {"conditions": {"all": [{"field": "status", "operator": "less_than", "value": "solved"}], "any": []}}
    assert [status for status in ("new", "open", "pending", "hold", "solved", "closed") if fires(unsolved, update(status=status))] == [
        "new",
        "open",
        "pending",
        "hold",
    ]
    assert says("assignee_id", "is", "7", update())
    assert says("current_tags", "includes", "hello", update())
    assert says("current_tags", "includes", "nobody hello", update())
    assert not says("current_tags", "not_includes", "nobody hello", update())


def test_a_group_given_to_a_new_ticket_has_changed() -> None:
    assert says("group_id", "changed", None, update(created=True, group_id=5))
    assert says("group_id", "value", "5", update(created=True, group_id=5))
    assert says("group_id", "value_previous", "", update(created=True, group_id=5))
    assert not says("group_id", "changed", None, update(created=True))
    assert says("group_id", "not_changed", None, update({"group_id": 5}))


@pytest.mark.parametrize("nothing", ["", None, "__NULL__"])
def test_no_value_is_written_in_several_ways(nothing: Any) -> None:
    assert says("group_id", "is", nothing, update())
    assert says("group_id", "value", nothing, update({"group_id": 5}, group_id=None))
    assert not says("group_id", "value", nothing, update())
    assert says("custom_fields_9", "is", nothing, update())


def test_changed_from_and_to_ask_for_a_change_in_this_very_update() -> None:
    solved = update({"status": "open"}, status="solved")
    assert says("status", "value", "SOLVED", solved)
    assert says("status", "value_previous", "open", solved)
    assert not says("status", "value", "open", update())
    assert says("status", "not_value", "open", update())
    assert says("status", "not_value_previous", "open", update())


def test_a_comment_is_public_private_present_or_to_be_seen_by_the_requester() -> None:
    private = {**SAID, "public": False}
    told = {
        value: [says("comment_is_public", None, value, update(comment=comment)) for comment in (SAID, private, None)]
        for value in ("true", "false", "not_relevant", "requester_can_see_comment")
    }
    assert told == {
        "true": [True, False, False],
        "false": [False, True, False],
        "not_relevant": [True, True, False],
        "requester_can_see_comment": [True, False, False],
    }
    assert says("comment_is_public", "is", "requester_can_see_comment", update(comment=private, requester_role="agent"))
    with pytest.raises(Undocumented):
        says("comment_is_public", "is_not", "true", update())


def test_words_of_the_comment_and_of_the_subject() -> None:
    assert says("comment_includes_word", "includes", "refund invoice", update())
    assert says("comment_includes_word", "is", "the inv", update())
    assert not says("comment_includes_word", "includes", "inv", update())
    assert says("comment_includes_word", "not_includes", "printer", update())
    assert says("subject_includes_word", "includes", "printer", update(comment=None))


def test_the_current_user_is_who_made_the_update() -> None:
    assert says("role", "is", "agent", update(actor=AGENT))
    assert says("role", "is_not", "end-user", update(actor=AGENT))
    assert says("role", "is", "requester_id", update())
    assert says("assignee_id", "is", "current_user", update(actor=AGENT))
    assert says("requester_id", "is_not", "current_user", update(actor=AGENT))


def test_creation_and_change_and_the_ways_they_came() -> None:
    assert says("update_type", None, "Create", update(created=True))
    assert says("update_type", "is", "Change", update())
    assert says("via_id", "is", "4", update())
    assert says("current_via_id", "is_not", "5", update())


def test_no_priority_is_the_lowest_and_a_number_is_no_text() -> None:
    assert says("priority", "less_than", "low", update())
    assert says("custom_fields_9", "greater_than", "9", update(custom_fields={"9": "10"}))
    assert not says("custom_fields_9", "less_than", "9", update())
    assert says("custom_fields_9", "is", "true", update(custom_fields={"9": True}))
    assert says("custom_fields_9", "is", "false", update())


def test_what_the_pages_do_not_say_is_not_answered() -> None:
    for field, operator, value in (
        ("weird", "is", "x"),
        ("group_id", "less_than", "5"),
        ("status", "matches", "x"),
        ("role", "is", "boss"),
    ):
        with pytest.raises(Undocumented):
            says(field, operator, value, update())

"""Triggers of the simulated account: they really look, really act, in their order, and send the body their author typed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.zendesk_account import ENDPOINT, Account, do, when

pytestmark = pytest.mark.anyio
OPEN = when("status", "is", "open")


async def hook(account: Account, **more: Any) -> str:
    given = {"name": "rules", "endpoint": ENDPOINT, "http_method": "POST", "request_format": "json", "status": "active", **more}
    made = await account.call("POST", "webhooks", {"webhook": given})
    return str(made.json()["webhook"]["id"])


async def test_a_trigger_changes_the_ticket_it_was_written_for_and_no_other() -> None:
    account = Account()
    await account.trigger([when("priority", "is", "urgent")], [do("current_tags", "severe"), do("group_id", "61000000010")])
    severe, calm = await account.ticket(priority="urgent"), await account.ticket(priority="low")
    assert (severe["tags"], severe["group_id"]) == (["severe"], 61000000010)
    assert (calm["tags"], calm["group_id"]) == ([], None)


async def test_an_inactive_trigger_does_nothing() -> None:
    account = Account()
    await account.trigger([when("update_type", "is", "Create")], [do("current_tags", "seen")], active=False)
    assert (await account.ticket())["tags"] == []


async def test_a_later_trigger_sees_what_an_earlier_one_did() -> None:
    account = Account()
    await account.trigger([when("current_tags", "includes", "first")], [do("current_tags", "second")], position=2)
    await account.trigger([when("update_type", "is", "Create")], [do("current_tags", "first")], position=1)
    assert (await account.ticket())["tags"] == ["first", "second"]


async def test_a_change_starts_the_pass_again_so_an_earlier_trigger_may_fire_after_a_later_one() -> None:
    account = Account()
    await account.trigger([when("current_tags", "includes", "late")], [do("priority", "urgent")], position=1)
    await account.trigger([when("update_type", "is", "Create")], [do("current_tags", "late")], position=2)
    assert (await account.ticket())["priority"] == "urgent"


async def test_two_triggers_that_undo_each_other_end_after_one_firing_each() -> None:
    account = Account()
    await account.trigger([when("priority", "is_not", "high")], [do("priority", "high")], position=1)
    await account.trigger([when("priority", "is", "high")], [do("priority", "low")], position=2)
    assert (await account.ticket())["priority"] == "low"


async def test_all_and_any_must_both_hold() -> None:
    account = Account()
    some = [when("priority", "is", "high"), when("type", "is", "incident")]
    await account.trigger([OPEN], [do("current_tags", "hit")], some=some)
    assert (await account.ticket(status="open", type="incident"))["tags"] == ["hit"]
    assert (await account.ticket(status="open", type="question"))["tags"] == []
    assert (await account.ticket(status="pending", type="incident"))["tags"] == []


@pytest.mark.parametrize(
    ("condition", "hits"),
    [
        (when("status", "changed"), True),
        (when("status", "not_changed"), False),
        (when("status", "value", "pending"), True),
        (when("status", "value", "solved"), False),
        (when("status", "value_previous", "open"), True),
        (when("status", "value_previous", "new"), False),
        (when("status", "not_value_previous", "new"), True),
        (when("priority", "changed"), False),
        (when("status", "greater_than", "open"), True),
        (when("status", "less_than", "hold"), True),
        (when("status", "greater_than", "pending"), False),
        (when("update_type", "is", "Change"), True),
        (when("current_via_id", "is", "5"), True),
        (when("current_via_id", "is_not", "5"), False),
        (when("current_tags", "includes", "vip other"), True),
        (when("current_tags", "not_includes", "vip other"), False),
        (when("group_id", "is", ""), True),
        (when("assignee_id", "is_not", "current_user"), True),
        (when("subject_includes_word", "includes", "drop"), True),
        (when("subject_includes_word", "includes", "dro"), False),
        (when("comment_is_public", "is", "true"), False),
        (when("role", "is", "agent"), True),
    ],
)
async def test_a_condition_looks_at_the_change(condition: dict[str, Any], hits: bool) -> None:
    account = Account()
    made = await account.ticket(status="open", tags=["vip"])
    await account.trigger([condition], [do("type", "incident")])
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "pending", "comment": {"body": "a note", "public": False}}})
    assert ((await account.get(f"tickets/{made['id']}"))["ticket"]["type"] == "incident") is hits


async def test_a_webhook_action_sends_the_typed_body_with_its_placeholders_filled_after_all_triggers_ran() -> None:
    account = Account(subscribed=False)
    target = await hook(account)
    body = '{"source": "zendesk_trigger", "ticket_id": "{{ticket.id}}", "tags": "{{ticket.tags}}", "by": "{{current_user.email}}"}'
    await account.trigger([when("update_type", "is", "Create")], [do("notification_webhook", [target, body])], position=1)
    await account.trigger([when("update_type", "is", "Create")], [do("current_tags", "b a")], position=2)
    made = await account.ticket()
    assert await account.heard() == [
        {"source": "zendesk_trigger", "ticket_id": str(made["id"]), "tags": "a b", "by": "tsbridge@example.com"}
    ]
    assert account.requests[0].headers["x-zendesk-webhook-id"] == target


async def test_a_trigger_body_carries_display_values_that_are_no_enums() -> None:
    account = Account(subscribed=False)
    target = await hook(account)
    template = json.dumps({"status": "{{ticket.status}}", "priority": "{{ticket.priority}}", "none": "{{ticket.nothing}}"})
    await account.trigger([when("update_type", "is", "Create")], [do("notification_webhook", [target, template])])
    await account.ticket(status="open")
    assert await account.heard() == [{"status": "Open", "priority": "-", "none": ""}]


async def test_a_custom_field_condition_and_action_meet() -> None:
    account = Account()
    await account.trigger([when("custom_fields_360001234", "is", "tier_3")], [do("custom_fields_360001235", "B-17")])
    made = await account.ticket(custom_fields=[{"id": 360001234, "value": "tier_3"}])
    assert {f["id"]: f["value"] for f in made["custom_fields"]} == {360001234: "tier_3", 360001235: "B-17"}


async def test_an_updated_trigger_behaves_as_updated_and_a_deleted_one_is_gone() -> None:
    account = Account()
    rule = await account.trigger([when("update_type", "is", "Create")], [do("current_tags", "old")])
    assert (await account.call("PUT", f"triggers/{rule}", {"trigger": {"actions": [do("current_tags", "new")]}})).status_code == 200
    assert (await account.ticket())["tags"] == ["new"]
    assert (await account.call("DELETE", f"triggers/{rule}")).status_code == 204
    assert (await account.ticket())["tags"] == []
    assert (await account.call("GET", f"triggers/{rule}")).status_code == 404


@pytest.mark.parametrize(
    "condition",
    [
        when("priority", "less_than", "P1"),
        when("priority", "greater_than", ["low"]),
        when("status", "less_than", "reopened"),
        when("status", "greater_than", ""),
    ],
)
async def test_a_comparison_with_an_unknown_value_is_false(condition: dict[str, Any]) -> None:
    account = Account()
    await account.trigger([condition], [do("current_tags", "hit")])
    assert (await account.ticket(priority="urgent"))["tags"] == []


async def test_words_of_a_scale_are_compared_without_regard_to_capitals() -> None:
    account = Account()
    await account.trigger([when("priority", "greater_than", "Normal"), when("update_type", "is", "create")], [do("current_tags", "hit")])
    assert (await account.ticket(priority="urgent"))["tags"] == ["hit"]


async def test_an_action_that_sets_what_does_not_exist_changes_nothing() -> None:
    account = Account()
    await account.trigger([OPEN], [do("priority", "P1"), do("current_tags", "hit")])
    ticket = await account.ticket(status="open", priority="low")
    assert (ticket["priority"], ticket["tags"]) == ("low", ["hit"])


@pytest.mark.parametrize(
    ("condition", "hits"),
    [
        (when("priority", "changed"), True),
        (when("priority", "not_changed"), False),
        (when("priority", "value", "high"), True),
        (when("priority", "value_previous", "high"), False),
        (when("type", "changed"), False),
        (when("via_id", "includes", ["4", "5"]), True),
        (when("via_id", "not_includes", ["4", "5"]), False),
        (when("ticket_is_public", "is_not", "private"), True),
        (when("custom_fields_360001234", "includes", "a c"), True),
        (when("custom_fields_360001234", "not_includes", "c d"), True),
        (when("custom_fields_360001235", "less_than_equal", "2.5"), True),
        (when("custom_fields_360001235", "greater_than", "2.5"), False),
    ],
)
async def test_a_condition_looks_at_a_new_ticket_whose_values_have_changed_from_none(condition: dict[str, Any], hits: bool) -> None:
    account = Account()
    await account.trigger([condition], [do("current_tags", "hit")])
    fields = [{"id": 360001234, "value": ["a", "b"]}, {"id": 360001235, "value": "2.5"}]
    made = await account.ticket(priority="high", custom_fields=fields)
    assert ("hit" in made["tags"]) is hits


@pytest.mark.parametrize(
    ("condition", "action"),
    [
        (when("group_id", "is", "5"), None),
        (when("group_id", "greater_than", "61000000010"), None),
        (when("assignee_id", "is", "nobody"), None),
        (when("custom_fields_7", "is", "x"), None),
        (when("status", "resembles", "open"), None),
        (when("weather", "is", "fine"), None),
        ("status is open", None),
        (None, do("group_id", "5")),
        (None, do("assignee_id", ["5"])),
        (None, do("custom_fields_abc", "x")),
        (None, do("sing", "x")),
        (None, do("notification_webhook", ["01NONE", "{}"])),
        (None, do("notification_webhook", "{}")),
        (None, "solve it"),
    ],
)
async def test_a_trigger_that_names_what_is_not_there_is_refused_when_it_is_made_or_changed(condition: Any, action: Any) -> None:
    account = Account()
    rule = {"title": "A rule", "all": [OPEN if condition is None else condition], "actions": [action or do("current_tags", "x")]}
    refused = await account.call("POST", "triggers", {"trigger": rule})
    assert (refused.status_code, refused.json()["error"]) == (422, "RecordInvalid")
    assert refused.json()["details"]["base"][0]["error"] == "InvalidValue"
    good = await account.trigger([OPEN], [do("current_tags", "fine")])
    assert (await account.call("PUT", f"triggers/{good}", {"trigger": rule})).status_code == 422
    assert (await account.ticket(status="open"))["tags"] == ["fine"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("triggers", {"trigger": {"title": "x", "actions": [do("status", "open")], "conditions": [OPEN]}}),
        ("tickets", {"ticket": {"comment": {"body": "x"}, "custom_fields": 5}}),
        ("tickets", {"ticket": {"comment": {"body": "x"}, "requester_id": "who"}}),
    ],
)
async def test_a_malformed_request_is_the_callers_fault(path: str, body: Any) -> None:
    assert (await Account().call("POST", path, body)).status_code in (400, 422)

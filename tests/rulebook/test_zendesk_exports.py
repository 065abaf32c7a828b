"""What real accounts export: shapes of lists, categories, operators, and triggers that change what other triggers look at."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.rulebook.test_zendesk_import import NEW, QUEUES, document, imported, trigger
from tsbridge.core.moments import Value
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.rulebook.zendesk_import import import_zendesk
from tsbridge.simulator.zendesk.rules import Occasion, run

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TAGGED = [("current_tags", "x")]
SAFETY = ("group_id", "61000000010")


def fates(found: dict[str, Any]) -> dict[str, str]:
    return {entry["title"]: entry["outcome"] for entry in found["report"]}


def whys(found: dict[str, Any], title: str) -> str:
    return str(next(entry["why"] for entry in found["report"] if entry["title"] == title))


def judged(found: dict[str, Any], facts: dict[str, Value], previous: dict[str, Value] | None = None) -> Judgement:
    given = {"source": "zendesk", "event": "ticket.updated", **facts}
    return Judge(read(document(found)), ZoneInfo("UTC")).decide(given, previous or {}, Standing(), NOW)


# -- shapes ------------------------------------------------------------------------------------------------------------


def test_a_list_without_its_name_and_one_rule_alone_are_read_too() -> None:
    one = trigger("One", [NEW], TAGGED)
    for answer in ([one], {"trigger": one}, one, {"triggers": [one]}):
        assert fates(import_zendesk(answer, QUEUES)) == {"One": "exact"}


def test_triggers_and_automations_in_one_answer_are_both_reported() -> None:
    found = import_zendesk({"triggers": [trigger("T", [NEW], TAGGED)], "automations": [trigger("A", [NEW], [("priority", "low")])]}, QUEUES)
    assert fates(found) == {"T": "exact", "A": "differs"}


def test_fields_of_old_accounts_name_the_list_they_are_chosen_from() -> None:
    conditions = [("assignee_id#all_agents", "is", ""), ("group_id#current_groups", "changed", ""), ("current_via_id", "is", "email")]
    old = trigger("Old", conditions, [("group_id#current_groups", "61000000010")])
    plain = [(name.partition("#")[0], *rest) for name, *rest in conditions]
    assert imported(old) == imported(trigger("Old", plain, [SAFETY]))
    assert fates(imported(old)) == {"Old": "differs"}
    stays = trigger("Stays", [NEW], [("assignee_id#all_agents", "current_user")])
    reads = trigger("Reads", [("assignee_id", "is", "")], TAGGED)
    assert "Stays" in whys(imported(stays, reads), "Reads")


def test_conditions_below_and_beside_are_one_list() -> None:
    both = {**trigger("Both", [NEW], TAGGED), "all": [{"field": "priority", "operator": "is", "value": "low"}]}
    found = imported(both)
    assert [part["part"] for part in found["report"][0]["parts"]] == ["condition status is", "condition priority is", "action current_tags"]
    assert judged(found, {"ticket.status": "new"}).tags_added == ()


def test_a_trigger_that_is_switched_off_names_all_that_it_would_do() -> None:
    found = imported(trigger("Off", [NEW, ("role", "is", "agent")], [("current_tags", "x"), ("cc", "1")], active=False))
    (entry,) = found["report"]
    assert [part["part"] for part in entry["parts"]] == [
        "condition status is",
        "condition role is",
        "action current_tags",
        "action cc",
    ]
    assert {part["outcome"] for part in entry["parts"]} == {"left"}
    assert entry["why"] == "it is switched off in Zendesk"


# -- the order of categories -------------------------------------------------------------------------------------------


def in_categories() -> list[dict[str, Any]]:
    """In each category positions begin anew, as Zendesk counts them."""
    return [
        trigger("First in B", [NEW], [("priority", "urgent")], position=1, category_id="B"),
        trigger("Second in A", [NEW], [("priority", "low")], position=2, category_id="A"),
        trigger("First in A", [NEW], [("priority", "high")], position=1, category_id="A"),
    ]


def test_triggers_are_asked_category_by_category_and_then_by_position() -> None:
    for categories, last in ((["B", "A"], "low"), (["A", "B"], "urgent")):
        places = [{"id": name, "position": place} for place, name in enumerate(categories)]
        found = import_zendesk({"triggers": in_categories(), "trigger_categories": places}, QUEUES)
        assert judged(found, {"ticket.status": "new"}).priority == last
        assert set(fates(found).values()) == {"exact"}


def test_an_order_of_categories_that_nobody_told_is_named_where_it_matters_and_only_there() -> None:
    alone = trigger("Alone", [NEW], [("current_tags", "alone")], position=2, category_id="B")
    found = imported(*in_categories(), alone)
    assert [entry["title"] for entry in found["report"]] == ["First in B", "Alone", "First in A", "Second in A"]
    assert fates(found) == {"First in B": "differs", "Alone": "exact", "First in A": "differs", "Second in A": "differs"}
    assert "trigger_categories" in whys(found, "First in B")


# -- conditions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "value", "created", "emptied"),
    [("changed", None, True, False), ("not_changed", None, False, True), ("value", "high", True, False), ("not_value", "high", False, True),
     ("value", "low", False, False), ("value_previous", "high", False, False), ("value_previous", "", True, False),
     ("not_value_previous", "", False, True)],
)  # fmt: skip
def test_a_ticket_that_is_created_with_a_value_has_changed_it_from_none(operator: str, value: Any, created: bool, emptied: bool) -> None:
    found = imported(trigger("T", [("priority", operator, value)], TAGGED))
    assert fates(found) == {"T": "exact"}
    assert bool(judged(found, {"event": "ticket.created", "ticket.priority": "high"}).tags_added) is created
    assert bool(judged(found, {"event": "ticket.created"}).tags_added) is emptied


def test_changed_to_and_changed_from_are_other_names_of_value_and_previous_value() -> None:
    found = imported(trigger("T", [("ticket_form_id", "changed_to", "5"), ("ticket_form_id", "not_changed_from", "6")], TAGGED))
    assert fates(found) == {"T": "exact"}
    assert judged(found, {"ticket.form_id": "5"}, {"ticket.form_id": "4"}).tags_added == ("x",)
    assert judged(found, {"ticket.form_id": "5"}, {"ticket.form_id": "6"}).tags_added == ()


def test_several_channels_at_once_are_one_condition() -> None:
    found = imported(
        trigger("In", [("via_id", "includes", ["4", "57"])], [("current_tags", "in")]),
        trigger("Out", [("via_id", "not_includes", ["4", 57])], [("current_tags", "out")], position=2),
        trigger("Odd", [("via_id", "includes", ["4", "27"])], [("current_tags", "odd")], position=3),
    )
    assert fates(found) == {"In": "differs", "Out": "differs", "Odd": "left"}
    assert [judged(found, {"channel": channel}).tags_added for channel in ("sms", "chat")] == [("in",), ("out",)]


@pytest.mark.parametrize(
    ("via", "channel"), [("30", "social"), ("26", "social"), ("38", "social"), ("41", "social"), ("73", "messaging"), ("75", "messaging")]
)
def test_social_and_messaging_channels_are_carried_over_with_their_difference(via: str, channel: str) -> None:
    found = imported(trigger("Way", [("via_id", "is", via)], TAGGED))
    assert (fates(found), judged(found, {"channel": channel}).tags_added) == ({"Way": "differs"}, ("x",))


def test_a_field_with_several_choices_is_asked_for_each_of_them() -> None:
    found = imported(
        trigger("Any", [("custom_fields_9", "includes", "p q")], [("current_tags", "any")]),
        trigger("None", [("custom_fields_9", "not_includes", ["p", "q"])], [("current_tags", "none")], position=2),
    )
    choices: list[Value] = [("q", "r"), ("r",), "p", None]
    assert [judged(found, {"ticket.custom.9": choice}).tags_added for choice in choices] == [("any",), ("none",), ("any",), ("none",)]


def test_numbers_are_compared_with_fractions_and_with_the_bound_itself() -> None:
    found = imported(
        trigger("Most", [("custom_fields_9", "less_than_equal", "2.5")], [("current_tags", "most")]),
        trigger("Least", [("custom_fields_9", "greater_than_equal", "2.5")], [("current_tags", "least")], position=2),
        trigger("Date", [("custom_fields_9", "less_than", "2026-01-01")], [("current_tags", "date")], position=3),
    )
    assert fates(found) == {"Most": "exact", "Least": "exact", "Date": "left"}
    assert [judged(found, {"ticket.custom.9": n}).tags_added for n in ("2.5", 2, None)] == [("least", "most"), ("most",), ()]


def test_words_of_a_comment_name_that_zendesk_looks_at_the_subject_too() -> None:
    found = imported(trigger("Words", [("comment_includes_word", "includes", "refund")], TAGGED))
    assert "subject" in whys(found, "Words")


# -- actions -----------------------------------------------------------------------------------------------------------


def test_a_checkbox_is_set_as_true_or_false_and_not_as_a_word() -> None:
    found = imported(trigger("Check", [NEW], [("custom_fields_9", "true"), ("custom_fields_8", "word")]))
    assert found["rules"][0]["then"] == [
        {"set_custom_field": {"id": "9", "value": True}},
        {"set_custom_field": {"id": "8", "value": "word"}},
    ]


@pytest.mark.parametrize(
    ("action", "outcome", "why"),
    [
        (("custom_fields_9", "{{ticket.id}}"), "left", "placeholders"),
        (("assignee_id", "41"), "differs", "begins to match"),
        (("assignee_id", ""), "left", "take an assignee away"),
        (("assignee_id", "current_user"), "left", "who acted"),
        (("group_id", "current_groups"), "left", "named by its number"),
        (("comment_value", ["channel:all", "hi"]), "left", "comments"),
    ],
)
def test_an_action_that_is_not_the_same_here_says_why(action: tuple[str, Any], outcome: str, why: str) -> None:
    found = imported(trigger("T", [NEW], [action]))
    assert (fates(found), why in whys(found, "T")) == ({"T": outcome}, True)


def test_an_automation_is_never_exact_as_zendesk_asks_it_once_an_hour() -> None:
    found = import_zendesk({"automations": [trigger("A", [NEW], TAGGED)]}, QUEUES)
    assert (fates(found), "once an hour" in whys(found, "A")) == ({"A": "differs"}, True)


# -- what triggers do to each other ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setter", "condition"),
    [
        ([("status", "open")], ("status", "is", "open")),
        ([("set_tags", "a")], ("current_tags", "includes", "vip")),
        ([("type", "task")], ("type", "changed", None)),
        ([SAFETY], ("group_id", "is", "61000000010")),
        ([("assignee_id", "41")], ("assignee_id", "is_not", "")),
        ([("custom_fields_9", "gold")], ("current_tags", "includes", "gold")),
    ],
)
def test_a_rule_that_looks_at_what_another_one_sets_elsewhere_is_not_exact(setter: list[Any], condition: tuple[str, str, Any]) -> None:
    found = imported(trigger("Setter", [NEW], setter), trigger("Reader", [condition], TAGGED, position=2))
    assert fates(found)["Reader"] == "differs"
    assert "which “Setter” sets" in whys(found, "Reader")


def test_a_rule_that_gives_way_in_zendesk_to_one_that_stays_there_is_not_exact() -> None:
    stays = trigger("Stays", [("locale_id", "is", "1")], [("priority", "urgent"), ("current_tags", "both")], position=2)
    found = imported(
        trigger("Goes", [NEW], [("priority", "low")]),
        stays,
        trigger("Same", [NEW], [("current_tags", "both")]),
        trigger("Last", [NEW], [("priority", "high")], position=3),
    )
    assert fates(found) == {"Goes": "differs", "Same": "exact", "Stays": "left", "Last": "exact"}
    assert "“Stays” behind it sets ticket.priority" in whys(found, "Goes")


def test_triggers_that_do_not_meet_stay_exact_beside_any_that_are_left() -> None:
    found = imported(
        trigger("Left", [("role", "is", "agent")], [("status", "open"), ("priority", "low")]),
        trigger("Off", [NEW], [("set_tags", "a")], active=False, position=2),
        trigger("Exact", [("type", "is", "task")], TAGGED, position=3),
    )
    assert fates(found)["Exact"] == "exact"


# -- groups ------------------------------------------------------------------------------------------------------------


def test_a_ticket_stays_in_its_group_when_the_trigger_that_put_it_there_applies_no_more() -> None:
    found = imported(trigger("New ones", [("update_type", "is", "Create")], [SAFETY]))
    assert judged(found, {"event": "ticket.created"}).queue == "safety"
    for event in ("ticket.updated", "call.ended", "ticket.merged"):
        assert judged(found, {"event": event, "case.queue": "safety"}).queue == "safety"
    assert judged(found, {"event": "clock", "case.queue": "safety"}).queue is None  # nothing is routed, so the queue stays
    assert judged(found, {"case.queue": "intake"}).queue == "intake"


def test_a_group_is_never_given_to_a_call() -> None:
    found = imported(trigger("Open", [("status", "is_not", "solved")], [SAFETY]))
    assert judged(found, {"source": "talkdesk", "event": "call.ended"}).queue == "intake"


GROUPS = {"61000000010": "safety", "61000000001": "intake"}
ASKED: list[Any] = [
    ("status", "is", "open"), ("status", "changed", None), ("status", "value_previous", "open"), ("priority", "not_value", "high"),
    ("priority", "value", "high"), ("update_type", "is", "Create"), ("update_type", "is", "Change"), ("type", "value_previous", ""),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_random_triggers_move_a_ticket_through_the_same_groups_in_zendesk_and_after_the_import(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    business = [
        trigger(f"T{n}", rng.choices(ASKED, k=rng.randrange(3)), [("group_id", rng.choice(list(GROUPS)))], position=n)
        for n in range(rng.randrange(1, 6))
    ]
    found, theirs = imported(*business), [{**one, "id": n} for n, one in enumerate(business)]
    before: dict[str, Any] | None = None
    queue: str | None = None
    for _ in range(8):
        ticket: dict[str, Any] = {"tags": [], "custom_fields": [], "group_id": before and before["group_id"]}
        for name, words in (("status", ("open", "new")), ("priority", (None, "high")), ("type", (None, "task"))):
            ticket[name] = rng.choice(words)
        facts: dict[str, Value] = {f"ticket.{name}": ticket[name] for name in ("status", "priority", "type")}
        known: dict[str, Value] = {f"ticket.{name}": before[name] for name in ("status", "priority", "type")} if before else {}
        event = "ticket.updated" if before else "ticket.created"
        queue = judged(found, {**facts, "event": event, "case.queue": queue}, known).queue
        run(theirs, Occasion(before, ticket, None, {"id": 1, "role": "admin"}, "web"))
        assert queue == (GROUPS[str(ticket["group_id"])] if ticket["group_id"] else "intake")
        before = ticket

"""Zendesk's triggers as rules: what is carried over, what differs, what is left, and that both tag alike."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.seeds import examples
from tsbridge.core.moments import Value
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Standing
from tsbridge.rulebook.check import check
from tsbridge.rulebook.zendesk_conditions import condition
from tsbridge.rulebook.zendesk_import import import_zendesk
from tsbridge.simulator.zendesk.rules import Occasion, run
from tsbridge.vendors.zendesk.setup import trigger as setup_trigger

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
QUEUES = {"queues": {"safety": {"zendesk_group_id": 61000000010}, "intake": {"zendesk_group_id": 61000000001}}}
CATCH_ALL = {"key": "all", "kind": "routing", "when": {}, "then": [{"route": "intake"}]}


def trigger(
    title: str, every: list[Any], actions: list[Any], *, some: list[Any] | None = None, position: int = 1, **more: Any
) -> dict[str, Any]:
    def conditions(parts: list[Any]) -> list[dict[str, Any]]:
        return [{"field": f, "operator": o, "value": v} for f, o, v in parts]

    return {
        "title": title,
        "active": True,
        "position": position,
        "conditions": {"all": conditions(every), "any": conditions(some or [])},
        "actions": [{"field": f, "value": v} for f, v in actions],
        **more,
    }


def imported(*triggers: dict[str, Any]) -> dict[str, Any]:
    return import_zendesk({"triggers": list(triggers)}, QUEUES)


def document(found: dict[str, Any]) -> dict[str, Any]:
    return {"schema": 1, **QUEUES, "rules": [*found["rules"], CATCH_ALL]}


def test_a_plain_trigger_is_carried_over_exactly() -> None:
    found = imported(
        trigger("Urgent bites", [("priority", "is", "urgent"), ("current_tags", "includes", "bite dog")], [("current_tags", "seen")])
    )
    assert [(r["title"], r["outcome"], r["why"]) for r in found["report"]] == [("Urgent bites", "exact", "")]
    assert found["rules"][0]["then"] == [{"add_tags": ["seen"]}]
    read(document(found))


def test_what_cannot_be_carried_over_is_named_part_by_part() -> None:
    found = imported(
        trigger("By admins", [("role", "is", "4567 admins")], [("current_tags", "x")]),
        trigger(
            "Mail",
            [("status", "is", "new")],
            [("notification_user", ["requester_id", "hi", "there"]), ("current_tags", "mailed")],
            position=2,
        ),
        trigger("Off", [("status", "is", "new")], [("current_tags", "x")], active=False, position=3),
        trigger("Words", [("comment_includes_word", "includes", "refund money")], [("current_tags", "money")], position=4),
        trigger("Group", [("status", "is", "new")], [("group_id", "61000000010")], position=5),
        trigger("Unknown group", [("status", "is", "new")], [("group_id", "5")], position=6),
    )
    assert [(r["title"], r["outcome"]) for r in found["report"]] == [
        ("By admins", "left"),
        ("Mail", "differs"),
        ("Off", "left"),
        ("Words", "differs"),
        ("Group", "differs"),
        ("Unknown group", "left"),
    ]
    assert all(r["why"] for r in found["report"])
    assert [p["part"] for p in found["report"][1]["parts"]] == ["condition status is", "action notification_user", "action current_tags"]
    read(document(found))


def test_the_last_setting_wins_in_zendesk_and_after_the_import() -> None:
    found = imported(
        trigger("First", [("current_tags", "includes", "a")], [("priority", "low")]),
        trigger("Last", [("current_tags", "includes", "b")], [("priority", "urgent")], position=2),
    )
    judge = Judge(read(document(found)), ZoneInfo("UTC"))
    decide = lambda *tags: judge.decide({"event": "ticket.updated", "tags": tags}, {}, Standing(), NOW).priority  # noqa: E731
    assert (decide("a"), decide("b"), decide("a", "b"), decide("c")) == ("low", "urgent", "urgent", None)


@pytest.mark.parametrize(
    "more",
    [
        {"next_page": "https://acme.zendesk.com/api/v2/triggers?page=2"},
        {"previous_page": "https://acme.zendesk.com/api/v2/triggers?page=1"},
        {"meta": {"has_more": True}},
        {"count": 2},
    ],
)
def test_one_page_of_several_is_named_as_such(more: dict[str, Any]) -> None:
    found = import_zendesk({"triggers": [trigger("One", [("status", "is", "new")], [("current_tags", "x")])], **more}, QUEUES)
    last = found["report"][-1]
    assert (last["title"], last["outcome"], last["parts"]) == ("More pages", "left", [])
    assert "one page of several" in last["why"]


def test_a_whole_list_has_no_line_about_pages() -> None:
    one = trigger("One", [("status", "is", "new")], [("current_tags", "x")])
    whole = {"triggers": [one], "next_page": None, "previous_page": None, "meta": {"has_more": False}, "count": 1}
    assert [entry["title"] for entry in import_zendesk(whole, QUEUES)["report"]] == ["One"]


@pytest.mark.parametrize(
    ("via", "channel"),
    [("0", "web"), (0, "web"), ("48", "web"), ("50", "web"), ("4", "email"), ("5", "api"), ("29", "chat"), ("34", "voice"), ("57", "sms"),
     ("74", "messaging")],
)  # fmt: skip
def test_a_channel_is_never_quite_the_same_as_ours_means_others_too(via: Any, channel: str) -> None:
    found = imported(trigger("Way", [("via_id", "is", via)], [("current_tags", "x")]))
    assert found["rules"][0]["when"] == {"all": [{"field": "channel", "operator": "is", "value": channel}]}
    assert (found["report"][0]["outcome"], found["report"][0]["why"].endswith(f"one channel, {channel}")) == ("differs", True)


@pytest.mark.parametrize(
    ("field", "operator", "given", "value"),
    [("status", "is", "Open", "open"), ("priority", "is_not", " URGENT", "urgent"), ("type", "value_previous", "Incident", "incident")],
)
def test_words_with_capitals_are_the_words_zendesk_takes_them_for(field: str, operator: str, given: str, value: str) -> None:
    found = imported(trigger("Caps", [(field, operator, given)], [("priority", "Urgent")]))
    (rule,) = found["rules"]
    assert (rule["when"]["all"][0]["value"], rule["then"]) == (value, [{"set_priority": "urgent"}])
    assert found["report"][0]["outcome"] == "exact"


def test_ordered_words_with_capitals_keep_their_order() -> None:
    found = imported(trigger("Caps", [("status", "less_than", "Open"), ("update_type", "is", "create")], [("current_tags", "x")]))
    assert found["report"][0]["outcome"] == "exact"


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "reopened"), ("status", True), ("priority", "P1"), ("type", "ticket"), ("group_id", "safety"), ("requester_id", "1.5")],
)
@pytest.mark.parametrize("operator", ["is", "is_not", "value", "not_value_previous"])
def test_a_value_that_zendesk_does_not_know_is_never_carried_over(field: str, operator: str, value: Any) -> None:
    found = imported(trigger("Odd", [(field, operator, value)], [("current_tags", "x")]))
    assert (found["rules"], found["report"][0]["outcome"]) == ([], "left")
    assert field in found["report"][0]["why"]


def test_a_condition_lost_from_any_makes_the_rule_narrower_and_is_named() -> None:
    some: list[Any] = [("priority", "is", "urgent"), ("recipient", "is", "a@b.example")]
    found = imported(
        trigger("First", [("status", "is", "new")], [("priority", "low")]),
        trigger("Either", [("status", "is", "open")], [("priority", "high")], some=some, position=2),
    )
    first, either = found["report"]
    assert either["outcome"] == "differs"
    assert "applies less often" in next(part for part in either["parts"] if part["part"] == "condition recipient is")["why"]
    assert first["outcome"] == "differs"
    assert any("applies less often" in part["why"] for part in first["parts"] if part["part"] == "order of ticket.priority")


@pytest.mark.parametrize("answer", [None, [], {"triggers": "x"}, {"triggers": [1]}, {"tickets": []}])
def test_something_else_than_a_list_of_triggers_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        import_zendesk(answer, QUEUES)


@pytest.mark.parametrize(
    "odd",
    [
        {"position": "2"},
        {"conditions": "x"},
        {"conditions": {"all": ["x"]}},
        {"conditions": {"any": {"a": 1}}},
        {"actions": "x"},
        {"actions": None},
        {"actions": [{"field": "current_tags", "value": 5}]},
        {"conditions": {"all": [{"field": "custom_fields_abc", "operator": "is", "value": "x"}]}},
        {"conditions": {"all": [{"field": "custom_fields_12", "operator": "less_than", "value": ""}]}},
        {"conditions": {"all": [{"field": "status", "operator": "is", "value": ["new", "open"]}]}},
    ],
)
def test_an_oddly_shaped_trigger_is_reported_and_never_stops_the_others(odd: dict[str, Any]) -> None:
    strange = {**trigger("Odd", [("status", "is", "new")], [("current_tags", "x")]), **odd}
    found = imported(trigger("Plain", [("status", "is", "new")], [("current_tags", "y")]), strange)
    fates = {entry["title"]: entry for entry in found["report"]}
    assert fates["Plain"]["outcome"] == "exact"
    if "position" not in odd:
        assert fates["Odd"]["outcome"] == "left"
        assert fates["Odd"]["why"]
    read(document(found))


NEW = ("status", "is", "new")
PAD: list[Any] = [("current_tags", "not_includes", f"w{n}") for n in range(4)]


def test_many_triggers_that_set_the_same_thing_stay_within_what_a_rule_may_hold_and_the_last_still_wins() -> None:
    found = imported(
        *(
            trigger(f"T{n}", [("custom_fields_7", "is", f"v{n}"), *PAD], [("priority", ("low", "normal")[n % 2])], position=n)
            for n in range(60)
        ),
        trigger("Any", [("subject_includes_word", "includes", "dog")], [("priority", "urgent")], position=60),
        trigger("Last", [("subject_includes_word", "includes", "cat")], [("priority", "high")], position=61),
    )
    assert {entry["title"]: entry["outcome"] for entry in found["report"]}["T0"] == "exact"
    judge = Judge(read(document(found)), ZoneInfo("UTC"))
    for tier, low in (("v0", "low"), ("v30", "low"), ("v59", "normal")):
        for subject, wanted in (("dog", "urgent"), ("cat", "high"), ("dog cat", "high"), ("bird", low)):
            facts: dict[str, Value] = {"event": "ticket.created", "subject": subject, "ticket.custom.7": tier}
            assert judge.decide(facts, {}, Standing(), NOW).priority == wanted, (tier, subject)


@pytest.mark.parametrize(
    "triggers",
    [
        [trigger("x" * 300, [("status", "is", "new")], [("custom_fields_360001234567890", "x")], position=n) for n in range(3)],
        [trigger("Bite", [NEW], [("group_id", "61000000010")]), trigger("Bite route", [NEW], [("current_tags", "x")])],
        [trigger("Bite", [NEW], [("priority", "low")]), trigger("Bite ticket priority", [NEW], [("priority", "high")])],
        [trigger("Ünïcode ⚠", [("subject_includes_word", "includes", "ärger !! 犬")], [("current_tags", "x")])],
        [setup_trigger("7", "updated")],
    ],
)  # fmt: skip
def test_what_was_imported_passes_the_check(triggers: list[dict[str, Any]]) -> None:
    found = imported(*triggers)
    assert [f for f in check(document(found), ZoneInfo("UTC")) if f.severity == "error"] == []


@pytest.mark.parametrize(
    "odd",
    [
        {"conditions": {"all": [{"field": "status", "operator": "is_not", "value": "new"}] * 250}},
        {"actions": [{"field": f"custom_fields_{n}", "value": "x"} for n in range(60)]},
        {"actions": [{"field": "current_tags", "value": ["a\n"]}]},
        {"conditions": {"all": [{"field": "subject_includes_word", "operator": "includes", "value": "\u0301"}]}},
        {"actions": [{"field": "custom_fields_²", "value": "x"}]},
    ],
)
def test_what_a_rulebook_cannot_hold_is_left_with_the_reason(odd: dict[str, Any]) -> None:
    found = imported({**trigger("Odd", [("status", "is", "new")], [("current_tags", "x")]), **odd})
    assert (found["rules"], [entry["outcome"] for entry in found["report"]]) == ([], ["left"])
    assert found["report"][0]["why"]


def test_a_key_that_the_rulebook_has_already_is_not_taken_again() -> None:
    mine = {"key": "bite-route", "kind": "routing", "when": {}, "then": [{"route": "safety"}]}
    routed = trigger("Bite", [("status", "is", "new")], [("group_id", "61000000010")])
    found = import_zendesk({"triggers": [routed]}, {**QUEUES, "rules": [mine]})
    assert [rule["key"] for rule in found["rules"]] == ["bite-route-2", "stay-in-safety"]


def test_a_trigger_is_about_tickets_and_never_about_a_call() -> None:
    found = imported(trigger("Open", [("status", "is_not", "solved")], [("current_tags", "open")]))
    judge = Judge(read(document(found)), ZoneInfo("UTC"))
    tags = lambda event: judge.decide({"event": event}, {}, Standing(), NOW).tags_added  # noqa: E731
    assert (tags("ticket.updated"), tags("call.ended"), tags("clock")) == (("open",), (), ())


def odd_trigger(rng: random.Random, place: int) -> dict[str, Any]:
    fields = (
        "status priority type group_id assignee_id requester_id role current_tags via_id current_via_id update_type comment_includes_word "
        "subject_includes_word ticket_form_id brand_id custom_fields_12 custom_fields_abc locale_id ticket_is_public NEW external_id weird"
    )
    operators = "is is_not less_than greater_than includes not_includes changed not_changed value value_previous not_value present weird"
    values: list[Any] = [
        "",
        "new",
        "Urgent",
        "Create",
        "true",
        "dog ü !!",
        None,
        5,
        True,
        ["a", "b"],
        {"a": 1},
        "4",
        1.5,
        [],
        "61000000010",
    ]
    actions = (
        "status priority group_id assignee_id current_tags remove_tags custom_fields_12 custom_fields_360001234567890 notification_user"
    )
    pick = lambda words: rng.choice(words.split())  # noqa: E731
    conditions = lambda: [(pick(fields), pick(operators), rng.choice(values)) for _ in range(rng.randrange(3))]  # noqa: E731
    done = [(pick(actions), rng.choice(values)) for _ in range(rng.randrange(1, 4))]
    return trigger(rng.choice(["T", "Ü", "", "5", "x" * 90]), conditions(), done, some=conditions(), position=place)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_was_exported_what_is_imported_passes_the_check(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    found = imported(*(odd_trigger(rng, n) for n in range(8)))
    assert [f for f in check(document(found), ZoneInfo("UTC")) if f.severity == "error"] == []
    assert all(entry["why"] for entry in found["report"] if entry["outcome"] != "exact")


def test_of_adding_and_removing_a_tag_the_last_wins_in_zendesk_and_after_the_import() -> None:
    found = imported(
        trigger("Put", [("type", "is", "task")], [("current_tags", "x y")]),
        trigger("Take", [("priority", "is", "low")], [("remove_tags", "x")], position=2),
        trigger("Put again", [("status", "is", "open")], [("current_tags", "x")], position=3),
    )
    judge = Judge(read(document(found)), ZoneInfo("UTC"))
    for more, wanted in (
        ({}, ("x", "y")),
        ({"ticket.priority": "low"}, ("y",)),
        ({"ticket.priority": "low", "ticket.status": "open"}, ("x", "y")),
    ):
        judged = judge.decide({"event": "ticket.updated", "ticket.type": "task", **more}, {}, Standing(), NOW)
        assert judged.tags_added == wanted
    assert {entry["outcome"] for entry in found["report"]} == {"exact"}


def test_a_trigger_that_reads_what_it_sets_still_does_all_it_does() -> None:
    found = imported(
        trigger("Once", [("current_tags", "includes", "a")], [("remove_tags", "a"), ("priority", "low"), ("custom_fields_7", "z")]),
        trigger("Task", [("type", "is", "task")], [("priority", "high"), ("current_tags", "a")], position=2),
    )
    judge = Judge(read(document(found)), ZoneInfo("UTC"))
    judged = judge.decide({"event": "ticket.updated", "tags": ("a",)}, {}, Standing(), NOW)
    assert (judged.tags_removed, judged.priority, judged.custom_fields) == (("a",), "low", (("7", "z"),))


CUSTOM = 360001235
CONDITIONS = [
    ("status", "is", "new"), ("status", "less_than", "Solved"), ("status", "greater_than", "new"), ("status", "changed", None),
    ("status", "value", "solved"), ("status", "value_previous", "Open"), ("status", "not_value", "pending"),
    ("priority", "is_not", "high"), ("priority", "less_than", "high"), ("priority", "greater_than", ""), ("priority", "is", ""),
    ("priority", "not_changed", None), ("priority", "value", ""), ("type", "is", "Incident"), ("type", "not_value_previous", "incident"),
    ("current_tags", "includes", "a b"), ("current_tags", "not_includes", "c"), ("current_tags", "includes", "t1"),
    ("subject_includes_word", "includes", "dog cat"), ("subject_includes_word", "not_includes", "dog"),
    ("comment_includes_word", "includes", "help"), ("update_type", "is", "Create"), ("update_type", "is", "Change"),
    ("priority", "changed", None), ("priority", "value_previous", ""), ("type", "not_value_previous", ""), ("group_id", "value", "7"),
    (f"custom_fields_{CUSTOM}", "includes", "x q"), (f"custom_fields_{CUSTOM}", "not_value", "y"), ("via_id", "includes", ["4", "57"]),
    (f"custom_fields_{CUSTOM}", "is", "x"), (f"custom_fields_{CUSTOM}", "present", None), (f"custom_fields_{CUSTOM}", "changed", None),
    ("group_id", "is", "7"), ("group_id", "is_not", ""), ("group_id", "changed", None),
]  # fmt: skip
ACTIONS = [
    ("current_tags", "t1"), ("current_tags", "t2 t3"), ("remove_tags", "t2"), ("remove_tags", "a"), ("current_tags", "c"),
    ("priority", "low"), ("priority", "Urgent"), (f"custom_fields_{CUSTOM}", "z"),
]  # fmt: skip
TRIGGERS = st.lists(
    st.builds(
        lambda every, some, actions: trigger("T", every, actions, some=some),
        st.lists(st.sampled_from(CONDITIONS), max_size=2),
        st.lists(st.sampled_from(CONDITIONS), max_size=2),
        st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2),
    ),
    min_size=1,
    max_size=4,
)
FIRST = {
    "via": {"channel": "email"},
    "subject": "nothing",
    "status": "open",
    "priority": None,
    "type": None,
    "group_id": None,
    "tags": ["a"],
}
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["my dog", "a cat", "hotdog", "nothing"]),
        "status": st.sampled_from(["new", "open", "pending", "solved"]),
        "priority": st.sampled_from([None, "low", "high", "urgent"]),
        "type": st.sampled_from([None, "incident", "task"]),
        "group_id": st.sampled_from([None, 7, 8]),
        "tags": st.lists(st.sampled_from(["a", "b", "c", "t2"]), unique=True).map(sorted),
        "custom_fields": st.sampled_from(["x", "y", None]).map(lambda value: [{"id": CUSTOM, "value": value}]),
    },
)
UPDATES = st.lists(st.tuples(CHANGES, st.sampled_from([None, "please help", "thanks"])), min_size=2, max_size=4)
ADMIN = {"id": 1, "role": "admin"}


def facts_of(ticket: dict[str, Any]) -> dict[str, Value]:
    words = {f"ticket.{name}": ticket[name] for name in ("status", "priority", "type")}
    group = None if ticket["group_id"] is None else str(ticket["group_id"])
    custom = ticket["custom_fields"][0]["value"]
    return {
        **words,
        "channel": ticket["via"]["channel"],
        "subject": ticket["subject"],
        "ticket.group_id": group,
        f"ticket.custom.{CUSTOM}": custom,
        "tags": tuple(ticket["tags"]),
    }


@examples(120, 700)
@given(TRIGGERS, UPDATES)
def test_random_triggers_do_the_same_to_random_tickets_through_all_their_updates(
    triggers: list[dict[str, Any]], updates: list[tuple[dict[str, Any], str | None]]
) -> None:
    found = imported(*({**one, "position": n} for n, one in enumerate(triggers)))
    assume(not any(part["part"].startswith("order") for entry in found["report"] for part in entry["parts"]))  # named: nothing is promised
    judge = Judge(read(document(found)), ZoneInfo("UTC"))
    theirs = [{**one, "id": n} for n, one in enumerate(triggers)]
    before: dict[str, Any] | None = None
    for change, said in updates:
        state = {**FIRST, "custom_fields": [{"id": CUSTOM, "value": None}], **(before or {}), **change}
        ticket = copy.deepcopy(state)
        known = {} if before is None else facts_of(before)
        event = "ticket.created" if before is None else "ticket.updated" if said is None else "ticket.commented"
        judged = judge.decide(
            {**facts_of(ticket), "event": event, "source": "zendesk", "text.new": said, "comment.public": said and True},
            known,
            Standing(),
            NOW,
        )
        comment = None if said is None else {"body": said, "public": True}
        run(theirs, Occasion(before, ticket, comment, ADMIN, "web"))
        assert sorted({*state["tags"], *judged.tags_added} - {*judged.tags_removed}) == ticket["tags"]
        assert (judged.priority or state["priority"]) == ticket["priority"]
        assert dict(judged.custom_fields).get(str(CUSTOM), state["custom_fields"][0]["value"]) == ticket["custom_fields"][0]["value"]
        before = ticket


def test_organizations_and_custom_statuses_are_carried_over() -> None:
    assert condition({"field": "organization_id", "operator": "is", "value": "361000001"}) == (
        {"field": "ticket.organization_id", "operator": "is", "value": "361000001"},
        "",
    )
    assert condition({"field": "custom_status_id", "operator": "is_not", "value": ""}) == (
        {"field": "ticket.custom_status_id", "operator": "present"},
        "",
    )

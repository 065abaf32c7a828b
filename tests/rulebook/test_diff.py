"""What differs between two rulebooks is told in words and in what they decide."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.rulebook.books import ZONE, book, leaf, routing, rule
from tests.seeds import examples
from tsbridge.core.rules.document import read
from tsbridge.rulebook.diff import diff, effect


def rules(*keys: str) -> list[dict[str, Any]]:
    return [rule(key, leaf("text", "contains", key)) for key in keys]


def told(before: Any, after: Any) -> dict[str, tuple[str, list[str]]]:
    return {one["key"]: (one["change"], one["words"]) for one in diff(before, after)["rules"]}


def test_the_same_rulebook_has_no_difference() -> None:
    found = diff(book(*rules("a", "b")), book(*rules("a", "b")))
    assert found == {"same": True, "rules": [], "order_changed": False, "parts": [], "other": []}


def test_a_condition_and_an_action_that_came_and_went_are_named() -> None:
    before = book(rule("bite", {"any": [leaf("text", "contains_any", ["bite"]), leaf("channel", "is", "chat")]}, {"set_severity": 2}))
    after = book(
        rule(
            "bite",
            {"any": [leaf("text", "contains_any", ["bite", "bitten"]), leaf("channel", "is", "chat")]},
            {"set_severity": 1},
            on=["ticket"],
        )
    )
    assert told(before, after) == {
        "bite": (
            "changed",
            [
                "Is asked about ticket, was asked about tickets and calls.",
                "No longer asks any of: text contains any bite.",
                "Also asks any of: text contains any bite, bitten.",
                "No longer does: set severity 2.",
                "Now does: set severity 1.",
            ],
        )
    }


def test_a_group_that_changes_its_meaning_is_told_though_its_conditions_stay() -> None:
    conditions = [leaf("channel", "is", "chat"), leaf("ticket.priority", "is", "high")]
    change, words = told(book(rule("a", {"all": conditions})), book(rule("a", {"any": conditions})))["a"]
    assert change == "changed"
    assert words[0] == "No longer asks all of: channel is chat."
    assert words[-1] == "Also asks any of: ticket.priority is high."


def test_only_the_rules_that_moved_are_told() -> None:
    found = told(book(*rules("a", "b", "c", "d")), book(*rules("b", "c", "d", "a")))
    assert found == {"a": ("moved", ["Moved from place 1 to place 4, below d."])}


def test_rules_that_come_and_go_move_no_others() -> None:
    found = told(book(*rules("a", "b", "c")), book(*rules("new", "b", "c")))
    assert {key: change for key, (change, _) in found.items()} == {"a": "removed", "new": "added"}
    assert found["new"][1] == ["A new escalation rule.", "Asks text contains new.", "Does: add tag ts_new."]


def test_lists_queues_and_policies_are_told_item_by_item() -> None:
    before = book(lists={"hurt": ["bite", "blood"]}, queues={"one": {}, "two": {"zendesk_group_id": 1}})
    after = book(lists={"hurt": ["bite", "stitches"]}, queues={"one": {}, "two": {"zendesk_group_id": 2}, "three": {}})
    found = {(one["part"], one["name"]): one["words"] for one in diff(before, after)["parts"]}
    assert found == {
        ("lists", "hurt"): ["stitches was added.", "blood has gone."],
        ("queues", "two"): ["zendesk_group_id is 2, was 1."],
        ("queues", "three"): ["Queue three was added."],
    }


def test_what_is_nested_is_told_at_its_place() -> None:
    def made(minutes: str, who: str, opens: str, stop: bool) -> Any:
        def policy(stop: bool) -> dict[str, Any]:
            status = "hold" if stop else "pending"
            return {"stops_when": leaf("case.acknowledged", "is", stop), "pauses_when": leaf("ticket.status", "is", status)}

        step = {"after": minutes, "actions": [{"notify": who}]}
        return book(
            title=f"opens at {opens}",
            calendars={"office": {"timezone": "UTC", "hours": {"mon-fri": f"{opens}-22:00", "sat": "08:00-12:00"}}},
            policies={"p": {**policy(stop), "steps": [{"after": "0m", "actions": []}, step]}},
        )

    found = diff(made("15m", "oncall", "06:00", True), made("20m", "manager", "07:00", False))
    assert {one["name"]: one["words"] for one in found["parts"]} == {
        "office": ["hours mon-fri is 07:00-22:00, was 06:00-22:00."],
        "p": [
            "pauses_when: No longer asks ticket.status is hold.",
            "pauses_when: Also asks ticket.status is pending.",
            "steps: step 2 actions: No longer does: notify oncall.",
            "steps: step 2 actions: Now does: notify manager.",
            "steps: step 2 after is 20m, was 15m.",
            "stops_when: No longer asks case.acknowledged is true.",
            "stops_when: Also asks case.acknowledged is false.",
        ],
    }
    assert [(one["part"], one["words"]) for one in found["other"]] == [("title", ["It is opens at 07:00, was opens at 06:00."])]
    (added,) = diff(book(), book(policies={"p": {"steps": []}}))["parts"]
    assert added["words"] == ["Policy p was added."]


def test_tests_are_told_one_by_one() -> None:
    one, other = ({"name": "a", "given": {"text": text}, "expect": {"queue": "one"}} for text in ("x", "y"))
    new = {"name": "b", "given": {}, "expect": {}}
    found = diff(book(tests=[one, one]), book(tests=[one, other, new]))
    assert [(part["name"], part["change"], part["words"]) for part in found["parts"]] == [
        ("a (2)", "changed", ["given text is y, was x."]),
        ("b", "added", ["Test b was added."]),
    ]
    turned = diff(book(tests=[one, new]), book(tests=[new, one]))
    assert (turned["parts"], [part["words"] for part in turned["other"]]) == ([], [["The order is different."]])
    assert not turned["same"]


def test_tests_that_are_decided_differently_are_named_with_what_differs() -> None:
    tests = [
        {"name": "a chat", "given": {"channel": "chat"}, "expect": {"queue": "one"}},
        {"name": "a mail", "given": {"channel": "email"}, "expect": {"queue": "two"}},
    ]
    before = book(routing("chats", leaf("channel", "is", "chat")), tests=tests)
    after = book(routing("chats", leaf("channel", "is", "voice")), tests=tests[:1])
    found = effect(read(before), read(after), ZONE)
    assert found == {
        "tests": 2,
        "changed": [{"name": "a chat", "from": {"queue": "one", "rules": ["chats"]}, "to": {"queue": "two", "rules": ["rest"]}}],
    }


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "when", "then", "all", "field", "value", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
documents = st.fixed_dictionaries({}, optional={name: anything for name in ("rules", "lists", "queues", "policies", "tests")})


@examples(20, 60)
@given(documents, documents)
def test_any_two_documents_can_be_compared_and_only_equal_ones_are_the_same(before: Any, after: Any) -> None:
    kept = copy.deepcopy((before, after))
    found = diff(before, after)
    assert found["same"] == (before == after)
    assert (before, after) == kept
    assert all(one["words"] for one in (*found["rules"], *found["parts"], *found["other"]))


@examples(20, 60)
@given(st.permutations(["a", "b", "c", "d", "e"]))
def test_putting_the_moved_rules_back_gives_the_old_order(order: list[str]) -> None:
    moved = told(book(*rules("a", "b", "c", "d", "e")), book(*rules(*order))).keys()
    stayed = [key for key in order if key not in moved]
    assert stayed == sorted(stayed)
    assert bool(moved) == (order != sorted(order))

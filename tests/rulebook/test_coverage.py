"""What a rulebook's tests have seen, and the tests it lacks."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.rulebook.books import ZONE, book, leaf, routing, rule
from tests.rulebook.planting import healthy, planted
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.rules.language import Rulebook, leaves
from tsbridge.rulebook import tests
from tsbridge.rulebook.coverage import Watch, coverage, truth
from tsbridge.rulebook.generate import MARK, generate
from tsbridge.rulebook.worlds import World

HURT = leaf("text", "contains_any", ["bitten", "hurt"])
VIP = leaf("tags", "includes", "vip")
SEVERE = leaf("case.severity", "at_most", 2)


def asked(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "given": {"source": "zendesk", **given}, "expect": {}}


def seen(document: Any) -> dict[str, Any]:
    """By path of each condition how often it was (true, false), by key of each rule how often it (matched, did not)."""
    found = coverage(read(document), ZONE)
    conditions = {one["path"]: (one["true"], one["false"]) for rule in found["rules"] for one in rule["conditions"]}
    return conditions | {one["key"]: (one["matched"], one["not_matched"]) for one in found["rules"]}


def test_each_condition_is_counted_at_its_place_with_what_the_rules_above_have_set() -> None:
    document = book(
        rule("hurt", HURT, {"set_severity": 1}),
        rule("severe", {"any": [SEVERE, VIP]}, {"notify": "x"}),
        routing("safety", SEVERE),
        tests=[asked("bite", text="bitten"), asked("hello", text="hello"), asked("vip", tags=["vip"])],
    )
    assert seen(document) == {
        "/rules/0/when": (1, 2),
        "/rules/1/when/any/0": (1, 2),
        "/rules/1/when/any/1": (1, 2),
        "/rules/2/when": (1, 2),
        "hurt": (1, 2),
        "severe": (2, 1),
        "safety": (1, 2),
        "rest": (2, 0),
    }


def test_rules_that_were_not_asked_have_seen_nothing() -> None:
    document = book(
        rule("call", VIP, on=["call"]),
        rule("stops", HURT, {"notify": "x"}, {"stop": True}),
        rule("behind", VIP),
        routing("first", HURT),
        routing("second", VIP, "two"),
        tests=[asked("bite", text="bitten", tags=["vip"])],
    )
    found = seen(document)
    assert (found["call"], found["stops"], found["behind"], found["first"], found["second"]) == ((0, 0), (1, 0), (0, 0), (1, 0), (0, 0))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_watched_is_what_the_judge_explains(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    documents = [healthy(dice), *(spoiled.document for spoiled in planted(dice) if spoiled.kind not in ("slip", "never"))]
    for document in documents:
        made = read(document)
        judge, watch = Judge(made, ZONE), Watch(made, ZONE)
        for entry in generate(made, ZONE, 12).tests:
            world = World.read(entry["given"], entry.get("at"))
            sight = watch.look(world)
            explained = {one.key: one.matched for one in judge.explain(world.given, world.previous, Standing(), world.at)}
            assert {key for key, matched in explained.items() if matched} == {key for key, matched in sight.rules.items() if matched}
            for one in made.rules:
                if one.key in sight.rules:
                    assert truth(one.when, sight.conditions) is sight.rules[one.key]


# -- tests that are missing ----------------------------------------------------------------------------------------------


def completed(document: Any) -> Rulebook:
    made = generate(read(document), ZONE)
    return read({**document, "tests": [*document.get("tests", []), *made.tests]})


def test_generated_tests_show_each_condition_deciding_both_ways_pass_and_leave_nothing_to_generate() -> None:
    document = book(
        rule("hurt", {"all": [HURT, {"any": [VIP, leaf("call.wait_seconds", "at_least", 60)]}]}, {"set_severity": 1}),
        rule("moved", leaf("ticket.group_id", "changed_to", "7"), {"notify": "x"}),
        rule("night", leaf("time.now", "outside_hours", "office"), {"notify": "x"}),
        routing("safety", {"all": [SEVERE], "none": [leaf("channel", "is", "voice")]}),
        calendars={"office": {"hours": {"mon-fri": "09:00-17:00"}}},
    )
    made = completed(document)
    summary = coverage(made, ZONE)["summary"]
    assert (summary["matched"], summary["both_ways"]) == (summary["rules"], summary["conditions"])
    assert all(result.ok for result in tests.run(made, ZONE))
    assert all(test.name.startswith(MARK) for test in made.tests)
    assert generate(made, ZONE).tests == ()
    deciding = {(one.key, path, value) for one in made.rules for path, value in _deciding(made, one)}
    assert deciding == {(one.key, condition.path, value) for one in made.rules for condition in leaves(one.when) for value in (True, False)}


def _deciding(made: Rulebook, one: Any) -> set[tuple[str, bool]]:
    """The conditions of a rule that some test sees turn it over, by brute force."""
    watch = Watch(made, ZONE)
    found = set()
    for test in made.tests:
        sight = watch.look(World.read(test.given, test.at))
        if one.key in sight.rules:
            for condition in leaves(one.when):
                other = {**sight.conditions, condition.path: not sight.conditions[condition.path]}
                if truth(one.when, other) is not sight.rules[one.key]:
                    found.add((condition.path, sight.conditions[condition.path]))
    return found


def test_no_generated_test_can_be_spared() -> None:
    document = book(rule("a", {"all": [HURT, VIP, SEVERE]}, {"notify": "x"}), routing("b", {"any": [HURT, SEVERE]}))
    made = completed(document)
    whole = {(one.key, duty) for one in made.rules for duty in _deciding(made, one)}
    for test in made.document["tests"]:
        fewer = read({**document, "tests": [other for other in made.document["tests"] if other is not test]})
        lost = whole - {(one.key, duty) for one in fewer.rules for duty in _deciding(fewer, one)}
        assert lost or test["name"].endswith("rest matches"), test["name"]


def test_only_what_the_rulebooks_own_tests_lack_is_generated() -> None:
    document = book(rule("a", HURT, {"notify": "x"}), tests=[asked("bite", text="bitten"), asked("hello", text="hello")])
    assert generate(read(document), ZONE).tests == ()
    half = {**document, "tests": document["tests"][:1]}
    (entry,) = generate(read(half), ZONE).tests
    assert entry["expect"]["rules"] == ["rest"]


def test_a_condition_that_nothing_can_turn_is_left_and_named() -> None:
    document = book(rule("a", {"all": [HURT, leaf("time.hour", "at_least", 0)]}, {"notify": "x"}))
    made = generate(read(document), ZONE)
    assert [(duty.path, duty.want) for duty in made.left] == [("/rules/0/when/all/1", False)]


def test_generated_tests_of_healthy_books_pass_in_the_zone_they_were_made_in_and_see_nearly_everything() -> None:
    dice = random.Random(5)  # noqa: S311
    zone = ZoneInfo("Europe/Berlin")
    conditions = both = 0
    for _ in range(6):
        document = healthy(dice)
        made = read({**document, "tests": list(generate(read(document), zone).tests)})
        assert [result.name for result in tests.run(made, zone) if not result.ok] == []
        summary = coverage(made, zone)["summary"]
        conditions += summary["conditions"]
        both += summary["both_ways"]
    assert both >= 0.97 * conditions


@pytest.mark.parametrize("tags", [["a", 1], [None, "x"], [{"a": 1}, 2]])
def test_what_a_test_expects_may_be_any_list(tags: list[Any]) -> None:
    document = book(rule("a", HURT), tests=[{"name": "odd", "given": {"text": "x"}, "expect": {"tags": tags, "escalations": tags}}])
    (result,) = tests.run(read(document), ZONE)
    assert set(result.differences) == {"tags", "escalations"}


def test_what_was_not_looked_for_is_told_apart_from_what_was_not_found() -> None:
    document = book(*(rule(f"r{n}", leaf("ticket.form_id", "is", str(n)), {"notify": "x"}) for n in range(4)))
    some = generate(read(document), ZONE, 2)
    assert (len(some.tests), some.left) == (2, ())
    assert some.more > 0
    made = [*some.tests]
    for _ in range(9):
        found = generate(read({**document, "tests": made}), ZONE, 2)
        made += found.tests
        if not found.more:
            break
    assert generate(read({**document, "tests": made}), ZONE).to_json() == {"tests": [], "left": [], "more": 0}


def test_what_many_tests_have_seen_is_counted_as_they_go() -> None:
    def peak(many: int) -> int:
        named = [asked(f"t{n}", text=f"w{n}") for n in range(many)]
        made = read(book(*(rule(f"r{n}", leaf("text", "contains", f"w{n}"), {"notify": "x"}) for n in range(100)), tests=named))
        tracemalloc.start()
        coverage(made, ZONE)
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    peak(1)  # what is made once is made
    assert peak(400) < 2 * peak(100)  # kept, it would be four times as much

"""What the check says of sound rulebooks that do not do what somebody must have meant: each kind with its place and its event."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rulebook.books import ZONE, book, leaf, routing, rule
from tests.rulebook.planting import PLANTS, confirmed, run
from tests.seeds import examples
from tsbridge.core.rules.conditions import holds
from tsbridge.core.rules.document import read
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judge import Judge
from tsbridge.rulebook.check import CODES, check
from tsbridge.rulebook.tests import run as run_tests
from tsbridge.rulebook.worlds import WORKDAY, World

HURT = leaf("text.requester", "contains_any", ["bitten", "hurt"])
LATE = leaf("call.wait_seconds", "at_least", 60)
ACKNOWLEDGED = leaf("case.acknowledged", "is", True)
STEPS = [{"after": "0m", "actions": [{"notify": "x"}]}, {"after": "1h", "actions": [{"notify": "y"}]}]


def policy(**parts: Any) -> dict[str, Any]:
    return {"policies": {"p": {"stops_when": ACKNOWLEDGED, "steps": STEPS, **parts}}}


RAISES = rule("raises", HURT, {"escalate": "p"})

ROWS: list[tuple[str, dict[str, Any], str, str | None, str]] = [
    # what it shows, the book, severity and code, the rule, the place
    (
        "an age that nobody looks at when it comes",
        book(rule("a", {"all": [LATE, leaf("case.age_minutes", "at_least", 60)]}, on=["ticket", "call"])),
        "info age_unheard",
        "a",
        "/rules/0/when/all/1/field",
    ),
    (
        "a severity for words that an agent may have written",
        book(rule("a", {"any": [LATE, leaf("text", "contains", "bitten")]}, {"set_severity": 1})),
        "info anybodys_words",
        "a",
        "/rules/0/when/any/1/field",
    ),
    (
        "bounds that leave nothing",
        book(rule("a", {"all": [LATE, leaf("call.wait_seconds", "less_than", 60)]})),
        "warning never_matches",
        "a",
        "/rules/0/when",
    ),
    (
        "fewer people at work than none",
        book(rule("a", {"all": [LATE, leaf("queue.on_shift", "less_than", 0)]})),
        "warning never_matches",
        "a",
        "/rules/0/when",
    ),
    (
        "somebody and nobody on call",
        book(rule("a", {"all": [leaf("oncall.present", "is", True), leaf("oncall.present", "is", False)]})),
        "warning never_matches",
        "a",
        "/rules/0/when",
    ),
    (
        "told at no time and within hours",
        book(rule("a", {"all": [leaf("case.told_at", "within_hours", "always"), leaf("case.told_at", "not_present")]})),
        "warning never_matches",
        "a",
        "/rules/0/when",
    ),
    (
        "an event the rule is never asked about",
        book(rule("a", leaf("source", "is", "zendesk"), on=["call"])),
        "warning never_matches",
        "a",
        "/rules/0/when",
    ),
    (
        "a severity that an escalation rule always sets otherwise",
        book(rule("sets", {}, {"set_severity": 2}), routing("a", leaf("case.severity", "at_least", 3))),
        "warning never_matches",
        "a",
        "/rules/1/when",
    ),
    (
        "a category that an escalation rule has set otherwise for the same words",
        book(
            rule("sets", HURT, {"set_category": "harm"}),
            routing("a", {"all": [leaf("text.requester", "contains", "hurt"), leaf("case.category", "is", "loss")]}),
        ),
        "warning never_matches",
        "a",
        "/rules/1/when",
    ),
    (
        "a phrase without its word",
        book(
            rule(
                "a",
                {"all": [leaf("text.requester", "contains", "emergency vet")], "none": [leaf("text.requester", "contains_any", ["vet"])]},
            )
        ),
        "warning never_matches",
        "a",
        "/rules/0/when",
    ),
    (
        "a branch that is dead",
        book(rule("a", {"any": [HURT, {"all": [leaf("tags", "includes", "vip"), leaf("tags", "not_present")]}]})),
        "warning never_true",
        "a",
        "/rules/0/when/any/1",
    ),
    (
        "a part that is always so",
        book(rule("a", {"all": [HURT, leaf("time.hour", "between", [0, 23])]})),
        "warning always_true",
        "a",
        "/rules/0/when/all/1",
    ),
    (
        "a routing rule that swallows everything",
        book(routing("a", {"any": [HURT, {"none": [HURT]}]})),
        "warning always_true",
        "a",
        "/rules/0/when",
    ),
    (
        "a word that the field never has",
        book(rule("a", leaf("ticket.status", "is_not", "opne"))),
        "warning unknown_value",
        "a",
        "/rules/0/when/value",
    ),
    (
        "a part that is always so on the rule's own events",
        book(rule("a", {"all": [HURT, leaf("source", "is", "zendesk")]}, on=["ticket"])),
        "warning always_true",
        "a",
        "/rules/0/when/all/1",
    ),
    (
        "a queue that is nowhere",
        book(rule("a", leaf("case.queue", "in", ["one", "tow"]))),
        "warning unknown_value",
        "a",
        "/rules/0/when/value/1",
    ),
    (
        "a tag with a space",
        book(rule("a", leaf("tags", "includes", "very important"))),
        "warning unknown_value",
        "a",
        "/rules/0/when/value",
    ),
    (
        "a change of a field that is none",
        book(rule("a", leaf("changed", "includes", "ticket.statu"))),
        "warning unknown_value",
        "a",
        "/rules/0/when/value",
    ),
    (
        "a channel that no case has",
        book(rule("a", leaf("case.channels", "includes", "mail"))),
        "warning unknown_value",
        "a",
        "/rules/0/when/value",
    ),
    (
        "a test that expects a queue that is nowhere",
        book(rule("a", HURT), tests=[{"name": "t", "given": {"text": "hurt"}, "expect": {"queue": "tow"}}]),
        "warning test_fails",
        None,
        "/tests/0/expect/queue",
    ),
    (
        "a test that expects a rule that is nowhere",
        book(rule("a", HURT), tests=[{"name": "t", "given": {"text": "hurt"}, "expect": {"rules": ["a", "b"]}}]),
        "warning test_fails",
        None,
        "/tests/0/expect/rules/1",
    ),
    (
        "a test with a time that is none",
        book(rule("a", HURT), tests=[{"name": "t", "at": "soon", "given": {"text": "hurt"}, "expect": {"tags": ["ts_a"]}}]),
        "warning test_fails",
        None,
        "/tests/0/at",
    ),
    (
        "a test with an event that never comes",
        book(rule("a", HURT), tests=[{"name": "t", "given": {"event": "ticket.opened"}, "expect": {"tags": []}}]),
        "warning unknown_value",
        None,
        "/tests/0/given/event",
    ),
    (
        "the same in other words",
        book(
            rule("a", {"all": [HURT], "none": [leaf("channel", "is", "email")]}, {"notify": "x"}),
            rule(
                "b",
                {"all": [leaf("channel", "is_not", "email"), leaf("text.requester", "contains_any", ["hurt", "bitten"])]},
                {"notify": "x"},
            ),
        ),
        "warning duplicate_rule",
        "b",
        "/rules/1",
    ),
    (
        "a routing rule behind a wider one",
        book(routing("a", LATE), routing("b", leaf("call.wait_seconds", "greater_than", 90), "two")),
        "warning unreachable",
        "b",
        "/rules/1",
    ),
    (
        "a part that is always so, of a rule whose first event another one takes",
        book(
            routing("first", leaf("text.requester", "contains", "bitten")),
            routing("a", {"all": [HURT, leaf("time.hour", "at_least", 0)]}, "two"),
        ),
        "warning always_true",
        "a",
        "/rules/1/when/all/1",
    ),
    (
        "a routing rule behind a wider one, and its first event behind another one",
        book(
            routing("first", leaf("text.requester", "contains", "bitten"), "two"),
            routing("wide", HURT),
            routing("b", {"all": [HURT, LATE]}, "two"),
        ),
        "warning unreachable",
        "b",
        "/rules/2",
    ),
    (
        "a routing rule behind two halves",
        book(
            routing("a", leaf("case.severity", "at_most", 2)),
            routing("b", leaf("case.severity", "greater_than", 2)),
            routing("c", {"all": [HURT, leaf("case.severity", "present")]}, "two"),
        ),
        "warning unreachable",
        "c",
        "/rules/2",
    ),
    (
        "a rule behind a stop",
        book(rule("a", HURT, {"notify": "x"}, {"stop": True}), rule("b", {"all": [HURT, LATE]})),
        "warning unreachable",
        "b",
        "/rules/1",
    ),
    (
        "a rule behind two stops",
        book(
            rule("a", leaf("case.severity", "at_most", 2), {"notify": "x"}, {"stop": True}),
            rule("b", leaf("case.severity", "at_least", 3), {"notify": "x"}, {"stop": True}),
            rule("c", {"all": [HURT, leaf("case.severity", "present")]}),
        ),
        "warning unreachable",
        "c",
        "/rules/2",
    ),
    (
        "the rule that has to be the last, behind rules that leave nothing over",
        book(routing("a", leaf("source", "is", "zendesk")), routing("b", leaf("source", "is", "talkdesk"))),
        "info unreachable",
        "rest",
        "/rules/2",
    ),
    (
        "two agents",
        book(rule("a", HURT, {"assign": 7}), rule("b", LATE, {"assign": 8})),
        "info overruled",
        "b",
        "/rules/1",
    ),
    (
        "two severities in one rule",
        book(rule("a", HURT, {"set_severity": 2}, {"set_severity": 1})),
        "warning overruled",
        "a",
        "/rules/0/then/1",
    ),
    (
        "a tag put on and taken off by one rule",
        book(rule("a", HURT, {"add_tags": ["t"]}, {"remove_tags": ["t"]})),
        "warning tag_conflict",
        "a",
        "/rules/0/then/1",
    ),
    (
        "a custom field that the upper rule brings to what the lower one asks for",
        book(
            rule("a", leaf("ticket.custom.5", "is", "z"), {"set_custom_field": {"id": 5, "value": "a"}}),
            rule("b", leaf("ticket.custom.5", "is", "a"), {"set_custom_field": {"id": 5, "value": "b"}}),
        ),
        "info overruled",
        "b",
        "/rules/1",
    ),
    (
        "a milder severity first",
        book(rule("a", HURT, {"set_severity": 3}), rule("b", LATE, {"set_severity": 1})),
        "warning overruled",
        "b",
        "/rules/1",
    ),
    (
        "the worse severity first",
        book(rule("a", HURT, {"set_severity": 1}), rule("b", LATE, {"set_severity": 3})),
        "info overruled",
        "b",
        "/rules/1",
    ),
    (
        "a priority that routing sets after escalation",
        book(rule("a", HURT, {"set_priority": "low"}), {**routing("b", LATE), "then": [{"route": "one"}, {"set_priority": "high"}]}),
        "warning overruled",
        "b",
        "/rules/1",
    ),
    (
        "a tag that one wants and the other not",
        book(rule("a", HURT, {"add_tags": ["t"]}), rule("b", LATE, {"remove_tags": ["t"]})),
        "warning tag_conflict",
        "b",
        "/rules/1",
    ),
    (
        "tags that chase each other",
        book(
            rule("a", leaf("tags", "includes", "x"), {"remove_tags": ["x"]}, {"add_tags": ["y"]}),
            rule("b", leaf("tags", "includes", "y"), {"remove_tags": ["y"]}, {"add_tags": ["x"]}),
        ),
        "warning tag_cycle",
        "a",
        "/rules/0",
    ),
    (
        "a policy that is over for good in a state that comes and goes",
        book(RAISES, **policy(stops_when={"any": [ACKNOWLEDGED, leaf("ticket.status", "in", ["pending", "solved"])]})),
        "warning stops_for_good",
        None,
        "/policies/p/stops_when/any/1/value",
    ),
    (
        "a rest that an acknowledgement ends before it begins",
        book(RAISES, **policy(acknowledged_for="30m")),
        "warning never_rests",
        None,
        "/policies/p/acknowledged_for",
    ),
    (
        "a pause that never comes",
        book(
            RAISES,
            **policy(
                pauses_when={"any": [ACKNOWLEDGED, {"all": [leaf("case.severity", "at_most", 1), leaf("case.severity", "at_least", 3)]}]}
            ),
        ),
        "warning never_true",
        None,
        "/policies/p/pauses_when/any/1",
    ),
    ("a policy that nobody arms", book(rule("a", HURT), **policy()), "warning policy_never_runs", None, "/policies/p"),
    (
        "a policy that is stopped as it is armed",
        book(RAISES, **policy(stops_when=leaf("text.requester", "contains_any", ["hurt", "bitten", "dead"]))),
        "warning policy_never_runs",
        None,
        "/policies/p/stops_when",
    ),
    (
        "a policy that only a rule behind a stop arms",
        book(rule("stops", HURT, {"notify": "x"}, {"stop": True}), rule("raises", {"all": [HURT, LATE]}, {"escalate": "p"}), **policy()),
        "warning policy_never_runs",
        None,
        "/policies/p",
    ),
    (
        "a policy that stops on what the rule that arms it sets",
        book(rule("raises", HURT, {"set_severity": 1}, {"escalate": "p"}), **policy(stops_when=leaf("case.severity", "at_most", 2))),
        "warning policy_never_runs",
        None,
        "/policies/p/stops_when",
    ),
    (
        "a policy that stops on the tag that the rule that arms it adds",
        book(rule("raises", HURT, {"add_tags": ["t"]}, {"escalate": "p"}), **policy(stops_when=leaf("tags", "includes", "t"))),
        "warning policy_never_runs",
        None,
        "/policies/p/stops_when",
    ),
    (
        "a step that the step above it keeps from running",
        book(RAISES, **policy(stops_when={"any": [ACKNOWLEDGED, leaf("case.escalation_level", "at_least", 1)]})),
        "warning step_never_due",
        None,
        "/policies/p/steps/1",
    ),
    (
        "a stop of a policy with a dead part",
        book(RAISES, **policy(stops_when={"any": [ACKNOWLEDGED, leaf("time.hour", "at_least", 24)]})),
        "warning never_true",
        None,
        "/policies/p/stops_when/any/1",
    ),
    (
        "a stop of a policy with an idle part",
        book(RAISES, **policy(stops_when={"all": [ACKNOWLEDGED, leaf("time.hour", "less_than", 24)]})),
        "warning always_true",
        None,
        "/policies/p/stops_when/all/1",
    ),
    (
        "a stop of a policy with a word that the field never has",
        book(RAISES, **policy(stops_when={"any": [ACKNOWLEDGED, leaf("ticket.status", "is", "solvd")]})),
        "warning unknown_value",
        None,
        "/policies/p/stops_when/any/1/value",
    ),
    (
        "a policy that nothing stops",
        book(RAISES, policies={"p": {"steps": STEPS}}),
        "warning policy_never_stops",
        None,
        "/policies/p",
    ),
    (
        "a policy whose stop can never come",
        book(RAISES, **policy(stops_when={"all": [ACKNOWLEDGED, leaf("case.acknowledged", "not_present")]})),
        "warning policy_never_stops",
        None,
        "/policies/p/stops_when",
    ),
    (
        "a step without an open hour",
        book(
            RAISES,
            calendars={"shut": {"hours": {"mon": "09:00-09:05"}}},
            **policy(steps=[STEPS[0], {"after": "9h", "in": "shut", "actions": [{"notify": "z"}]}]),
        ),
        "warning step_never_due",
        None,
        "/policies/p/steps/1",
    ),
    (
        "a country whose holidays nobody knows",
        book(calendars={"office": {"hours": {"mon-fri": "09:00-17:00"}, "holidays": {"country": "UA"}}}),
        "warning no_holidays",
        None,
        "/calendars/office/holidays/country",
    ),
    (
        "a holiday taken away that is none",
        book(calendars={"office": {"hours": {"mon-fri": "09:00-17:00"}, "holidays": {"country": "US", "without": ["Colombus Day"]}}}),
        "warning unknown_holiday",
        None,
        "/calendars/office/holidays/without",
    ),
    (
        "an entry that another one holds",
        book(rule("a", leaf("text.requester", "contains_any", {"list": "w"})), lists={"w": ["vet", "dog", "Emergency Vet", "DOG"]}),
        "info shadowed_entry",
        None,
        "/lists/w/2",
    ),
    (
        "an entry twice, in a list written at the condition",
        book(rule("a", leaf("requester.domain", "in", ["a.example", "b.example", "A.example"]))),
        "info shadowed_entry",
        None,
        "/rules/0/when/value/2",
    ),
]
WITHOUT_EVENT = {
    "no_holidays",
    "unknown_holiday",
    "never_rests",
    "stops_for_good",
    "age_unheard",
    "anybodys_words",
    "never_matches",
    "never_true",
    "unknown_value",
    "test_fails",
}
"""What no event can show."""


@pytest.mark.parametrize(("document", "what", "key", "path"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_weakness_is_told_with_an_event_that_shows_it(document: Any, what: str, key: str | None, path: str) -> None:
    found = {(f"{one.severity} {one.code}", one.rule, one.path): one for one in check(document, ZONE)}
    assert (what, key, path) in found, found
    finding = found[what, key, path]
    code = what.split()[1]
    unarmed = "nobody arms" if finding.witness is None and code == "policy_never_runs" else ""
    if code in WITHOUT_EVENT or unarmed or (code == "always_true" and key is None):
        assert finding.witness is None
    else:
        assert finding.witness["given"]
        assert confirmed(document, finding, ZONE)


def test_every_kind_of_finding_has_a_row() -> None:
    assert {row[2].split()[1] for row in ROWS} == set(CODES)


def test_who_wins_is_named_and_shown() -> None:
    (finding,) = check(book(rule("a", HURT, {"set_category": "x"}), rule("b", LATE, {"set_category": "y"})), ZONE)
    assert "a above" in finding.message
    given = finding.witness["given"]
    assert given["call.wait_seconds"] >= 60
    assert "bitten" in given["text.requester"] or "hurt" in given["text.requester"]


def test_a_rule_that_sees_what_the_upper_one_has_set_is_not_overruled() -> None:
    lower = {"all": [LATE, {"any": [leaf("case.severity", "not_present"), leaf("case.severity", "at_least", 3)]}]}
    document = book(rule("a", HURT, {"set_severity": 1}), rule("b", lower, {"set_severity": 3}))
    assert check(document, ZONE) == ()


def test_rules_that_together_eat_another_one_are_all_named_and_no_other() -> None:
    document = book(
        routing("bystander", leaf("subject", "contains", "hello")),
        routing("low", leaf("case.severity", "at_most", 2)),
        routing("high", leaf("case.severity", "at_least", 3)),
        routing("none", leaf("case.severity", "not_present")),
        routing("eaten", HURT, "two"),
    )
    found = next(one for one in check(document, ZONE) if one.rule == "eaten")
    assert "low, high, none" in found.message
    assert "bystander" not in found.message


def test_a_zendesk_trigger_that_takes_off_what_we_put_on_is_a_cycle() -> None:
    document = book(rule("a", HURT, {"add_tags": ["ts_hurt"]}))
    trigger = {
        "title": "Tidy",
        "active": True,
        "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "ts_hurt"}], "any": []},
        "actions": [{"field": "remove_tags", "value": "ts_hurt"}],
    }
    assert check(document, ZONE) == ()
    (found,) = check(document, ZONE, triggers={"triggers": [trigger]})
    assert (found.code, found.rule) == ("tag_cycle", "a")
    assert "trigger" in found.message
    quiet = {**trigger, "actions": [{"field": "current_tags", "value": "seen"}]}
    assert check(document, ZONE, triggers={"triggers": [quiet]}) == ()
    with pytest.raises(ValueError, match="triggers"):
        check(document, ZONE, triggers={"tickets": []})


@pytest.mark.parametrize(
    ("zone", "holidays", "when", "never"),
    [
        ("America/Los_Angeles", {}, [leaf("time.now", "within_hours", "office"), leaf("time.hour", "less_than", 9)], True),
        (
            "America/Los_Angeles",
            {},
            [leaf("time.now", "outside_hours", "office"), leaf("time.hour", "is", 10), leaf("time.weekday", "is", "tue")],
            True,
        ),
        # on a holiday that is a Tuesday, and there will be one
        (
            "America/Los_Angeles",
            {"dates": ["2026-01-01"]},
            [leaf("time.now", "outside_hours", "office"), leaf("time.hour", "is", 10), leaf("time.weekday", "is", "tue")],
            False,
        ),
        ("America/Los_Angeles", {"dates": ["2026-01-01"]}, [leaf("time.holiday", "is", True), leaf("time.weekday", "is", "sat")], False),
        # Berlin opens at midnight of the team, but for the weeks in which only one of them has changed its clocks
        ("Europe/Berlin", {}, [leaf("time.now", "within_hours", "office"), leaf("time.hour", "is", 1)], False),
        ("Europe/Berlin", {}, [leaf("time.now", "within_hours", "office"), leaf("time.hour", "is", 11)], True),
    ],
)
def test_the_clock_and_the_calendars_are_known_to_belong_together(zone: str, holidays: Any, when: list[Any], never: bool) -> None:
    office = {"timezone": zone, "hours": {"mon-fri": "09:00-17:00"}, "holidays": holidays}
    found = check(book(rule("a", {"all": when}), calendars={"office": office}), ZONE)
    assert [one.code for one in found] == (["never_matches"] if never else [])


def test_asked_about_one_rule_the_check_tells_what_concerns_it() -> None:
    document = book(
        rule("never", {"all": [LATE, leaf("call.wait_seconds", "less_than", 60)]}),
        rule("a", HURT, {"set_severity": 3}),
        rule("b", LATE, {"set_severity": 1}),
        routing("wide", LATE),
        routing("eaten", leaf("call.wait_seconds", "greater_than", 90), "two"),
    )
    whole = check(document, ZONE)

    def told(about: str) -> set[tuple[str, str | None]]:
        found = check(document, ZONE, about=about)
        assert set(found) <= set(whole)
        return {(one.code, one.rule) for one in found}

    assert told("never") == {("never_matches", "never")}
    assert told("a") == told("b") == {("overruled", "b")}
    assert told("wide") == told("eaten") == {("unreachable", "eaten")}
    assert told("rest") == set()


def test_the_same_book_has_the_same_findings_in_the_same_order() -> None:
    document = book(*(row[1]["rules"][0] for row in ROWS if row[2].endswith(("never_matches", "always_true"))))
    document["rules"] = [{**one, "key": one["key"] if one["key"] == "rest" else f"k{n}"} for n, one in enumerate(document["rules"])]
    assert check(document, ZONE) == check(document, ZONE)


def test_planted_defects_are_found_and_healthy_books_are_left_alone() -> None:
    trouble: list[Any] = []
    whole, kinds = run(3, seed=20261123, missed=lambda what, found: trouble.append((what, found)))
    assert not trouble
    assert whole.found == whole.planted == 3 * len(PLANTS)
    assert (whole.alarmed, whole.witnesses) == (0, whole.confirmed)
    assert all(tally.planted for tally in kinds.values())


# -- laws ----------------------------------------------------------------------------------------------------------------

WORDS = ("a", "b", "a b", "b c", "c")
LEAVES = st.one_of(
    st.tuples(st.just("text"), st.sampled_from(("contains", "not_contains", "starts_with", "is", "is_not")), st.sampled_from(WORDS)),
    st.tuples(
        st.just("text"),
        st.sampled_from(("contains_any", "contains_all", "in", "not_in")),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
    ),
    st.tuples(st.just("text"), st.just("matches"), st.sampled_from(("a", "^b", "a.*c", "[bc]$"))),
    st.tuples(st.just("tags"), st.sampled_from(("includes", "not_includes")), st.sampled_from(("x", "y"))),
    st.tuples(st.just("tags"), st.just("includes_all"), st.just(["x", "y"])),
    st.tuples(
        st.just("case.severity"), st.sampled_from(("less_than", "at_most", "greater_than", "at_least", "is", "is_not")), st.integers(0, 5)
    ),
    st.tuples(st.just("call.talk_seconds"), st.just("between"), st.sampled_from(([1, 2], [2, 3], [1.5, 1.5]))),
    st.tuples(st.just("channel"), st.sampled_from(("is", "is_not", "changed_to", "changed_from")), st.sampled_from(("email", "chat"))),
    st.tuples(
        st.sampled_from(("text", "tags", "channel", "case.severity")), st.sampled_from(("present", "not_present", "changed", "not_changed"))
    ),
    st.tuples(st.just("time.hour"), st.sampled_from(("at_most", "at_least")), st.sampled_from((0, 9, 23))),
    st.tuples(st.just("time.now"), st.sampled_from(("within_hours", "outside_hours")), st.just("office")),
).map(lambda parts: leaf(*parts))
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(st.sampled_from(("all", "any", "none")), st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=2),
    max_leaves=8,
)
OFFICE = {"calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}}}}


def anything(dice: random.Random) -> Facts:
    """Facts of a tiny world, a quarter of them missing."""
    ways: dict[str, list[Any]] = {
        "text": ["a", "b", "a b", "b a", "c b a", "b c", "A B C", "ab", "abc c"],
        "tags": [("x",), ("y",), ("x", "y"), ("z",)],
        "case.severity": [1, 2, 3, 4],
        "call.talk_seconds": [0, 1, 1.5, 2, 2.5, 3, 4],
        "channel": ["email", "chat", "voice"],
    }

    def some() -> dict[str, Any]:
        return {name: dice.choice(values) for name, values in ways.items() if dice.random() < 0.75}

    at = WORKDAY.replace(hour=dice.randrange(24), day=dice.randint(1, 28))
    return Facts({**some(), "source": "zendesk", "event": "ticket.updated"}, some(), at, ZONE, read(book(**OFFICE)).calendars, None)


@examples(15, 60)
@given(st.lists(CONDITIONS, min_size=1, max_size=3), st.integers(0, 99))
def test_no_event_whatever_contradicts_what_the_check_claims(conditions: list[Any], seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    document = book(*(routing(f"r{n}", condition) for n, condition in enumerate(conditions)), **OFFICE)
    claims = {(one.code, one.rule): one for one in check(document, ZONE)}
    rules = read(document).routing
    for facts in (anything(dice) for _ in range(150)):
        winner = next(one for one in rules if holds(one.when, facts))
        assert ("unreachable", winner.key) not in claims
        for one in rules:
            if ("never_matches", one.key) in claims:
                assert not holds(one.when, facts)
            whole = claims.get(("always_true", one.key))
            if whole is not None and whole.path == f"{one.path}/when":
                assert holds(one.when, facts)


def test_findings_are_ordered_by_how_grave_they_are_and_where_they_stand() -> None:
    document = book(
        rule("z", leaf("ticket.status", "is", "opne"), {"set_severity": 1}),
        rule("b", HURT, {"set_category": "x"}),
        rule("c", LATE, {"set_category": "y"}),
    )
    found: tuple[Finding, ...] = check(document, ZONE)
    assert [one.severity for one in found] == ["warning", "warning", "info"]
    assert [one.path.split("/")[2] for one in found] == ["0", "0", "2"]


@pytest.mark.parametrize(
    ("when", "code"),
    [
        (leaf("ticket.custom.5", "less_than", -2), None),
        (leaf("ticket.custom.5", "between", [9007199254740993, 9007199254740993]), None),
        ({"all": [leaf("ticket.custom.5", "is", 3), leaf("ticket.custom.5", "at_least", 5)]}, "never_matches"),
        ({"all": [leaf("ticket.custom.5", "is", "gold"), leaf("ticket.custom.5", "at_least", 5)]}, "never_matches"),
        ({"all": [leaf("ticket.custom.5", "is", "5"), leaf("ticket.custom.5", "less_than", 6)]}, None),
        ({"all": [leaf("ticket.custom.5", "is", 5)], "none": [leaf("ticket.custom.5", "less_than", 6)]}, None),  # a set of one word
        ({"all": [leaf("ticket.custom.5", "is", "a,b"), leaf("ticket.custom.5", "includes_all", ["a", "b"])]}, None),
        ({"all": [leaf("ticket.custom.5", "includes", "a"), leaf("ticket.custom.5", "not_present")]}, "never_matches"),
        ({"all": [leaf("ticket.custom.5", "contains", "a"), leaf("ticket.custom.5", "not_present")]}, "never_matches"),
        ({"all": [leaf("ticket.custom.5", "includes_all", ["a", "b"]), leaf("ticket.custom.5", "not_includes", "B")]}, "never_matches"),
        ({"all": [leaf("call.disposition", "changed_from", "a"), leaf("call.disposition", "changed_to", "a")]}, None),  # from A to a
        ({"all": [leaf("ticket.status", "changed_from", "open"), leaf("ticket.status", "changed_to", "open")]}, "never_matches"),
    ],
)
def test_of_values_that_may_be_several_things_only_what_is_certain_is_told(when: Any, code: str | None) -> None:
    assert [one.code for one in check(book(rule("a", when)), ZONE)] == ([] if code is None else [code])


EMAIL, ASKED = leaf("channel", "is", "email"), leaf("case.reopened", "is", True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (leaf("text.requester", "contains", "Caf\u00e9"), leaf("text.requester", "contains_any", ["cafe"])),
        (EMAIL, leaf("channel", "in", ["EMAIL"])),
        ({"all": [EMAIL, HURT, ASKED]}, {"all": [EMAIL, {"all": [ASKED, HURT, EMAIL]}]}),
        ({"all": [HURT], "none": [EMAIL]}, {"all": [leaf("channel", "is_not", "EMAIL"), HURT]}),
        ({"any": [leaf("channel", "is", "chat"), EMAIL]}, leaf("channel", "in", ["email", "chat"])),
        (leaf("case.severity", "at_most", 2), leaf("case.severity", "less_than", 3)),
        (leaf("case.severity", "at_most", 2), leaf("case.severity", "in", [1, 2])),
        (leaf("call.wait_seconds", "between", [5, 9]), {"all": [{**LATE, "value": 5}, leaf("call.wait_seconds", "at_most", 9.0)]}),
        ({"all": [EMAIL, {"any": [HURT, ASKED]}]}, {"any": [{"all": [EMAIL, HURT]}, {"all": [EMAIL, ASKED]}]}),
        (EMAIL, {"any": [EMAIL, {"all": [EMAIL, HURT]}]}),
        (leaf("ticket.group_id", "is", 5), leaf("ticket.group_id", "is", "5")),
        (leaf("time.now", "outside_hours", "office"), {"none": [leaf("time.now", "within_hours", "office")]}),
    ],
)
def test_the_same_condition_is_known_however_it_is_written(one: Any, other: Any) -> None:
    document = book(rule("a", one, {"notify": "x"}), rule("b", other, {"notify": "x"}), **OFFICE)
    assert [(found.code, found.rule) for found in check(document, ZONE)] == [("duplicate_rule", "b")]
    document = book(rule("a", one, {"notify": "x"}), rule("b", other, {"notify": "y"}), **OFFICE)
    assert not check(document, ZONE)


def test_the_same_actions_are_known_however_they_are_ordered_and_grouped() -> None:
    one = [{"add_tags": ["b", "a"]}, {"notify": "x"}]
    other = [{"notify": "x"}, {"add_tags": ["a"]}, {"add_tags": "b"}]
    (found,) = check(book(rule("a", HURT, *one), rule("b", HURT, *other)), ZONE)
    assert (found.code, found.rule) == ("duplicate_rule", "b")
    assert not check(book(rule("a", HURT, {"add_tags": ["a"]}), rule("b", HURT, {"add_tags": ["b"]})), ZONE)


def test_events_in_the_condition_and_events_of_the_rule_are_the_same() -> None:
    asked = {"all": [HURT, leaf("event", "is", "call.ended")]}
    document = book(rule("a", HURT, {"notify": "x"}, on=["call.ended"]), rule("b", asked, {"notify": "x"}))
    assert [(found.code, found.rule) for found in check(document, ZONE)] == [("duplicate_rule", "b")]


def test_what_rules_set_between_two_stops_is_not_taken_for_the_same() -> None:
    document = book(
        rule("a", leaf("case.severity", "at_most", 2), {"notify": "x"}, {"stop": True}),
        rule("sets", HURT, {"set_severity": 1}),
        rule("b", leaf("case.severity", "at_least", 3), {"notify": "x"}, {"stop": True}),
        rule("c", {"all": [leaf("case.severity", "present"), LATE]}),
    )
    assert "unreachable" not in {found.code for found in check(document, ZONE)}


def test_a_policy_that_may_go_on_is_left_alone() -> None:
    severe = leaf("case.severity", "at_most", 2)
    milder = rule("milder", LATE, {"set_severity": 4})
    raises = rule("raises", HURT, {"set_severity": 1}, {"escalate": "p"})
    assert {found.code for found in check(book(milder, raises, **policy(stops_when=severe)), ZONE)} == {"overruled"}
    takes_off = rule("takes-off", LATE, {"remove_tags": ["t"]})
    raises = rule("raises", HURT, {"add_tags": ["t"]}, {"escalate": "p"})
    assert {found.code for found in check(book(takes_off, raises, **policy(stops_when=leaf("tags", "includes", "t"))), ZONE)} == {
        "tag_conflict"
    }
    assert not check(book(RAISES, **policy(stops_when=leaf("case.escalation_level", "at_least", 2))), ZONE)


@pytest.mark.parametrize(
    ("entries", "uses", "needless"),
    [
        (["vet", "emergency vet", "VET"], [("text", "contains_any")], {1, 2}),
        (["vet", "emergency vet", "VET"], [("text", "contains_all")], {0, 2}),
        (["vet", "emergency vet", "VET"], [("text", "contains_any"), ("text", "contains_all")], {2}),
        (["vet", "emergency vet", "VET", "v\u00e9t"], [("text", "contains_any"), ("call.disposition", "in")], {2}),
        (["a.example", "A.example"], [("requester.domain", "not_in")], {1}),
        (["vip", "gold", "VIP"], [("tags", "includes_all")], {2}),
        ([1, 2, 1.0], [("case.severity", "in")], {2}),
        (["vet", "emergency vet", "VET"], [], {2}),
    ],
)
def test_an_entry_is_needless_only_for_all_who_use_the_list(entries: Any, uses: list[Any], needless: set[int]) -> None:
    rules = [rule(f"r{n}", leaf(field, operator, {"list": "w"})) for n, (field, operator) in enumerate(uses)]
    found = [one for one in check(book(*rules, lists={"w": entries}), ZONE) if one.code == "shadowed_entry"]
    assert {int(one.path.removeprefix("/lists/w/")) for one in found} == needless
    assert all((one.witness is not None) is bool(uses) for one in found)


def test_a_list_that_only_a_policy_uses_is_looked_at_too() -> None:
    stops = leaf("text.requester", "contains_any", {"list": "w"})
    found = check(book(RAISES, lists={"w": ["thanks", "many thanks"]}, **policy(stops_when=stops)), ZONE)
    assert [(one.code, one.path) for one in found] == [("shadowed_entry", "/lists/w/1")]


def test_a_written_out_list_is_not_taken_for_a_named_one_of_the_same_words() -> None:
    words = ["vet", "emergency vet"]
    document = book(
        rule("a", leaf("text.requester", "contains_any", words)), rule("b", leaf("subject", "in", {"list": "w"})), lists={"w": words}
    )
    assert [(one.code, one.path) for one in check(document, ZONE)] == [("shadowed_entry", "/rules/0/when/value/1")]


def takes_off(tag: str, *conditions: Any) -> dict[str, Any]:
    """A Zendesk trigger that takes a tag off."""
    has = {"field": "current_tags", "operator": "includes", "value": tag}
    removes = [{"field": "remove_tags", "value": tag}]
    return {"triggers": [{"title": "Tidy", "active": True, "conditions": {"all": [has, *conditions], "any": []}, "actions": removes}]}


HAS, LACKS = leaf("tags", "includes", "q"), leaf("tags", "not_includes", "q")


@pytest.mark.parametrize(
    "rules",
    [
        [rule("a", HAS, {"remove_tags": ["q"]}), rule("b", LACKS, {"add_tags": ["q"]})],
        [rule("a", {"all": [HAS, HURT]}, {"remove_tags": ["q"]}), rule("b", {"all": [LACKS, LATE]}, {"add_tags": ["q"]})],
        [
            rule("a", {"all": [HAS, HURT]}, {"remove_tags": ["q"]}, {"add_tags": ["r"]}),
            rule("b", {"all": [leaf("tags", "includes", "r"), LATE]}, {"remove_tags": ["r"]}, {"add_tags": ["s"]}),
            rule("c", {"all": [leaf("tags", "includes", "s"), EMAIL]}, {"remove_tags": ["s"]}, {"add_tags": ["q"]}),
        ],
        [
            rule("a", {"all": [HAS, HURT]}, {"remove_tags": ["q"]}),
            rule("b", {"all": [LACKS, EMAIL]}, {"route": "one"}, {"add_tags": ["q"]}),
        ],
    ],
)
def test_rules_that_undo_each_other_are_found_though_each_asks_for_more_than_tags(rules: Any) -> None:
    found = [one for one in check(book(*rules), ZONE) if one.code == "tag_cycle"]
    assert [one.rule for one in found] == ["a"]
    assert judged_tags(book(*rules), found[0])


def judged_tags(document: Any, finding: Finding) -> set[str]:
    """The tags that move on the witness."""
    world = World.read(finding.witness["given"], finding.witness["at"])
    judgement = world.judged(Judge(read(document), ZONE))
    had = set(world.given.get("tags") or ())
    return (set(judgement.tags_added) - had) | (set(judgement.tags_removed) & had)


def test_a_step_that_takes_off_what_a_rule_puts_on_is_part_of_a_cycle() -> None:
    steps = [{"after": "0m", "actions": [{"remove_tags": ["q"]}]}]
    document = book(rule("a", HAS, {"escalate": "p"}), rule("b", LACKS, {"add_tags": ["q"]}), **policy(steps=steps))
    assert [one.code for one in check(document, ZONE)] == ["tag_cycle"]


@pytest.mark.parametrize(
    "conditions",
    [
        [{"field": "status", "operator": "is", "value": "open"}],
        [{"field": "status", "operator": "less_than", "value": "solved"}, {"field": "update_type", "operator": "is", "value": "Change"}],
        [{"field": "via_id", "operator": "is", "value": "4"}],
        [{"field": "custom_fields_77", "operator": "is", "value": "gold"}],
    ],
)
def test_what_else_a_trigger_asks_for_does_not_hide_the_cycle(conditions: Any) -> None:
    document = book(rule("a", HURT, {"add_tags": ["q"]}))
    (found,) = check(document, ZONE, triggers=takes_off("q", *conditions))
    assert (found.code, found.rule) == ("tag_cycle", "a")


@pytest.mark.parametrize(
    ("field", "operator", "value", "answers"),
    [
        ("role", "is", "agent", True),
        ("role", "is", "end-user", False),
        ("current_via_id", "is", "5", True),
        ("current_via_id", "is_not", "5", False),
    ],
)
def test_our_write_is_an_agents_by_the_api_when_a_trigger_asks_who_acted(field: str, operator: str, value: str, answers: bool) -> None:
    document = book(rule("a", HURT, {"add_tags": ["q"]}))
    triggers = takes_off("q", {"field": field, "operator": operator, "value": value})
    assert [one.code for one in check(document, ZONE, triggers=triggers)] == ["tag_cycle"] * answers


def test_a_trigger_that_replaces_all_tags_takes_ours_off() -> None:
    triggers = takes_off("q")
    triggers["triggers"][0]["actions"] = [{"field": "set_tags", "value": "clean"}]
    document = book(rule("a", HURT, {"add_tags": ["q"]}), queues={"one": None, "two": {}})
    assert [one.code for one in check(document, ZONE, triggers=triggers)] == ["tag_cycle"]
    triggers["triggers"][0]["actions"] = [{"field": "set_tags", "value": "clean q"}]
    assert not check(document, ZONE, triggers=triggers)


@pytest.mark.parametrize(
    "adds",
    [
        rule("a", leaf("text.new", "contains", "hurt"), {"add_tags": ["q"]}),
        rule("a", leaf("ticket.status", "changed_to", "open"), {"add_tags": ["q"]}),
        rule("a", HURT, {"add_tags": ["q"]}, on=["ticket.created", "ticket.commented"]),
    ],
)
def test_what_happens_once_is_no_cycle(adds: Any) -> None:
    assert not check(book(adds), ZONE, triggers=takes_off("q"))


@pytest.mark.parametrize(
    "above",
    [
        [rule("first", LATE, {"set_severity": 4}), rule("sets", {}, {"set_severity": 2})],
        [rule("halts", LATE, {"notify": "x"}, {"stop": True}), rule("sets", {}, {"set_severity": 2})],
        [rule("sets", {}, {"set_severity": 2}, on=["ticket"])],
        [rule("opens", LATE, {"set_category": "b"}), rule("sets", leaf("case.category", "is_not", "b"), {"set_severity": 2})],
    ],
)
def test_what_escalation_rules_may_leave_open_a_routing_rule_may_ask_for(above: Any) -> None:
    found = check(book(*above, routing("a", leaf("case.severity", "at_least", 3))), ZONE)
    assert "never_matches" not in {one.code for one in found}


@pytest.mark.parametrize(("day", "told"), [("2020-12-24", True), ("2026-03-08", True), ("0001-01-01", False), ("9999-12-31", False)])
def test_a_holiday_that_is_over_shows_what_happens_on_holidays(day: str, told: bool) -> None:
    office = {"hours": {"mon-sun": "09:00-17:00"}, "holidays": {"dates": [day]}}
    holiday = leaf("time.holiday", "is", True)
    document = book(routing("a", holiday), routing("b", {"all": [holiday, HURT]}, "two"), calendars={"office": office})
    found = check(document, ZONE)
    assert [(one.code, one.rule, one.witness is not None) for one in found] == ([("unreachable", "b", True)] if told else [])


@pytest.mark.parametrize("at", ["9999-12-31T20:00:00Z", "0001-01-01T03:00:00Z"])
def test_a_test_at_the_end_of_time_fails_and_says_so(at: str) -> None:
    tests = [{"name": "t", "at": at, "given": {"text": "hurt"}, "expect": {"queue": "two"}}]
    document = book(rule("a", leaf("time.hour", "at_least", 3)), tests=tests)
    assert [(one.code, one.path) for one in check(document, ZONE)] == [("test_fails", "/tests/0/at")]
    assert [result.ok for result in run_tests(read(document), ZONE)] == [False]


def test_of_a_checkbox_nothing_is_said_that_a_call_could_prove_wrong() -> None:
    ticked, unticked = leaf("ticket.custom.77", "is", True), leaf("ticket.custom.77", "is", False)
    both, neither = rule("both", {"all": [ticked, unticked]}), rule("neither", {"none": [ticked, unticked]})
    found = check(book(both, neither, rule("missing", leaf("ticket.custom.77", "not_present"))), ZONE)
    assert [(one.code, one.rule) for one in found] == [("never_matches", "both")]
    judge = Judge(read(book(neither)), ZONE)
    assert [World({"source": source}).judged(judge).matched[0].key for source in ("zendesk", "talkdesk")] == ["rest", "neither"]


ANYBODYS = leaf("text", "contains", "bitten")


@pytest.mark.parametrize(
    ("when", "then", "on", "told"),
    [
        (ANYBODYS, {"set_severity": 1}, None, True),
        (ANYBODYS, {"notify": "oncall"}, ["ticket.commented"], True),
        ({"none": [leaf("text.new", "matches", "dog")]}, {"set_severity": 1}, None, True),
        (ANYBODYS, {"add_tags": ["ts_word"]}, None, False),
        (ANYBODYS, {"set_severity": 1}, ["call"], False),
        (leaf("text", "present"), {"set_severity": 4}, None, False),
        ({"all": [leaf("text.new", "contains", "bitten"), leaf("comment.by", "is", "requester")]}, {"set_severity": 1}, None, False),
        (HURT, {"set_severity": 1}, None, False),
    ],
)
def test_a_rule_that_raises_an_alarm_over_anybodys_words_gets_a_hint(when: Any, then: Any, on: Any, told: bool) -> None:
    found = check(book(rule("a", when, then, **({} if on is None else {"on": on}))), ZONE)
    assert [(one.severity, one.code, one.rule) for one in found] == [("info", "anybodys_words", "a")] * told


@pytest.mark.parametrize("name", ["\u00b2", "\u0663", "9" * 5_000])
def test_a_name_in_digits_of_any_kind_is_a_name(name: str) -> None:
    found = check(book(rule("a", LATE), lists={name: ["x"], "b": 1}, **policy(steps=[{name: 1}])), ZONE)
    assert any(finding.severity == "error" for finding in found)

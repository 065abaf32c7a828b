"""When time alone changes something: found exactly, neither too early nor too late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from tests.core.rules import random_books
from tests.core.rules.agreement import ZONE
from tests.rulebook import books
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.core.rules.working import FIELD_OF
from tsbridge.rulebook.worlds import WORKDAY

STEP = timedelta(minutes=10)


def clocked(rng: Random) -> dict[str, Any]:
    """A condition on the time beside another."""
    on_time = rng.choice(
        [
            {"field": "time.now", "operator": rng.choice(["within_hours", "outside_hours"]), "value": rng.choice(["office", "nights"])},
            {"field": "time.hour", "operator": "at_least", "value": rng.choice([0, 9, 17])},
            {"field": "time.weekday", "operator": "is", "value": rng.choice(["mon", "sun"])},
            {"field": "time.holiday", "operator": "is", "value": True},
            {"field": "case.age_minutes", "operator": rng.choice(["at_least", "less_than"]), "value": rng.choice([10, 60, 600])},
        ]
    )
    return {rng.choice(["all", "any", "none"]): [on_time, random_books.leaf(rng)]}


def left(judgement: Judgement, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the rules of a judgement have set, by the fields that a later moment finds it in."""
    singles = {field: getattr(judgement, name) for name, field in FIELD_OF.items()}
    singles |= {f"ticket.custom.{name}": value for name, value in judgement.custom_fields}
    tags = ({*(given.get("tags") or ())} | {*judgement.tags_added}) - {*judgement.tags_removed}
    return {"tags": tuple(sorted(tags)), **{name: value for name, value in singles.items() if value is not None}}


@pytest.mark.parametrize("seed", range(12))
def test_until_the_due_time_the_same_rules_match_and_at_the_due_time_others_do(seed: int) -> None:
    rng = Random(seed)  # noqa: S311
    document = random_books.document(rng, 6)
    del document["policies"]
    for rule in document["rules"][:-1]:
        rule["when"] = clocked(rng)
        if rng.random() < 0.8:
            rule["on"] = ["ticket", "call", "clock"]
        rule["then"] = [action for action in rule["then"] if "escalate" not in action] or [{"add_tags": ["ts_e"]}]
    judge = Judge(read(document), ZONE)
    for _ in range(3):
        given, at = random_books.facts(rng), random_books.instant(rng)
        given.pop("case.age_minutes", None)
        standing = Standing(at - timedelta(minutes=rng.choice([0, 5, 55])))
        judgement = judge.decide(given, given, standing, at)
        due = judgement.next_due
        still = {name: value for name, value in given.items() if name not in ("text.new", "changed")} | {"event": "clock"}
        still |= left(judgement, given)

        def matching(when: datetime) -> list[str]:
            return [match.key for match in judge.decide(still, still, standing, when).matched]  # noqa: B023  # called in this turn only

        stands, when = matching(at), at
        last = at + timedelta(days=1)
        if due is not None:
            last = min(last, due - timedelta(microseconds=1))
            assert matching(due) != stands
        while when < last:
            assert matching(when) == stands
            when += STEP
        assert matching(last) == stands


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rules", [6, 90])
def test_no_rule_that_waits_for_a_time_is_passed_over(seed: int, rules: int) -> None:
    rng = Random(seed)  # noqa: S311
    document = random_books.document(rng, rules)
    for rule in document["rules"][:-1]:
        if rng.random() < 0.8:
            rule["when"] = clocked(rng)
            rule["on"] = ["ticket", "call", "clock"]
    quick, patient = Judge(read(document), ZONE), Judge(read(document), ZONE)
    for plan in (patient._escalation, patient._routing):  # asks every rule that reads the clock
        plan.may_wait = lambda facts, plan=plan: plan.clocked  # type: ignore[method-assign, misc]
    for _ in range(10):
        given, previous, at = random_books.facts(rng), random_books.facts(rng), random_books.instant(rng)
        given.pop("case.age_minutes", None)
        standing = Standing(at - timedelta(minutes=rng.choice([0, 5, 55])))
        assert quick.decide(given, previous, standing, at) == patient.decide(given, previous, standing, at)


@pytest.mark.parametrize("operator", ["present", "not_present", "changed", "not_changed"])
def test_that_there_is_a_time_never_changes(operator: str) -> None:
    judge = Judge(read(books.book(books.rule("a", books.leaf("time.now", operator), on=["ticket", "clock"]))), ZONE)
    judgement = judge.decide({}, {}, Standing(), WORKDAY)
    assert [match.key for match in judgement.matched] == (["a", "rest"] if operator in ("present", "not_changed") else ["rest"])
    assert judgement.next_due is None


@pytest.mark.parametrize(
    ("told", "opens"),
    [
        ("2026-01-07T18:00:00Z", True),
        ("2026-01-07T18:00:00", True),  # without a zone it is UTC, on any machine
        ("2026-01-07T18:00:00-12:00", False),
        ("0001-01-01T00:00:00+14:00", True),  # no calendar reaches there: the moment's own time counts
        ("9999-12-31T23:59:59Z", True),
        ("soon", True),
    ],
)
def test_a_time_that_is_told_counts_where_calendars_reach(told: str, opens: bool) -> None:
    office = {"office": {"timezone": "America/Los_Angeles", "hours": {"mon-fri": "09:00-17:00"}}}
    document = books.book(books.rule("a", books.leaf("time.now", "within_hours", "office")), calendars=office)
    judgement = Judge(read(document), ZONE).decide({"time.now": told}, {}, Standing(), WORKDAY)
    assert ("a" in [match.key for match in judgement.matched]) == opens


OFFICE = {"office": {"timezone": "America/Los_Angeles", "hours": {"mon-fri": "09:00-17:00"}}}
CLOSED = books.leaf("time.now", "outside_hours", "office")


def keys(judgement: Judgement) -> list[str]:
    return [match.key for match in judgement.matched]


def test_the_mere_passing_of_time_asks_only_rules_that_name_the_clock() -> None:
    document = books.book(books.rule("any", CLOSED), books.rule("timed", CLOSED, on=["ticket", "clock"]), calendars=OFFICE)
    judge = Judge(read(document), ZONE)
    came = judge.decide({"source": "zendesk", "event": "ticket.created"}, {}, Standing(), WORKDAY)
    assert (keys(came), came.next_due) == (["rest"], WORKDAY.replace(hour=1) + timedelta(days=1))
    evening = judge.decide({"source": "zendesk", "event": "clock"}, {}, Standing(), came.next_due or WORKDAY)
    assert (keys(evening), evening.queue) == (["timed"], None)
    alone = Judge(read(books.book(books.rule("any", CLOSED), calendars=OFFICE)), ZONE)
    assert alone.decide({"source": "zendesk", "event": "ticket.created"}, {}, Standing(), WORKDAY).next_due is None


def test_nobody_is_rerouted_by_time_alone_unless_a_rule_says_so() -> None:
    night = books.routing("night", CLOSED, on=["clock"])
    late = WORKDAY + timedelta(hours=12)
    for rules, queue in (((books.routing("closed", CLOSED),), None), ((night,), "one")):
        judge = Judge(read(books.book(*rules, calendars=OFFICE)), ZONE)
        assert judge.decide({"source": "zendesk", "event": "clock", "case.queue": "two"}, {}, Standing(), late).queue == queue


def test_a_rule_that_time_does_not_ask_goes_on_firing() -> None:
    judge = Judge(read(books.book(books.rule("open", books.leaf("ticket.status", "is", "open")))), ZONE)
    came = judge.decide({"source": "zendesk", "event": "clock", "ticket.status": "solved"}, {}, Standing(firing=("open",)), WORKDAY)
    assert (keys(came), came.firing) == ([], ("open",))


def test_a_rule_that_waits_for_a_time_waits_for_what_another_has_just_set() -> None:
    severe = books.rule("severe", {}, {"set_severity": 1})
    timed = books.rule("timed", {"all": [CLOSED, books.leaf("case.severity", "is", 1)]}, on=["clock"])
    judge = Judge(read(books.book(severe, timed, calendars=OFFICE)), ZONE)
    came = judge.decide({"source": "zendesk", "event": "ticket.created"}, {}, Standing(), WORKDAY)
    assert came.next_due == WORKDAY.replace(hour=1) + timedelta(days=1)


def test_what_people_do_at_the_desk_is_heard_by_rules_that_name_it() -> None:
    rules = books.rule("silent", {}), books.rule("desk", {}, on=["desk"]), books.rule("taken", {}, on=["case.acknowledged"])
    judge = Judge(read(books.book(*rules)), ZONE)
    assert keys(judge.decide({"source": "zendesk", "event": "case.acknowledged"}, {}, Standing(), WORKDAY)) == ["desk", "taken"]


@pytest.mark.parametrize(
    ("holidays", "when", "due"),
    [
        # closed for two weeks: open again behind them
        (["2026-01-07..2026-01-23"], [books.leaf("time.now", "within_hours", "office")], "2026-01-26T17:00Z"),
        # a holiday, a good month ahead
        (["2026-02-16"], [books.leaf("time.holiday", "is", True)], "2026-02-16T08:00Z"),
        (["2026-02-16"], [CLOSED, books.leaf("time.weekday", "is", "mon"), books.leaf("time.hour", "is", 12)], "2026-02-16T20:00Z"),
        # a Saturday that is worked
        (
            {"dates": {"2026-08-08": "09:00-17:00"}},
            [books.leaf("time.now", "within_hours", "office"), books.leaf("time.weekday", "is", "sat")],
            "2026-08-08T16:00Z",
        ),
        ({}, [books.leaf("time.now", "within_hours", "office"), books.leaf("time.weekday", "is", "sat")], None),
    ],
)
def test_a_rule_of_the_clock_is_asked_on_days_far_ahead_that_are_not_like_their_weekday(holidays: Any, when: Any, due: str | None) -> None:
    office = {"office": {**OFFICE["office"], "holidays": holidays}}
    judge = Judge(read(books.book(books.rule("a", {"all": when}, on=["clock"]), calendars=office)), ZONE)
    came = judge.decide({"source": "zendesk", "event": "ticket.created"}, {}, Standing(), WORKDAY)
    assert came.next_due == (None if due is None else datetime.fromisoformat(due))

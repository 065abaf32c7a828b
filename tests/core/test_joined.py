"""Several tickets and calls joined by name: what one of them is in the case for is not taken from it by what happens on another."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.core.test_story import AGENT, DOCUMENT, FAR, GROUPS, T0, call, desk, judged, tags, ticket
from tsbridge.core.casestate import CaseState
from tsbridge.core.casestate_json import from_json, to_json
from tsbridge.core.due import due_at
from tsbridge.core.moments import Change, Moment
from tsbridge.core.replay import compare
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.workload import pieces

UTC_ZONE = ZoneInfo("UTC")


def rule(key: str, when: Any, then: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": "escalation", "when": when, "then": then, **more}


def says(word: str) -> dict[str, Any]:
    return {"field": "text", "operator": "contains", "value": word}


def route(key: str, when: Any, to: str) -> dict[str, Any]:
    return {"key": key, "kind": "routing", "when": when, "then": [{"route": to}]}


BOOK: dict[str, Any] = {
    **DOCUMENT,
    "rules": [
        rule(
            "injury",
            says("bitten"),
            [
                {"set_severity": 1},
                {"set_category": "safety"},
                {"set_priority": "urgent"},
                {"set_custom_field": {"id": 77, "value": "injury"}},
                {"add_tags": ["ts_injury"]},
                {"escalate": "sev1"},
                {"note": "Somebody is hurt"},
                {"notify": "oncall"},
            ],
        ),
        rule(
            "billing",
            says("invoice"),
            [
                {"set_severity": 2},
                {"set_category": "billing"},
                {"set_priority": "normal"},
                {"set_custom_field": {"id": 77, "value": "billing"}},
            ],
        ),
        rule("question", says("hello"), [{"set_severity": 4}, {"set_category": "question"}, {"set_priority": "low"}]),
        rule(
            "evening",
            {"all": [{"field": "time.hour", "operator": "at_least", "value": 18}, says("bitten")]},
            [{"add_tags": ["ts_evening"]}],
            on=["clock"],
        ),
        route("to-safety", says("bitten"), "safety"),
        route("to-claims", says("invoice"), "claims"),
        route("default", {}, "intake"),
    ],
}
JUDGE = Judge(read(BOOK), UTC_ZONE)
HURT = ticket("created", 0, "my dog was bitten")
BILL = ticket("created", 1, "where is my invoice", id_="4800")
TOGETHER = {"zendesk:4800": "zendesk:4711"}
SEVERE = (1, "safety", "safety")
LATER_BILL = ticket("commented", 5, "the invoice, please", id_="4800")
LATER_HURT = ticket("commented", 6, "bitten, as I said")


def of(*story: Moment, joined: dict[str, str] = TOGETHER, until: Any = T0 + timedelta(minutes=30), judge: Judge = JUDGE) -> CaseState:
    return judged(*story, joined=joined, until=until, judge=judge)[0]


def stands(state: CaseState) -> tuple[int | None, str | None, str | None]:
    return state.severity, state.category, state.queue


@pytest.mark.parametrize("newest", [LATER_BILL, LATER_HURT, ticket("merged", 7, ticket__status="closed", by=AGENT)])
@pytest.mark.parametrize("first", ["4711", "4800"])
def test_joined_tickets_are_as_severe_as_the_worst_of_them_whichever_is_heard_last(newest: Moment, first: str) -> None:
    hurt, bill = (HURT, BILL) if first == "4711" else (replace(HURT, at=T0 + timedelta(minutes=2)), BILL)
    state = of(hurt, bill, newest)
    assert stands(state) == SEVERE
    for id_ in state.tickets():
        wish = state.wish(id_, GROUPS)
        assert (wish.priority and wish.priority.value, wish.group_id and wish.group_id.value) == ("urgent", GROUPS["safety"])
        assert [(name, one.value) for name, one in wish.custom_fields] == [("77", "injury")]


def test_rules_about_one_ticket_see_what_those_joined_to_it_have_also_once_they_set_less_themselves() -> None:
    seen = route("severe", {"field": "case.severity", "operator": "at_most", "value": 1}, "safety")
    named = route("to-billing", {"field": "case.category", "operator": "is", "value": "billing"}, "claims")
    routes = [seen, named, route("default", {}, "intake")]
    judge = Judge(read({**BOOK, "rules": [*BOOK["rules"][:-3], *routes]}), UTC_ZONE)
    _, decided = judged(HURT, BILL, joined=TOGETHER, judge=judge)
    last = next(one for one in decided if one.subject.id == "4800")
    assert ("severe", "routing") in last.judgement.matched
    assert (last.outcome["severity"], last.outcome["category"], last.outcome["queue"]) == SEVERE
    assert last.judgement.severity == 2, "what it set itself is its own"
    again = judge.decide(last.seen.given, last.seen.previous, last.seen.standing, last.at, last.subject)
    assert again.matched == last.judgement.matched
    _, decided = judged(HURT, BILL, joined={}, judge=judge)
    assert ("to-billing", "routing") in decided[-1].judgement.matched, "a guess shows nothing"


def test_each_has_its_own_again_once_they_are_split() -> None:
    apart = of(HURT, BILL, LATER_BILL, joined={})
    assert stands(apart) == SEVERE
    assert {one.ticket: (one.severity, one.category, one.queue) for one in pieces(apart)} == {
        "4711": SEVERE,
        "4800": (2, "billing", "claims"),
    }


def test_a_call_named_with_a_ticket_takes_nothing_from_it_and_adds_what_is_worse() -> None:
    hurt_call = rule("hurt-call", {"field": "call.disposition", "operator": "is", "value": "injury"}, [{"set_severity": 1}])
    calls = rule("calls", {}, [{"set_severity": 3}, {"set_category": "phone"}], on=["call"])
    judge = Judge(read({**BOOK, "rules": [hurt_call, calls, *BOOK["rules"]]}), UTC_ZONE)
    named = {"talkdesk:c1": "zendesk:4711"}
    assert stands(of(HURT, call("ended", 5), joined=named, judge=judge)) == SEVERE
    bill = replace(BILL, interaction="4711")
    assert of(bill, call("ended", 5, call__disposition="injury"), joined=named, judge=judge).severity == 1
    assert stands(of(bill, call("ended", 5), joined=named, judge=judge)) == (2, "billing", "claims")


def test_a_call_that_no_ticket_is_named_with_moves_no_severe_ticket() -> None:
    state = of(HURT, call("ended", 5), joined={})
    group = state.wish("4711", GROUPS).group_id
    assert group is not None
    assert group.value == GROUPS["safety"]


def test_a_rule_fires_once_for_all_that_are_joined_until_it_matches_none_of_them() -> None:
    story = [HURT, BILL, *(replace(one, at=one.at + timedelta(minutes=n)) for n in range(0, 6, 2) for one in (LATER_BILL, LATER_HURT))]
    state, decided = judged(*story, joined=TOGETHER, judge=JUDGE)
    assert [name for name, _, _ in state.notes] == ["rule:injury#1"]
    assert [target for one in decided for _, target in one.judgement.notifications] == ["oncall"]
    assert [one.judgement.escalated for one in decided if one.judgement.escalated] == [("sev1",)]


def test_what_a_ticket_armed_goes_on_when_it_is_merged_away_for_the_one_that_says_the_same() -> None:
    again, gone = ticket("commented", 2, "he was bitten", id_="4800"), ticket("merged", 3, ticket__status="closed", by=AGENT)
    soon = T0 + timedelta(minutes=4)
    assert [armed.interaction.id for armed in of(HURT, BILL, again, until=soon).worst.armed] == ["4711"]
    assert [armed.interaction.id for armed in of(HURT, BILL, again, gone, until=soon).worst.armed] == ["4800"]
    assert {(one.step, one.status) for one in of(HURT, BILL, again, gone, until=FAR).ended} >= {(2, "fired")}


def test_what_time_alone_changes_about_one_ticket_is_found_though_another_spoke_last() -> None:
    state = of(HURT, BILL, LATER_BILL, ticket("updated", 8, ticket__status="open", by=AGENT, id_="4800"), until=FAR)
    assert "ts_evening" in tags(state.wish("4711", GROUPS))
    assert due_at(of(HURT, BILL, desk("case.acknowledged", 4), LATER_BILL)) == T0.replace(hour=18)


def test_a_ticket_whose_own_severity_falls_is_as_severe_as_the_others() -> None:
    fine = rule("fine", {"field": "tags", "operator": "includes", "value": "checked_ok"}, [{"set_severity": 4}])
    judge = Judge(read({**BOOK, "rules": [fine, *BOOK["rules"]]}), UTC_ZONE)
    said = ticket("updated", 9, by=AGENT, tags=("checked_ok",), changes=(Change("tags", (), ("checked_ok",)),))
    assert of(HURT, BILL, said, judge=judge).severity == 2
    assert of(HURT, said, joined={}, judge=judge).severity == 4


def test_a_replay_shows_joined_tickets_by_what_stands_for_them_together_by_then() -> None:
    fine = rule("fine", {"field": "tags", "operator": "includes", "value": "checked_ok"}, [{"set_severity": 4}])
    judge = Judge(read({**BOOK, "rules": [fine, *BOOK["rules"]]}), UTC_ZONE)
    said = ticket("updated", 9, by=AGENT, tags=("checked_ok",), changes=(Change("tags", (), ("checked_ok",)),))
    _, decided = judged(HURT, BILL, said, joined=TOGETHER, judge=judge)
    found = compare([], [], decided, lambda _: False, None, FAR, TOGETHER)
    assert [one.after.severity for one in found] == [1, 1, 2]


def story_of(rng: random.Random) -> tuple[list[Moment], dict[str, str]]:
    ids = ["4711", "4800", "4900"][: rng.randint(2, 3)]
    words = ("bitten", "invoice", "hello", "thanks")
    told = [ticket("created", rng.randint(0, 9), rng.choice(words), id_=id_) for id_ in ids]
    told += [ticket("commented", rng.randint(10, 99), rng.choice(words), id_=rng.choice(ids)) for _ in range(rng.randint(0, 5))]
    if rng.random() < 0.4:
        told.append(ticket("merged", 100, ticket__status="closed", by=AGENT, id_=rng.choice(ids)))
    return sorted(told, key=lambda moment: moment.order), {f"zendesk:{id_}": f"zendesk:{ids[0]}" for id_ in ids[1:]}


@pytest.mark.parametrize("seed", range(20))
def test_the_case_is_as_severe_as_the_worst_of_its_tickets_alone_however_their_moments_lie(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible, not secret
    story, joined = story_of(rng)
    end = T0 + timedelta(hours=3)
    together, decided = judged(*story, joined=joined, until=end, judge=JUDGE)
    for one in decided:  # what it saw is kept as JSON, and judged again it comes to the same
        seen = one.seen
        again = JUDGE.decide(seen.given, seen.previous, Standing.from_json(seen.standing.to_json()), one.at, one.subject)
        assert (again.matched, again.severity, again.queue, again.firing) == (
            *(one.judgement.matched, one.judgement.severity, one.judgement.queue, one.judgement.firing),
        )
    alone = [of(*(one for one in story if one.interaction == id_), joined={}, until=end) for id_ in {one.interaction for one in story}]
    most = min(alone, key=lambda state: state.severity or 9)
    assert together.severity == most.severity
    if most.severity in (1, 2):
        assert together.category == most.category
        assert together.queue == most.queue
    assert from_json(to_json(together)) == together
    for shifts in itertools.islice(itertools.permutations(range(len(story))), 0, 24, 6):  # the same on each ticket, otherwise between them
        by_ticket: dict[str, list[Moment]] = {}
        for one in story:
            by_ticket.setdefault(one.interaction, []).append(one)
        order = [story[n].interaction for n in shifts]
        moved = [replace(by_ticket[id_].pop(0), at=T0 + timedelta(minutes=n)) for n, id_ in enumerate(order)]
        assert of(*moved, joined=joined, until=end).severity == together.severity


THREAT = rule("threat", {"field": "text.new", "operator": "contains", "value": "kill"}, [{"set_severity": 2}, {"escalate": "sev1"}])
VIP = [rule(name, says(word), [{"escalate": "sev1"}]) for name, word in (("vip", "gold"), ("press", "paper"))]
TWO_RULES = Judge(read({**BOOK, "rules": [THREAT, *VIP, *BOOK["rules"]]}), UTC_ZONE)
SOON = T0 + timedelta(minutes=9)


def armed_by(state: CaseState) -> list[tuple[str, str, int]]:
    return [(one.policy, one.interaction.id, one.next_step) for thread in state.threads.values() for one in thread.armed]


@pytest.mark.parametrize("gone", [{"ticket__status": "closed"}, {"ticket__status": "deleted"}])
@pytest.mark.parametrize(
    ("first", "other"),
    [("he was bitten", "I will kill you"), ("I have gold", "for the paper"), ("he was bitten", "my dog was bitten"), ("gold", "more gold")],
)
def test_what_two_tickets_ask_for_by_whatever_rules_goes_on_for_the_one_that_is_left(first: str, other: str, gone: dict[str, str]) -> None:
    story = [ticket("created", 0, first), ticket("created", 1, other, id_="4800")]
    assert armed_by(of(*story, judge=TWO_RULES)) == [("sev1", "4711", 2)]  # once for both
    later = [ticket("commented", 2, "any news?", id_="4800"), ticket("deleted", 3, by=AGENT, **gone)]
    assert armed_by(of(*story, *later, judge=TWO_RULES, until=SOON)) == [("sev1", "4800", 1)]
    fired = [(one.step, one.status, one.interaction.id) for one in of(*story, *later, judge=TWO_RULES, until=FAR).ended]
    assert fired[:2] == [(1, "fired", "4711"), (2, "fired", "4800")]


def test_what_was_over_before_is_not_taken_up_by_one_that_had_asked_for_it_too() -> None:
    story = [ticket("created", 0, "he was bitten"), ticket("created", 1, "I will kill you", id_="4800"), desk("case.acknowledged", 2)]
    assert armed_by(of(*story, judge=TWO_RULES, until=SOON)) == []
    third = [ticket("created", 4, "gold", id_="4900"), ticket("deleted", 5, by=AGENT, id_="4900", ticket__status="deleted")]
    joined = {**TOGETHER, "zendesk:4900": "zendesk:4711"}
    assert armed_by(of(*story, *third, judge=TWO_RULES, until=SOON, joined=joined)) == []


@pytest.mark.parametrize("status", ["closed", "deleted"])
def test_one_that_is_closed_merged_away_or_deleted_is_escalated_no_more_where_no_other_asks_for_it(status: str) -> None:
    assert armed_by(of(HURT, BILL, ticket("updated", 3, ticket__status=status, by=AGENT), until=SOON)) == []
    assert armed_by(of(HURT, BILL, ticket("merged", 3, ticket__status="closed", by=AGENT), until=SOON)) == []

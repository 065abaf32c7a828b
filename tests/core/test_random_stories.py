"""Random stories of several tickets and calls, by rules that read clock, calendar and case: where they are cut leaves no trace,
and a ticket that is only guessed to belong to a case is asked for what it would be asked for alone."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.core.test_story import AGENT, DOCUMENT, GROUPS, REQUESTER, T0, US, call, desk, judged, ticket
from tests.seeds import seeds
from tsbridge.core.casestate_json import from_json, to_json
from tsbridge.core.moments import FACTS, WRITTEN, Actor, Change, Moment
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.story import Judged

ALWAYS = ["ticket", "call", "clock"]
PENDING = {"any": [{"field": "ticket.status", "operator": "is", "value": "pending"}]}
REFUND = {"field": "text", "operator": "contains", "value": "refund"}
OFFICE = {"office": {"timezone": "UTC", "hours": {"mon-fri": "09:00-17:00"}}}
SLOW = {
    "stops_when": PENDING,
    "steps": [
        {"after": "10m", "actions": [{"add_tags": ["ts_p1"]}]},
        {"after": "2h", "in": "office", "actions": [{"add_tags": ["ts_p2"]}]},
    ],
}


def rule(key: str, when: list[dict[str, Any]], then: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": "escalation", "when": {"all": when}, "then": then, **more}


OF_THE_TICKET = [
    rule("late", [{"field": "time.hour", "operator": "at_least", "value": 11}, REFUND], [{"add_tags": ["ts_late"]}], on=ALWAYS),
    rule(
        "out",
        [{"field": "time.now", "operator": "outside_hours", "value": "office"}],
        [{"add_tags": ["ts_out"]}, {"escalate": "slow"}, {"note": "Nobody is in"}],
        on=["ticket", "clock"],
    ),
]
OF_THE_CASE = [
    rule(
        "old",
        [{"field": "case.age_minutes", "operator": "at_least", "value": 40}],
        [{"add_tags": ["ts_old"]}, {"remove_tags": ["ts_young"]}],
        on=ALWAYS,
        scope="case",
    ),
    rule("young", [{"field": "case.age_minutes", "operator": "less_than", "value": 20}], [{"add_tags": ["ts_young"]}]),
    rule(
        "worst",
        [{"field": "case.worst_severity", "operator": "is", "value": 1}, REFUND],
        [{"add_tags": ["ts_worst"]}, {"set_priority": "high"}, {"escalate": "slow"}],
        scope="case",
    ),
]
BOOK = {**DOCUMENT, "calendars": OFFICE, "policies": {**DOCUMENT["policies"], "slow": SLOW}}
EACH_FOR_ITSELF = Judge(read({**BOOK, "rules": [*OF_THE_TICKET, *DOCUMENT["rules"]]}), ZoneInfo("UTC"))
ALL_TOGETHER = Judge(read({**BOOK, "rules": [*OF_THE_TICKET, *OF_THE_CASE, *DOCUMENT["rules"]]}), ZoneInfo("UTC"))
TAGS = ("ts_injury", "ts_sev1", "ts_late", "ts_old", "ts_worst", "ts_young", "theirs")


def history(rng: random.Random) -> list[Moment]:
    """What happens on up to three tickets and two calls and at the desk, within an hour or two days."""
    tickets, calls = ["4711", "4800", "4900"][: rng.randint(1, 3)], ["c1", "c2"][: rng.randint(0, 2)]
    told: list[Moment] = []
    for id_ in tickets:
        start = rng.randint(0, 60)
        told.append(ticket("created", start, rng.choice(("hello", "bitten", "refund", "a refund, bitten")), id_=id_))
        told += [later(rng, id_, start + rng.randint(0, rng.choice((3, 200, 2_000)))) for _ in range(rng.randint(0, 4))]
    for id_ in calls:
        start = rng.randint(0, 100)
        for event in rng.sample(("started", "ended", "missed", "disposition"), rng.randint(1, 3)):
            said = {"call__disposition": "injury"} if event == "disposition" and rng.random() < 0.5 else {}
            told.append(replace(call(event, start + rng.randint(0, 50), **said), interaction=id_))
    everybody = [f"zendesk:{id_}" for id_ in tickets] + [f"talkdesk:{id_}" for id_ in calls]
    for _ in range(rng.randint(0, 2)):
        act = desk(rng.choice(("case.acknowledged", "case.resolved", "case.noted")), rng.randint(0, 200))
        told.append(replace(act, interaction=rng.choice(everybody)))
    return sorted({moment.digest: moment for moment in told}.values(), key=lambda moment: moment.order)


def later(rng: random.Random, id_: str, minute: int) -> Moment:
    kind = rng.random()
    if kind < 0.3:
        return ticket("commented", minute, rng.choice(("refund", "bitten", "thanks")), id_=id_)
    if kind < 0.5:
        return ticket("updated", minute, by=AGENT, id_=id_, ticket__status=rng.choice(("pending", "solved", "open", "closed", "merged")))
    if kind < 0.75:
        had, has = (tuple(sorted(rng.sample(TAGS, 3))) for _ in range(2))
        by = rng.choice((AGENT, REQUESTER, Actor("system", "-1")))
        return ticket("updated", minute, by=by, id_=id_, tags=has, changes=(Change("tags", had, has),))
    if kind < 0.85:
        return replace(ticket(FACTS, minute, id_=id_), facts=(("ticket.custom.1", "a"),))
    return replace(ticket("updated", minute, by=US, id_=id_, tags=("ts_injury",)), event=WRITTEN)


def named(rng: random.Random, story: list[Moment]) -> dict[str, str]:
    """Some of them joined by name, every other time."""
    keys = sorted({f"{moment.subject.source}:{moment.subject.id}" for moment in story})
    if len(keys) < 2 or rng.random() < 0.5:
        return {}
    first, *others = sorted(rng.sample(keys, rng.randint(2, len(keys))))
    return dict.fromkeys(others, first)


def said(decisions: tuple[Judged, ...]) -> list[tuple[str, dict[str, Any]]]:
    return [(one.moment, one.outcome) for one in decisions]


@pytest.mark.parametrize("seed", seeds(10, 30))
def test_continuing_a_random_story_from_any_point_equals_judging_it_whole(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible, not secret
    story = history(rng)
    joined, end = named(rng, story), T0 + timedelta(days=4)
    whole, decisions = judged(*story, until=end, joined=joined, judge=ALL_TOGETHER)
    for cut in range(1, len(story)):
        before, behind = story[cut - 1].at, story[cut].at
        seen_at = max(before, rng.choice((behind - timedelta(microseconds=1), before + (behind - before) * rng.random())))
        part, first = judged(*story[:cut], until=seen_at, joined=joined, judge=ALL_TOGETHER)
        if part.judged_to < story[cut].place:
            rest, second = judged(*story, until=end, after=from_json(to_json(part)), judge=ALL_TOGETHER)
            assert to_json(rest) == to_json(whole)
            assert said((*first, *second)) == said(decisions)


@pytest.mark.parametrize("seed", seeds(10, 30))
def test_a_guess_asks_nothing_of_a_ticket_and_takes_nothing_from_it(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible, not secret
    story = [moment for moment in history(rng) if moment.source == "zendesk"]
    end = T0 + timedelta(days=2)
    together, _ = judged(*story, until=end, judge=EACH_FOR_ITSELF)
    for id_ in together.tickets():
        alone, _ = judged(*[moment for moment in story if moment.interaction == id_], until=end, judge=EACH_FOR_ITSELF)
        assert together.wish(id_, GROUPS) == alone.wish(id_, GROUPS)

"""What judging asks for is kept once as a notice, whatever is judged again, and ends when somebody has the case."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.telling import HURT, UNTIL_ACKNOWLEDGED
from tests.work.walk import Walk, call, ticket
from tsbridge.core.moments import Interaction
from tsbridge.core.notices import Notice, named
from tsbridge.store import notices as store
from tsbridge.store.db import Database
from tsbridge.store.notice_tables import notices

BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"safety": {}, "intake": {}},
    "policies": {
        "sev1": {
            "stops_when": UNTIL_ACKNOWLEDGED,
            "steps": [
                {"after": "0m", "actions": [{"add_tags": ["ts_sev1"]}, {"notify": "oncall"}]},
                {"after": "15m", "actions": [{"notify": "oncall"}, {"notify": "list:leads"}]},
            ],
        }
    },
    "rules": [
        HURT,
        {
            "key": "press",
            "kind": "escalation",
            "when": {"field": "text", "operator": "contains", "value": "newspaper"},
            "then": [{"notify": "ana"}],
        },
        {
            "key": "to-safety",
            "kind": "routing",
            "when": {"field": "case.severity", "operator": "at_most", "value": 2},
            "then": [{"route": "safety"}],
        },
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}


def rows(database: Database) -> list[Any]:
    return list(database.read_now(lambda conn: conn.execute(select(notices).order_by(notices.c.at, notices.c.target)).all()))


def told(database: Database) -> list[tuple[str, str, str | None]]:
    return [(row.asked_by, row.target, row.over_because) for row in rows(database)]


@pytest.fixture
def walk(database: Database, clock: SettableClock) -> Walk:
    return Walk(database, clock, BOOK)


def test_a_step_and_a_rule_ask_for_notices_that_say_what_they_are_about(walk: Walk) -> None:
    walk.tell([ticket("created", 0, text="bitten, says the newspaper")])
    walk.work()
    step, rule = sorted(rows(walk.database), key=lambda row: row.asked_by)
    assert (step.asked_by, step.target, step.severity, step.category, step.queue) == (
        *("policy:sev1/1", "oncall", 1, "safety_incident", "safety"),
    )
    assert (rule.asked_by, rule.target) == ("rule:press", "ana")
    assert step.due_at == step.asked_at
    assert step.over_at is None
    assert not step.late


def test_each_step_asks_when_its_time_has_come(walk: Walk) -> None:
    walk.tell([ticket("created", 0, text="bitten")])
    walk.work()
    walk.clock.advance(timedelta(minutes=15))
    walk.work()
    asks = ["policy:sev1/1", "policy:sev1/2", "policy:sev1/2"]
    assert [(by, over) for by, _, over in told(walk.database)] == [(by, None) for by in asks]


def test_what_is_judged_again_asks_nobody_again(walk: Walk) -> None:
    walk.tell([ticket("created", 0, text="bitten"), ticket("updated", 5, status="pending")])
    walk.clock.advance(timedelta(minutes=20))
    walk.work()
    before = rows(walk.database)
    walk.tell([ticket("updated", 2, priority="low"), ticket("updated", 5, status="pending")])  # one late, one heard before
    walk.work()
    assert rows(walk.database) == before


def test_an_earlier_moment_heard_late_takes_the_notice_over_instead_of_asking_again(walk: Walk) -> None:
    walk.clock.advance(timedelta(minutes=20))
    walk.tell([ticket("created", 0), ticket("updated", 10, text="bitten")])
    walk.work()
    (before,) = rows(walk.database)
    walk.tell([ticket("updated", 8, text="bitten they were")])
    walk.work()
    (after,) = rows(walk.database)
    assert after.id == before.id
    assert after.at < before.at
    assert after.over_at is None


def test_what_a_late_moment_newly_asks_is_asked_once_and_marked(walk: Walk) -> None:
    walk.clock.advance(timedelta(minutes=10))
    walk.tell([ticket("created", 0), ticket("updated", 9, priority="low")])
    walk.work()
    walk.tell([ticket("updated", 4, text="a newspaper asked")])
    walk.work()
    assert [(row.target, row.late) for row in rows(walk.database)] == [("ana", True)]


def test_what_is_found_out_late_about_a_resolved_case_is_told_to_nobody(walk: Walk) -> None:
    walk.clock.advance(timedelta(minutes=10))
    walk.tell([ticket("created", 0), ticket("updated", 9, status="solved")])
    walk.work()
    walk.tell([ticket("updated", 4, text="a newspaper asked")])
    walk.work()
    assert rows(walk.database) == []


def test_what_nothing_asks_for_any_more_is_over(walk: Walk) -> None:
    walk.tell([ticket("created", 0), ticket("updated", 3, text="a newspaper")])
    walk.clock.advance(timedelta(minutes=5))
    walk.work()
    digest = walk.database.read_now(lambda conn: _moment_with_words(conn, "newspaper"))
    asyncio.run(walk.desk.withdraw(digest, "sue", "not ours"))
    assert told(walk.database) == [("rule:press", "ana", "revised")]


def test_a_step_that_came_by_a_clock_that_was_ahead_comes_again_at_its_time(walk: Walk) -> None:
    asked = [("policy:sev1/1", "oncall"), ("policy:sev1/2", "list:leads"), ("policy:sev1/2", "oncall")]
    walk.tell([ticket("created", 0, text="bitten")])
    walk.work()
    walk.clock.advance(timedelta(minutes=20))
    walk.work()
    walk.clock.advance(timedelta(minutes=-15))
    walk.tell([ticket("updated", 5, priority="low")])
    walk.work()
    assert told(walk.database) == [(*one, "revised" if number else None) for number, one in enumerate(asked)]
    walk.clock.advance(timedelta(minutes=11))
    walk.work()
    assert told(walk.database) == [(*one, None) for one in asked]


def test_what_gave_its_notice_to_an_earlier_moment_may_ask_for_one_of_its_own(database: Database, clock: SettableClock) -> None:
    def asked_by(moment: str) -> Notice:
        return Notice(named(moment, "rule:press", "ana"), Interaction("zendesk", "1"), "rule:press", "ana", clock.now(), 1)

    def write(conn: Any) -> list[str]:
        (first,) = store.add(conn, [("case_1", asked_by("later"))], clock.now())
        store.move(conn, first, asked_by("earlier"))
        return [first, *store.add(conn, [("case_1", asked_by("later"))], clock.now())]

    ids = database.write_now(write)
    assert {row.id: row.asking for row in rows(database)} == dict(
        zip(ids, (asked_by(moment).asking for moment in ("earlier", "later")), strict=True)
    )


def test_what_is_asked_for_again_after_it_was_revised_stands_again(walk: Walk) -> None:
    walk.tell([ticket("created", 0, text="bitten"), ticket("updated", 30, priority="low")])
    walk.clock.advance(timedelta(minutes=31))
    walk.work()
    steps = [one for one in told(walk.database) if one[0] == "policy:sev1/2"]
    walk.tell([ticket("updated", 10, status="solved", by="8")])  # heard late: the second step never came
    walk.work()
    assert ("policy:sev1/2", "oncall", "revised") in told(walk.database)
    walk.clock.advance(timedelta(minutes=1))
    digest = walk.database.read_now(lambda conn: _moment_with_words(conn, "solved"))
    asyncio.run(walk.desk.withdraw(digest, "sue", "another ticket's"))
    assert [one for one in told(walk.database) if one[0] == "policy:sev1/2"] == steps


def _moment_with_words(conn: Any, words: str) -> str:
    from tsbridge.store.moment_tables import moments

    return str(next(row.digest for row in conn.execute(select(moments)) if words in str(row.body)))


def test_acknowledging_ends_what_was_asked_and_says_who_and_when(walk: Walk) -> None:
    walk.tell([ticket("created", 0, text="bitten")])
    walk.work()
    (case_id,) = {row.case_id for row in rows(walk.database)}
    walk.clock.advance(timedelta(minutes=3))
    asyncio.run(walk.desk.acknowledge(case_id, "ana", None))
    walk.clock.advance(timedelta(minutes=3))
    asyncio.run(walk.desk.acknowledge(case_id, "ben", None))  # the first one has it
    walk.clock.advance(timedelta(hours=1))
    walk.work()
    (row,) = rows(walk.database)
    assert (row.over_because, row.acknowledged_by) == ("acknowledged", "agent:ana")
    assert row.over_at == row.asked_at + timedelta(minutes=3)


@pytest.mark.parametrize("end", ["taken", "solved", "resolved"])
def test_a_case_that_is_taken_or_done_asks_nobody_any_more(walk: Walk, end: str) -> None:
    walk.tell([ticket("created", 0, text="a newspaper")])
    walk.work()
    walk.clock.advance(timedelta(minutes=2))
    if end == "resolved":
        asyncio.run(walk.desk.resolve(rows(walk.database)[0].case_id, "sue", None))
    else:
        walk.tell([ticket("updated", 1, by="7", **({"assignee_id": "7"} if end == "taken" else {"status": "solved"}))])
        walk.work()
    assert told(walk.database) == [("rule:press", "ana", {"taken": "acknowledged"}.get(end, "resolved"))]


def test_what_is_asked_while_somebody_has_the_case_goes_on_until_they_say_so_again(walk: Walk) -> None:
    walk.tell([ticket("created", 0, text="bitten")])
    walk.work()
    case_id = rows(walk.database)[0].case_id
    asyncio.run(walk.desk.acknowledge(case_id, "ana", None))
    walk.clock.advance(timedelta(minutes=3))
    walk.tell([ticket("updated", 2, text="a newspaper asked")])
    walk.work()
    assert told(walk.database)[-1] == ("rule:press", "ana", None)
    asyncio.run(walk.desk.acknowledge(case_id, "ana", None))
    assert told(walk.database)[-1] == ("rule:press", "ana", "acknowledged")


def test_notices_follow_their_case_when_it_joins_another(walk: Walk) -> None:
    walk.tell([ticket("created", 1, "5001", text="a newspaper", phone="+14155550123"), ticket("created", 0, "5000", person="42")])
    walk.clock.advance(timedelta(minutes=2))
    walk.work()
    (before,) = rows(walk.database)
    walk.tell([call("call.ended", 2, phone="+14155550123", zendesk_ticket_id="5000"), call("call.note", 2, zendesk_ticket_id="5001")])
    walk.work()
    (after,) = rows(walk.database)
    cases = {case["id"] if isinstance(case, dict) else case[0] for case in walk.outcome()["cases"]}
    assert after.id == before.id
    assert {after.case_id} == cases
    assert after.over_at is None


def test_the_same_deliveries_in_any_order_ask_for_the_same_notices(make_database: Callable[[], Database]) -> None:
    """Which moment asks may differ on the way; who is told how often does not."""
    deliveries = [
        ticket("created", 0, text="hello"),
        ticket("updated", 2, text="bitten"),
        ticket("updated", 3, text="the newspaper asked"),
        call("call.ended", 4, zendesk_ticket_id="4711"),
        ticket("updated", 30, priority="high"),
    ]
    found = set()
    for seed in range(6):
        clock = SettableClock()
        walk = Walk(make_database(), clock, copy.deepcopy(BOOK))
        clock.advance(timedelta(minutes=40))
        order = deliveries * 2
        random.Random(seed).shuffle(order)  # noqa: S311  # a seeded order
        for one in order:
            walk.tell([one])
            walk.work()
        found.add(tuple(sorted((by, target, str(over)) for by, target, over in told(walk.database))))
    assert len(found) == 1, found


@pytest.mark.parametrize("end", ["taken", "solved", "resolved", "acknowledged"])
def test_what_was_over_by_a_moment_that_is_withdrawn_stands_again(walk: Walk, end: str) -> None:
    walk.tell([ticket("created", 0, text="bitten, says a newspaper")])
    walk.work()
    before, case_id = told(walk.database), rows(walk.database)[0].case_id
    walk.clock.advance(timedelta(minutes=2))
    if end in ("resolved", "acknowledged"):
        asyncio.run(getattr(walk.desk, "resolve" if end == "resolved" else "acknowledge")(case_id, "sue", None))
    else:
        walk.tell([ticket("updated", 1, by="7", **({"assignee_id": "7"} if end == "taken" else {"status": "solved"}))])
        walk.work()
    assert {over for _, _, over in told(walk.database)} <= {"acknowledged", "stopped", "resolved"}
    mark = {"taken": "assignee_id", "solved": "solved"}.get(end)
    wrong = walk.database.read_now(lambda conn: _moment_with_words(conn, mark) if mark else _moment_of(conn, f"case.{end}"))
    asyncio.run(walk.desk.withdraw(wrong, "sue", "another ticket's"))
    assert told(walk.database) == before
    assert all(row.due_at == walk.clock.now() and row.acknowledged_by is None for row in rows(walk.database))
    asyncio.run(walk.desk.acknowledge(case_id, "ana", None))
    assert {over for _, _, over in told(walk.database)} == {"acknowledged"}


def test_what_was_over_stays_over_when_something_else_is_withdrawn(walk: Walk) -> None:
    walk.tell([ticket("created", 0, text="a newspaper"), ticket("updated", 1, priority="low")])
    walk.work()
    walk.tell([ticket("updated", 2, by="7", status="solved")])
    walk.work()
    walk.tell([ticket("updated", 3, text="one more word"), ticket("updated", 4, text="really")])
    walk.clock.advance(timedelta(minutes=5))
    walk.work()
    before = told(walk.database)
    assert ("rule:press", "ana", "resolved") in before
    wrong = walk.database.read_now(lambda conn: _moment_with_words(conn, "low"))
    asyncio.run(walk.desk.withdraw(wrong, "sue", "not so"))
    assert told(walk.database) == before


def _moment_of(conn: Any, event: str) -> str:
    from tsbridge.store.moment_tables import moments

    return str(conn.execute(select(moments.c.digest).where(moments.c.event == event)).scalar_one())


def test_somebody_who_waits_to_be_told_is_told_also_where_another_rule_asks_for_it_by_now(database: Database, clock: SettableClock) -> None:
    """The rule that asked first does not match any more once something earlier was heard: the other one had asked for the same."""
    book = copy.deepcopy(BOOK)
    quiet = {
        "all": [
            {"field": "text", "operator": "contains", "value": "lost"},
            {"field": "text", "operator": "not_contains", "value": "bitten"},
        ]
    }
    asks = {"kind": "escalation", "then": [{"notify": "oncall"}]}
    loud = {
        "all": [{"field": "text", "operator": "contains", "value": "lost"}, {"field": "text", "operator": "contains", "value": "bitten"}]
    }
    book["rules"] = [{"key": "lost", "when": quiet, **asks}, {"key": "both", "when": loud, **asks}, BOOK["rules"][-1]]
    walk = Walk(database, clock, book)
    walk.tell([ticket("updated", 5, text="lost")])
    walk.work()
    assert told(database) == [("rule:lost", "oncall", None)]
    (before,) = rows(database)
    walk.tell([ticket("created", 0, text="bitten")])
    walk.work()
    (row,) = rows(database)
    assert (row.id, row.asked_by, row.over_because, row.due_at) == (before.id, "rule:both", None, before.due_at)

"""After a rule was repaired: what the live rulebook would change in open cases is told first, then done, once, and quietly."""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.seeds import first, seeds
from tests.work.test_walk_laws import BOOK as STARTER
from tests.work.test_walk_laws import MORE, STORY
from tests.work.walk import UTC, Walk, at, call, ticket
from tsbridge.acts import rejudging
from tsbridge.acts.errors import Conflict
from tsbridge.acts.ledger import Entry
from tsbridge.core import crashpoint
from tsbridge.core.moments import Interaction
from tsbridge.store import decisions, history, links, proof, rejudges, replays, views
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes
from tsbridge.store.decision_tables import decisions as decision_rows
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.moment_tables import moments
from tsbridge.store.notice_tables import notices
from tsbridge.store.rejudges import Filter
from tsbridge.store.writing_tables import desired
from tsbridge.work.loop import LEASE
from tsbridge.work.rejudge import REPUBLISHED, Rejudging
from tsbridge.work.replay_jobs import Contest


def book(word: str = "bitten", policy: str = "sev1") -> dict[str, Any]:
    """A rulebook whose rule about injuries knows one word. Its steps come at once, after 15 minutes, and after four hours."""
    steps = [
        {"after": "0m", "actions": [{"add_tags": ["ts_step1"]}, {"notify": "oncall"}]},
        {"after": "15m", "actions": [{"add_tags": ["ts_step2"]}, {"note": "nobody moved"}]},
        {"after": "4h", "actions": [{"add_tags": ["ts_step3"]}]},
    ]
    return {
        "schema": 1,
        "queues": {"safety": {"zendesk_group_id": 10}, "intake": {"zendesk_group_id": 1}},
        "policies": {policy: {"steps": steps}},
        "rules": [
            {
                "key": "injury",
                "kind": "escalation",
                "when": {"all": [{"field": "text", "operator": "contains_any", "value": [word]}]},
                "then": [{"set_severity": 1}, {"add_tags": ["ts_injury"]}, {"note": "somebody is hurt"}, {"escalate": policy}],
            },
            {
                "key": "to-safety",
                "kind": "routing",
                "when": {"all": [{"field": "case.severity", "operator": "is", "value": 1}]},
                "then": [{"route": "safety"}],
            },
            {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
        ],
    }


BITTEN = ticket("created", 0, "1", text="my dog was bitten", person="1")
GEBISSEN = ticket("created", 0, "2", text="mein hund wurde gebissen", person="2")
HELLO = ticket("created", 0, "3", text="hello", person="3")
BOTH = ["bitten", "gebissen"]


def repaired() -> dict[str, Any]:
    found = book()
    found["rules"][0]["when"]["all"][0]["value"] = BOTH
    return found


@pytest.fixture
def walk(database: Database, clock: SettableClock) -> Walk:
    """Three tickets, heard an hour after they were written; one of them is missed by the live rule."""
    return begun(database, clock)


def begun(database: Database, clock: SettableClock) -> Walk:
    clock.advance(timedelta(hours=1))
    walk = Walk(database, clock, book())
    walk.tell([BITTEN, GEBISSEN, HELLO])
    walk.work()
    return walk


def worker(walk: Walk, name: str = "w1", *, aim: float = 0) -> Rejudging:
    """One case a transaction."""
    span = timedelta(seconds=aim) if aim else -timedelta(seconds=1)
    return Rejudging(
        *(walk.database, walk.clock, walk.ids, lambda: "salt", walk.rulebooks, walk.conclusions, UTC, name, lambda: None), aim=span
    )


def entry(walk: Walk) -> Entry:
    return Entry(walk.clock.now(), "ops key", walk.ids.new("chg"), "salt")


def queue(walk: Walk, wanted: Filter | None = None, **more: Any) -> str:
    return walk.database.write_now(lambda conn: rejudging.start(conn, entry(walk), walk.ids, wanted or Filter(), **more))


def run(walk: Walk, *, apply: bool = True, wanted: Filter | None = None, **more: Any) -> replays.Job:
    id_ = queue(walk, wanted, apply=apply, **more)
    return worked(walk, id_)


def worked(walk: Walk, id_: str, name: str = "w1") -> replays.Job:
    async def go() -> None:
        working = worker(walk, name)
        while await working.round():
            pass

    asyncio.run(go())
    return job(walk, id_)


def job(walk: Walk, id_: str) -> replays.Job:
    found = walk.database.read_now(lambda conn: replays.find(conn, id_))
    assert found is not None
    return found


def moves(walk: Walk, id_: str) -> list[dict[str, Any]]:
    rows = walk.database.read_now(lambda conn: replays.moves(conn, id_, 10_000, 0))
    return [{name: row[name] for name in ("case_id", "before", "after")} for row in rows]


def case_of(walk: Walk, ticket: str) -> str:
    found = walk.database.read_now(lambda conn: links.case_of(conn, Interaction("zendesk", ticket)))
    assert found is not None
    return found


def steps(walk: Walk, ticket: str) -> dict[int, str]:
    of_the_case = select(escalations.c.step, escalations.c.status).where(escalations.c.case_id == case_of(walk, ticket))
    return {row.step: row.status for row in walk.database.read_now(lambda conn: conn.execute(of_the_case).all())}


def wish(walk: Walk, ticket: str) -> dict[str, Any]:
    def look(conn: Any) -> dict[str, Any]:
        return dict(conn.execute(select(desired.c.wish).where(desired.c.ticket == ticket)).scalar_one())

    return walk.database.read_now(look)


def tags(walk: Walk, ticket: str) -> set[str]:
    return {tag for tag, _ in wish(walk, ticket)["tags"]}


def notes(walk: Walk, ticket: str) -> list[str]:
    return [key for key, _ in wish(walk, ticket)["notes"]]


def entries(database: Database) -> int:
    found = database.read_now(proof.verify)
    assert found["ok"], found["broken"]
    return int(found["entries"])


def reproduced(walk: Walk) -> int:
    """Law 2: every stored story, judged by the versions on record, gives the decisions on record."""

    def check(conn: Any) -> int:
        judge = walk.rulebooks.live(conn).judge
        judges = {n: walk.rulebooks.version(conn, n).judge for n in range(1, walk.rulebooks.live(conn).version + 1)}
        until = walk.clock.now() + timedelta(microseconds=1)
        contest = Contest(judge, "", {n: "" for n in judges}, True, judges.__getitem__, None, until)
        count = 0
        for case in history.page(conn, "", 1_000, contacts=True, staff=True):
            compared = contest.compared(case)
            assert not [one for one in compared if one.telling]
            count += len(compared)
        return count

    return walk.database.read_now(check)


def test_a_plan_tells_which_open_cases_are_otherwise_and_changes_nothing(walk: Walk) -> None:
    walk.publish(repaired())
    before, books = walk.outcome(), entries(walk.database)
    plan = run(walk, apply=False)
    assert (plan.status, plan.done, plan.total) == ("done", 3, 3)
    (found,) = moves(walk, plan.id)
    assert found["case_id"] == case_of(walk, "2")
    assert (found["before"]["severity"], found["after"]["severity"]) == (None, 1)
    assert (found["before"]["queue"], found["after"]["queue"]) == ("intake", "safety")
    assert (found["before"]["tags"], found["after"]["tags"]) == ([], ["ts_injury"])
    assert (found["before"]["escalations"], found["after"]["escalations"]) == ([], ["sev1"])
    assert found["after"]["next_due"] == at(240)
    assert found["after"]["wishes"]["2"]["values"] == {"group_id": "10"}
    assert (plan.summary["decisions"], plan.summary["changed"]) == (3, 1)
    assert plan.summary["escalations"]["gained"] == 1
    assert walk.outcome() == before
    assert entries(walk.database) == books + 2, "that it was asked for, and what came of it"


def test_what_was_planned_is_what_is_applied(walk: Walk) -> None:
    walk.publish(repaired())
    plan = run(walk, apply=False)
    done = run(walk)
    assert done.status == "done"
    assert moves(walk, done.id) == moves(walk, plan.id)
    again = run(walk, apply=False)
    assert moves(walk, again.id) == [], "there is nothing left to change"
    planned = moves(walk, plan.id)[0]["after"]
    row = walk.database.read_now(lambda conn: views.case(conn, case_of(walk, "2")))
    assert row is not None
    assert [row["severity"], row["queue"], row["tags"]] == [planned["severity"], planned["queue"], planned["tags"]]


def test_what_changes_is_a_revision_by_the_live_version_and_the_rest_stays_as_it_was(walk: Walk) -> None:
    walk.publish(repaired())
    run(walk)

    def versions(conn: Any) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for row in conn.execute(select(decision_rows).where(decision_rows.c.superseded_by.is_(None), decision_rows.c.retracted.is_(False))):
            found.setdefault(row.interaction, set()).add(row.rulebook_version)
        return found

    assert walk.database.read_now(versions) == {"1": {1}, "2": {2}, "3": {1}}
    assert reproduced(walk) > 3
    entries(walk.database)


def test_a_step_that_was_due_before_is_passed_over_and_the_next_fires_at_its_time(walk: Walk, clock: SettableClock) -> None:
    walk.publish(repaired())
    run(walk)
    assert steps(walk, "2") == {1: "passed", 2: "passed", 3: "armed"}
    assert tags(walk, "2") == {"ts_injury"}
    assert notes(walk, "2") == [], "nobody is told"
    clock.advance(timedelta(hours=3))
    walk.work()
    assert steps(walk, "2") == {1: "passed", 2: "passed", 3: "fired"}
    assert tags(walk, "2") == {"ts_injury", "ts_step3"}
    assert reproduced(walk) > 3


def test_what_was_passed_over_stands_in_the_decision(walk: Walk) -> None:
    walk.publish(repaired())
    run(walk)

    def outcomes(conn: Any) -> list[Any]:
        of_it = (decision_rows.c.interaction == "2", decision_rows.c.superseded_by.is_(None))
        return list(conn.execute(select(decision_rows.c.outcome).where(*of_it).order_by(decision_rows.c.at)).scalars())

    first, second = walk.database.read_now(outcomes)
    assert (first["passed"], first["untold"], first["notes"], first["notified"]) == (
        [{"policy": "sev1", "step": 1}],
        ["note:rule:injury"],
        [],
        [],
    )
    assert (second["passed"], second["steps"]) == ([{"policy": "sev1", "step": 2}], [])


def test_who_asks_to_be_told_is_told_and_overdue_steps_fire(walk: Walk) -> None:
    walk.publish(repaired())
    run(walk, notify=True)
    assert steps(walk, "2") == {1: "fired", 2: "fired", 3: "armed"}
    assert tags(walk, "2") == {"ts_injury", "ts_step1", "ts_step2"}
    assert sorted(notes(walk, "2")) == ["policy:sev1/2#1", "rule:injury#1"]
    assert reproduced(walk) > 3


def test_what_had_been_done_stays_done_and_no_note_is_repeated(walk: Walk) -> None:
    """The case changes for another reason: its steps had fired, its notes had been left, and that is not undone."""
    before = (steps(walk, "1"), tags(walk, "1"), notes(walk, "1"))
    other = book()
    other["rules"][0]["then"].append({"set_category": "injuries"})
    walk.publish(other)
    done = run(walk)
    assert [found["case_id"] for found in moves(walk, done.id)] == [case_of(walk, "1")]
    assert (steps(walk, "1"), tags(walk, "1"), notes(walk, "1")) == before
    assert before[0] == {1: "fired", 2: "fired", 3: "armed"}
    assert sorted(before[2]) == ["policy:sev1/2#1", "rule:injury#1"]

    def told(conn: Any) -> list[Any]:
        of_it = (decision_rows.c.interaction == "1", decision_rows.c.superseded_by.is_(None))
        return [outcome["notified"] for outcome in conn.execute(select(decision_rows.c.outcome).where(*of_it)).scalars()]

    assert sorted(walk.database.read_now(told)) == [[], ["oncall"]]
    assert reproduced(walk) > 3


def test_a_policy_that_takes_the_place_of_another_fires_none_of_its_past_steps(walk: Walk) -> None:
    walk.publish(book(policy="sev1b"))
    run(walk)
    assert steps(walk, "1") == {1: "passed", 2: "passed", 3: "armed"}
    assert tags(walk, "1") == {"ts_injury"}, "what the old policy put on comes off"


def test_a_rule_that_is_gone_takes_its_wishes_with_it(walk: Walk) -> None:
    walk.publish(book(word="nothing like it"))
    done = run(walk)
    assert done.summary["escalations"]["lost"] == 1
    assert tags(walk, "1") == set()
    assert steps(walk, "1") == {}


def test_what_comes_afterwards_is_told_and_fires_as_always(walk: Walk, clock: SettableClock) -> None:
    walk.publish(repaired())
    run(walk)
    walk.tell([ticket("commented", 45, "3", text="he was bitten", person="3")])  # heard late, written before
    walk.work()
    assert steps(walk, "3") == {1: "fired", 2: "fired", 3: "armed"}
    assert sorted(notes(walk, "3")) == ["policy:sev1/2#1", "rule:injury#1"]


@pytest.mark.parametrize("seed", seeds(1, 6))
def test_in_whatever_order_the_rest_of_the_stories_comes_they_end_alike(
    make_database: Callable[[], Database], clock: SettableClock, seed: int
) -> None:
    clock.advance(timedelta(hours=2))
    milder = copy.deepcopy(STARTER)
    rule = next(rule for rule in milder["rules"] if rule["key"] == "injury")
    rule["then"] = [{"set_severity": 2}, {"add_tags": ["ts_mild"]}, {"note": "look again"}, {"escalate": "sev1"}]
    rest = [*STORY[2:], *MORE, ticket("commented", 1, text="it was bitten twice"), call("call.ended", 2, "c9", zendesk_ticket_id="4711")]

    def ended(batches: list[list[Any]]) -> tuple[Any, int]:
        walk = Walk(make_database(), clock, STARTER)
        walk.tell(STORY[:2])
        walk.work()
        walk.publish(milder)
        assert run(walk).summary["changed"] == 1
        for batch in batches:
            walk.tell(batch)
            walk.work()
        entries(walk.database)
        return walk.outcome(), reproduced(walk)

    shuffled = list(rest)
    random.Random(seed).shuffle(shuffled)  # noqa: S311  # reproducible, not secret
    one_by_one = ended([[one] for one in shuffled])
    assert one_by_one == ended([rest])
    assert one_by_one[1] > len(rest)


def test_a_second_rejudge_builds_on_the_first(walk: Walk, clock: SettableClock) -> None:
    walk.publish(repaired())
    run(walk)
    clock.advance(timedelta(hours=4))
    walk.work()
    assert steps(walk, "2")[3] == "fired"
    again = repaired()
    again["rules"][0]["then"].append({"set_category": "injuries"})
    walk.publish(again)
    run(walk)
    assert steps(walk, "2") == {1: "passed", 2: "passed", 3: "fired"}
    assert tags(walk, "2") == {"ts_injury", "ts_step3"}
    assert reproduced(walk) > 3


class Killed(BaseException):
    """Nothing that runs afterwards in the process can help: the transaction is never committed."""


@pytest.fixture
def dying() -> Iterator[Callable[[str], None]]:
    def die() -> None:
        raise Killed

    yield lambda spec: crashpoint.arm(spec, die)
    crashpoint.disarm()


@pytest.mark.parametrize(("nth", "point"), first(4, [*itertools.product((2, 3, 1, 4), ("rejudge.judged", "rejudge.committed"))]))
def test_killed_anywhere_it_goes_on_and_does_nothing_twice(
    make_database: Callable[[], Database], clock: SettableClock, dying: Callable[[str], None], point: str, nth: int
) -> None:
    clock.advance(timedelta(hours=1))
    word = book("gebissen")  # one case gains, one loses
    ends = []
    for killed in (False, True):
        walk = Walk(make_database(), clock, book())
        walk.tell([BITTEN, GEBISSEN, HELLO])
        walk.work()
        walk.publish(word)
        id_ = queue(walk, apply=True)
        if killed:
            dying(f"{point}:{nth}")
            with pytest.raises(Killed):
                worked(walk, id_)
            crashpoint.disarm()
            walk.clock.advance(LEASE)
        done = worked(walk, id_, "w2")
        if killed:
            walk.clock.advance(-LEASE)
        assert (done.status, done.done, done.summary["changed"]) == ("done", 3, 2)
        ends.append((walk.outcome()["wishes"], [found["case_id"] for found in moves(walk, id_)], entries(walk.database)))
    assert ends[0] == ends[1]


def test_another_version_that_goes_live_in_between_ends_it_and_it_says_so(walk: Walk) -> None:
    walk.publish(book("gebissen"))
    id_ = queue(walk, apply=True)
    first = worker(walk)
    asyncio.run(first.round())
    assert job(walk, id_).done == 1
    walk.publish(repaired())
    done = worked(walk, id_)
    assert (done.status, done.reason, done.done) == ("failed", REPUBLISHED, 1)
    assert reproduced(walk) == 3
    run(walk)
    assert tags(walk, "2") >= {"ts_injury"}


def test_it_can_be_meant_for_one_version_alone(walk: Walk) -> None:
    walk.publish(repaired())
    with pytest.raises(Conflict):
        queue(walk, version=1)
    assert job(walk, queue(walk, version=2)).status == "queued"


def test_who_asked_for_what_and_what_came_of_it_stands_in_the_changes(walk: Walk) -> None:
    walk.publish(repaired())
    done = run(walk, note="the german word was missing", wanted=Filter(queue="intake"))

    def look(conn: Any) -> list[Any]:
        rows = conn.execute(select(changes).where(changes.c.action == "case.rejudge").order_by(changes.c.seq))
        return [(row.actor, row.subject, row.after) for row in rows]

    asked, case, over = walk.database.read_now(look)
    assert {actor for actor, _, _ in (asked, case, over)} == {"ops key"}
    assert asked[1] == over[1] == done.id
    assert asked[2]["filter"] == {"queue": "intake"}
    assert (over[2]["note"], over[2]["status"], over[2]["cases"], over[2]["changed"]) == ("the german word was missing", "done", 2, 1)
    assert case[1:] == (case_of(walk, "2"), {"rejudge": done.id, "version": 2, "notify": False})


def test_a_cancelled_one_keeps_what_it_did_and_goes_no_further(walk: Walk) -> None:
    walk.publish(book("gebissen"))
    id_ = queue(walk, apply=True)
    asyncio.run(worker(walk).round())

    walk.database.write_now(lambda conn: rejudging.cancel(conn, entry(walk), id_))
    with pytest.raises(Conflict):
        walk.database.write_now(lambda conn: rejudging.cancel(conn, entry(walk), id_))
    done = worked(walk, id_)
    assert (done.status, done.done) == ("cancelled", 1)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), {"1", "2", "3"}),
        (Filter(ticket="2"), {"2"}),
        (Filter(queue="intake"), {"2", "3"}),
        (Filter(severity=1), {"1"}),
        (Filter(category="none"), set()),
        (Filter(rule="injury"), {"1"}),
        (Filter(version=1, rule="default"), {"2", "3"}),
        (Filter(version=2), set()),
        (Filter(call="c1"), set()),
    ],
)
def test_only_the_open_cases_that_are_asked_for_are_looked_at(walk: Walk, wanted: Filter, expected: set[str]) -> None:
    walk.tell([ticket("created", 1, "4", text="it is over", person="4"), ticket("updated", 2, "4", person="4", status="solved")])
    walk.work()
    ids = walk.database.read_now(lambda conn: rejudges.page(conn, wanted, "", 100))
    assert {case_of(walk, one) for one in expected} == set(ids)
    assert walk.database.read_now(lambda conn: rejudges.count(conn, wanted)) == len(expected)
    assert Filter.from_json(wanted.to_json()) == wanted


def test_times_and_persons_are_filters_too(walk: Walk) -> None:
    opened = walk.clock.now() - timedelta(hours=1)
    read = walk.database.read_now
    assert read(lambda conn: rejudges.count(conn, Filter(opened_from=opened))) == 3
    assert read(lambda conn: rejudges.count(conn, Filter(opened_to=opened))) == 0
    kept = Filter(opened_from=opened, opened_to=opened, among=("case_1",))
    assert Filter.from_json(kept.to_json()) == kept
    theirs = read(lambda conn: rejudges.of_person(conn, (("zendesk_user", "2"),)))
    assert theirs == (case_of(walk, "2"),)
    assert read(lambda conn: rejudges.of_person(conn, (("zendesk_user", "2"),), most=0)) is None
    assert read(lambda conn: rejudges.page(conn, Filter(among=theirs), "", 10)) == list(theirs)


def test_all_moments_of_a_case_that_changed_name_the_version_that_judged_it(walk: Walk) -> None:
    walk.publish(repaired())
    run(walk)

    def look(conn: Any) -> set[tuple[str, int, bool]]:
        rows = conn.execute(select(moments.c.interaction, moments.c.rulebook_version, moments.c.quiet_until))
        return {(row.interaction, row.rulebook_version, row.quiet_until is not None) for row in rows}

    assert walk.database.read_now(look) == {("1", 1, False), ("2", 2, True), ("3", 1, False)}


def test_each_decision_of_a_quiet_story_is_judged_again_from_what_it_saw(walk: Walk) -> None:
    walk.publish(repaired())
    run(walk)

    def check(conn: Any) -> int:
        rows = conn.execute(select(decision_rows.c.id).where(decision_rows.c.interaction == "2", decision_rows.c.superseded_by.is_(None)))
        count = 0
        for (id_,) in rows.all():
            found = decisions.load(conn, id_)
            assert found is not None
            assert found.seen is not None
            judge = walk.rulebooks.version(conn, found.row["rulebook_version"]).judge
            books = walk.rulebooks.books(conn, found.row["rulebook_version"])
            again = judge.decide(found.seen.given, found.seen.previous, found.seen.standing, found.seen.at, found.subject, books=books)
            assert [step.policy for step in again.passed] == [step["policy"] for step in found.row["outcome"]["passed"]]
            assert list(again.untold) == found.row["outcome"].get("untold", [])
            count += 1
        return count

    assert walk.database.read_now(check) == 2


def noticed(walk: Walk) -> list[tuple[str, str, str | None]]:
    def look(conn: Any) -> list[Any]:
        rows = conn.execute(select(notices.c.interaction, notices.c.asked_by, notices.c.over_because))
        return sorted((row.interaction, row.asked_by, row.over_because) for row in rows)

    return walk.database.read_now(look)


def test_nobody_is_told_unless_that_is_asked_for(walk: Walk) -> None:
    assert noticed(walk) == [("1", "policy:sev1/1", None)]
    walk.publish(repaired())
    run(walk)
    assert noticed(walk) == [("1", "policy:sev1/1", None)]


def test_a_message_whose_asking_moves_is_neither_sent_twice_nor_over(walk: Walk) -> None:
    """The old rule heard of it ten minutes after the new one would have."""
    walk.tell([ticket("created", 1, "5", text="gebissen", person="5"), ticket("commented", 11, "5", text="he was bitten", person="5")])
    walk.work()
    before = noticed(walk)
    assert ("5", "policy:sev1/1", None) in before
    walk.publish(repaired())
    run(walk)
    assert noticed(walk) == before
    assert steps(walk, "5") == {1: "fired", 2: "fired", 3: "armed"}
    assert tags(walk, "5") == {"ts_injury", "ts_step1", "ts_step2"}
    assert reproduced(walk) > 3


def test_who_is_told_when_that_is_asked_for_is_told_late(walk: Walk) -> None:
    walk.publish(repaired())
    run(walk, notify=True)
    assert noticed(walk) == [("1", "policy:sev1/1", None), ("2", "policy:sev1/1", None)]
    late = walk.database.read_now(lambda conn: conn.execute(select(notices.c.late).where(notices.c.interaction == "2")).scalar_one())
    assert late

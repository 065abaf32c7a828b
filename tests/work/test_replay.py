"""Replays and the shadow: what another rulebook makes of the same history, told exactly and changing nothing."""

from __future__ import annotations

import asyncio
import copy
import random
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from tests.clocks import START, SettableClock
from tests.work.test_walk_laws import BOOK, STORY, ticket, walked
from tests.work.walk import Walk
from tsbridge.acts import effects
from tsbridge.child_process import RULEBOOKS, in_child
from tsbridge.core.replay import contested
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.store import history, replays, shadow
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import chain, decisions
from tsbridge.store.writing_tables import desired
from tsbridge.work.replay_jobs import A_MOMENT, PATIENCE, Replays, Shadowing

UTC = ZoneInfo("UTC")
MICROSECOND = timedelta(microseconds=1)


def start(walk: Walk, document: Any, id_: str = "rep_1", **more: Any) -> None:
    newest = walk.database.read_now(history.last_at)
    assert newest is not None
    asked = {"since": None, "until": newest + MICROSECOND, "as_recorded": False, **more}
    book = read(document)

    def write(conn: Any) -> None:
        total = history.count(conn)
        replays.create(conn, id_, at=walk.clock.now(), by="key_1", document=document, hash=book.hash, total=total, **asked)

    walk.database.write_now(write)


def run(walk: Walk, rounds: int = 100) -> None:
    worker = Replays(walk.database, walk.clock, walk.rulebooks, UTC, "w1", together=1)

    async def go() -> None:
        for _ in range(rounds):
            if not await worker.round():
                return

    asyncio.run(go())


def job(walk: Walk, id_: str = "rep_1") -> replays.Job:
    found = walk.database.read_now(lambda conn: replays.find(conn, id_))
    assert found is not None
    return found


def moves(walk: Walk, id_: str = "rep_1") -> list[Any]:
    return walk.database.read_now(lambda conn: replays.moves(conn, id_, 10_000, 0))


def milder() -> dict[str, Any]:
    """The same rulebook, but an injury has another severity and gets another tag."""
    book = copy.deepcopy(BOOK)
    rule = next(rule for rule in book["rules"] if rule["key"] == "injury")
    rule["then"] = [{"set_severity": 4}, {"add_tags": ["ts_mild"]}]
    return book


def counted(database: Database) -> list[int]:
    def count(conn: Any) -> list[int]:
        return [conn.execute(select(func.count()).select_from(table)).scalar_one() for table in (chain, decisions, desired)]

    return database.read_now(count)


def test_what_was_live_reproduces_every_recorded_decision(database: Database, late: SettableClock) -> None:
    deliveries = list(STORY)
    random.Random(3).shuffle(deliveries)  # noqa: S311  # reproducible, not secret
    walk = walked(database, late, [[delivery] for delivery in deliveries])
    before = counted(database)
    start(walk, BOOK)
    start(walk, BOOK, "rep_2", as_recorded=True)
    run(walk)
    for id_ in ("rep_1", "rep_2"):
        done = job(walk, id_)
        assert (done.status, done.summary["changed"], done.summary["mismatches"], done.done) == ("done", 0, 0, done.total)
        assert done.summary["decisions"] == len(walk.outcome()["decisions"])
        assert moves(walk, id_) == []
    assert counted(database) == before


def test_another_rulebook_is_told_by_what_moves(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [STORY])
    start(walk, milder())
    start(walk, milder(), "rep_2")
    run(walk)
    one, other = job(walk), job(walk, "rep_2")
    assert one.summary == other.summary
    assert one.summary["changed"] == len(moves(walk)) > 0
    assert one.summary["mismatches"] == 0
    assert {row["tag"]: (row["gained"] > 0, row["lost"] > 0) for row in one.summary["tag_moves"]}["ts_mild"] == (True, False)
    assert [row["from"] for row in one.summary["severity_moves"]] == [1]
    assert one.summary["escalations"]["lost"] > 0
    move = moves(walk)[0]
    assert move["decision_id"].startswith("dec_")
    assert (move["before"]["severity"], move["after"]["severity"]) == (1, 4)


def test_a_decision_that_was_tampered_with_is_named(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [STORY])

    def tamper(conn: Any) -> str:
        row = conn.execute(select(decisions.c.id, decisions.c.outcome).where(decisions.c.severity == 1).limit(1)).one()
        conn.execute(update(decisions).where(decisions.c.id == row.id).values(outcome={**row.outcome, "severity": 3}))
        return str(row.id)

    id_ = database.write_now(tamper)
    start(walk, BOOK, as_recorded=True)
    run(walk)
    assert (job(walk).summary["mismatches"], job(walk).summary["mismatched"]) == (1, [id_])
    assert [(row["decision_id"], row["mismatch"]) for row in moves(walk)] == [(id_, True)]


def test_other_rules_with_the_same_outcome_are_a_mismatch_that_is_listed(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [STORY])

    def tamper(conn: Any) -> str:
        row = conn.execute(select(decisions.c.id, decisions.c.matched).where(decisions.c.severity == 1).limit(1)).one()
        conn.execute(update(decisions).where(decisions.c.id == row.id).values(matched=[*row.matched, ["invented", "escalation"]]))
        return str(row.id)

    id_ = database.write_now(tamper)
    start(walk, BOOK)
    run(walk)
    assert (job(walk).summary["changed"], job(walk).summary["mismatches"]) == (0, 1)
    assert [(row["decision_id"], row["mismatch"]) for row in moves(walk)] == [(id_, True)]


def test_two_rulebooks_over_the_newest_stories_differ_as_a_replay_says(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [STORY])
    start(walk, milder())
    run(walk)
    until = database.read_now(history.last_at)
    assert until is not None
    found = database.read_now(lambda conn: history.recent(conn, 100, contacts=True))
    one, other = (Judge(read(book), UTC) for book in (BOOK, milder()))
    said = contested(found, one, other, until, UTC, counted=True).summary()
    replayed = job(walk).summary
    for name in ("decisions", "changed", "load"):
        assert said[name] == replayed[name], name
    assert [row["cases"] for row in said["severity_moves"]] == [row["cases"] for row in replayed["severity_moves"]]
    assert contested(found, one, one, until, UTC, counted=True).summary()["changed"] == 0


def test_only_decisions_of_the_asked_time_are_counted(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [STORY])
    at = sorted(database.read_now(lambda conn: conn.execute(select(decisions.c.at)).scalars().all()))
    start(walk, milder(), since=at[1], until=at[-1])
    run(walk)
    assert job(walk).summary["decisions"] == sum(at[1] <= one < at[-1] for one in at)


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    clock.advance(timedelta(days=1))
    return clock


@pytest.fixture
def many(database: Database, late: SettableClock) -> Walk:
    deliveries = [ticket("created", n, str(5_000 + n), text="bitten" if n % 3 else "hello", person=str(900 + n)) for n in range(95)]
    return walked(database, late, [deliveries])


def test_a_replay_goes_on_where_it_was_when_its_worker_dies(many: Walk) -> None:
    start(many, milder())
    run(many, rounds=1)
    assert (job(many).status, job(many).done) == ("running", 40)
    another = Replays(many.database, many.clock, many.rulebooks, UTC, "w2", together=1)
    assert asyncio.run(another.round()) is False  # the first one's lease still holds
    many.clock.advance(timedelta(minutes=2))
    while asyncio.run(another.round()):
        pass
    start(many, milder(), "rep_2")
    run(many)
    assert job(many).summary == job(many, "rep_2").summary
    assert job(many).done == job(many).total == 95


def test_a_cancelled_replay_stops_and_keeps_what_it_found(many: Walk) -> None:
    start(many, milder())
    run(many, rounds=1)
    assert many.database.write_now(lambda conn: replays.finish(conn, "rep_1", "cancelled", START))
    run(many)
    assert (job(many).status, job(many).done) == ("cancelled", 40)
    assert not many.database.write_now(lambda conn: replays.finish(conn, "rep_1", "done", START))


def test_replays_and_the_shadow_step_aside_for_deliveries_and_not_for_ever(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [[ticket("created", 0, "7000", text="bitten")]])
    shadowing = shadowed(walk, milder())
    walk.tell([ticket("created", 1, "7001", text="bitten", person="50")])
    walk.work()
    start(walk, milder())
    walk.tell([ticket("created", 2, "7002", text="hello", person="51")])
    walk.clock.advance(timedelta(seconds=1))
    worker = Replays(walk.database, walk.clock, walk.rulebooks, UTC, "w1")
    later = walk.clock.now() + A_MOMENT

    async def steps() -> None:
        for one in (worker, shadowing):
            assert [await one.round() for _ in range(PATIENCE)] == [later] * PATIENCE

    asyncio.run(steps())
    assert (job(walk).done, database.read_now(shadow.counts)) == (0, (0, 0))
    assert asyncio.run(worker.round()) is asyncio.run(shadowing.round()) is True
    assert job(walk).done == 2
    assert database.read_now(shadow.counts) != (0, 0)
    assert asyncio.run(worker.round()) == later
    walk.work()
    run(walk)
    assert job(walk).status == "done"


def shadowed(walk: Walk, document: Any) -> Shadowing:
    walk.database.write_now(lambda conn: shadow.begin(conn, document, read(document).hash, walk.clock.now(), "key_1"))
    return Shadowing(walk.database, walk.clock, walk.rulebooks, UTC)


def test_the_shadow_is_asked_about_what_comes_and_decides_nothing(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [[ticket("created", 0, "7000", text="bitten")]])
    shadowing = shadowed(walk, milder())
    walk.tell([ticket("created", 1, "7001", text="bitten", person="50"), ticket("created", 2, "7002", text="hello", person="51")])
    walk.work()
    before = counted(database)
    while asyncio.run(shadowing.round()):
        pass
    assert counted(database) == before
    compared, changed = database.read_now(shadow.counts)
    assert compared >= 2
    assert changed >= 1
    found = database.read_now(lambda conn: shadow.moves(conn, 100, 0))
    assert {row["ticket"] for row in found} == {"7001"}
    assert {row["after"]["severity"] for row in found} == {4}


def test_a_shadow_of_the_live_rulebook_never_differs(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [STORY[:2]])
    shadowing = shadowed(walk, BOOK)
    for delivery in STORY[2:]:
        walk.tell([delivery])
        walk.work()
        while asyncio.run(shadowing.round()):
            pass
    compared, changed = database.read_now(shadow.counts)
    assert compared > 0
    assert changed == 0


def test_a_shadow_that_ends_leaves_nothing(database: Database, late: SettableClock) -> None:
    walk = walked(database, late, [STORY[:1]])
    shadowed(walk, BOOK)
    assert database.write_now(shadow.end)
    assert database.read_now(shadow.find) is None
    assert not database.write_now(shadow.end)


def test_what_would_move_among_the_newest_stories_is_the_same_worked_out_by_another_process(
    database: Database, clock: SettableClock
) -> None:
    walk = walked(database, clock, [list(STORY)])
    told = walk.database.read_now(lambda conn: effects.newest(conn, 50))
    here = effects.compared(BOOK, milder(), told, UTC)
    assert here["effect"]["stories"]["cases"] >= 1
    assert in_child(effects.compared, BOOK, milder(), told, UTC, limits=RULEBOOKS) == here

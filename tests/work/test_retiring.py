"""What people said goes from cases that are at rest for long enough, and no decision changes by it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from tests.clocks import CountingIds, SettableClock
from tests.store.plans import plan
from tests.work.test_redaction import CARD, NAME, Redacting, holding, in_force
from tests.work.test_rejudge import reproduced
from tests.work.walk import call
from tsbridge.core.retention import TEXTS, Retention
from tsbridge.store import decisions as recorded
from tsbridge.store import proof, retention, retiring
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes, decisions
from tsbridge.store.moment_tables import moments
from tsbridge.store.writing_tables import desired
from tsbridge.work.retention import PAUSE, Removal
from tsbridge.work.retiring import Retiring

WEEK = timedelta(days=7)


class Resting(Redacting):
    """A desk with a case about a card number that comes to rest."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        super().__init__(database, clock)
        self.database = database
        self.ids = CountingIds(9_000)
        self.ticket = self.report()
        self.solve()

    def solve(self) -> None:
        self.clock.advance(60)
        self.writing.edit(self.ticket, status="solved")
        self.ring(self.ticket)
        self.settle(self.ticket)
        assert self.status() == "resolved"

    def status(self) -> str:
        return str(self.database.read_now(lambda conn: conn.execute(select(cases.c.status)).scalar_one()))

    def removal(self, span: timedelta | None = WEEK) -> Removal:
        retiring_ = Retiring(self.database, self.clock, self.ids, lambda: "salt", self.walk.rulebooks)
        return Removal(self.database, self.clock, Retention(texts=span), "w1", retiring_)

    def retire(self, span: timedelta | None = WEEK) -> int:
        """Steps until nothing is due; returns how many."""
        task, steps = self.removal(span), 1
        while asyncio.run(task.round()) == self.clock.now() + PAUSE:
            self.clock.advance(PAUSE)
            steps += 1
        return steps


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Resting:
    return Resting(database, clock)


def verdict(database: Database) -> Any:
    found = database.read_now(proof.verify)
    return found["ok"] or found["broken"]


def test_words_of_a_case_at_rest_stand_in_no_table_and_everything_else_does(desk: Resting, database: Database) -> None:
    assert {"moments.body", "inbox.body"} <= set(holding(database, CARD, NAME))
    stood, before = in_force(database), desk.walk.outcome()
    desk.clock.advance(WEEK - timedelta(hours=1))
    desk.retire()
    assert "moments.body" in holding(database, CARD)
    desk.clock.advance(timedelta(hours=2))
    desk.retire()
    assert holding(database, CARD, NAME) == []
    assert "moments.body" in holding(database, "ana.silva@example.com")
    assert in_force(database) == stood
    after = desk.walk.outcome()
    assert (after["decisions"], after["members"], after["steps"]) == (before["decisions"], before["members"], before["steps"])
    assert verdict(database) is True
    assert reproduced(desk.walk) >= 1
    assert database.read_now(retention.removed)[TEXTS]["rows"] > 0


def test_by_default_words_are_kept(desk: Resting, database: Database) -> None:
    desk.clock.advance(1_000 * WEEK)
    assert desk.retire(None) == 1
    assert "moments.body" in holding(database, CARD)


def test_a_case_that_is_open_or_whose_ticket_is_to_be_written_keeps_its_words(desk: Resting, database: Database) -> None:
    desk.clock.advance(2 * WEEK)
    database.write_now(lambda conn: conn.execute(update(desired).values(status="waiting")) and None)
    desk.retire()
    assert "moments.body" in holding(database, CARD)
    database.write_now(lambda conn: conn.execute(update(desired).values(status="confirmed")) and None)
    desk.writing.edit(desk.ticket, status="open")
    desk.ring(desk.ticket)
    desk.settle(desk.ticket)
    assert desk.status() == "open"
    desk.clock.advance(2 * WEEK)
    desk.retire()
    assert "moments.body" in holding(database, CARD)


def test_a_moment_that_comes_late_is_judged_and_no_decision_is_revised(desk: Resting, database: Database) -> None:
    desk.clock.advance(2 * WEEK)
    desk.retire()
    stood = in_force(database)
    late = call("call.ended", 0, "c1", zendesk_ticket_id=desk.ticket)
    late[1]["timestamp"] = "2026-11-22T08:30:00Z"
    desk.walk.tell([late])
    desk.walk.work()
    now = in_force(database)
    assert set(stood) < set(now)
    assert verdict(database) is True


def test_judged_again_from_the_start_it_comes_out_as_it_was(desk: Resting, database: Database) -> None:
    desk.clock.advance(2 * WEEK)
    desk.retire()
    stood, before = in_force(database), desk.walk.outcome()
    case_id = before["cases"][0][0]

    def again(conn: Connection) -> None:
        live = desk.walk.conclusions.begin(conn)
        desk.walk.conclusions.judge_case(conn, live, case_id, desk.clock.now(), whole=True)

    database.write_now(again)
    assert in_force(database) == stood
    assert desk.walk.outcome() == before


def test_words_that_come_later_are_matched_and_go_when_it_has_rested_again(desk: Resting, database: Database) -> None:
    desk.clock.advance(2 * WEEK)
    desk.retire()
    desk.writing.edit(desk.ticket, status="open", comment={"body": "another one: 4111 2222", "public": True})
    desk.ring(desk.ticket)
    desk.settle(desk.ticket)
    query = select(decisions.c.matched).order_by(decisions.c.number.desc()).limit(1)
    assert ["card", "escalation"] in database.read_now(lambda conn: conn.execute(query).scalar_one())
    desk.retire()
    assert "moments.body" in holding(database, "4111 2222")
    desk.solve()
    desk.clock.advance(2 * WEEK)
    desk.retire()
    assert holding(database, "4111 2222") == []
    assert verdict(database) is True


def test_what_a_caller_said_goes_with_the_case(desk: Resting, database: Database) -> None:
    said = call("note.created", 0, "c1", zendesk_ticket_id=desk.ticket, content="Zebulon shouted about the card")
    desk.walk.tell([said, call("call.ended", 0, "c1", zendesk_ticket_id=desk.ticket)])
    desk.walk.work()
    assert "moments.body" in holding(database, "shouted")
    asyncio.run(desk.walk.desk.resolve(desk.walk.outcome()["cases"][0][0], "ana", None))
    desk.settle(desk.ticket)
    assert desk.status() == "resolved"
    desk.clock.advance(2 * WEEK)
    stood = in_force(database)
    desk.retire()
    assert holding(database, CARD, "shouted") == []
    assert in_force(database) == stood
    assert verdict(database) is True


def test_the_tickets_audits_read_again_bring_nothing_back(desk: Resting, database: Database) -> None:
    desk.clock.advance(2 * WEEK)
    desk.retire()
    stood = in_force(database)
    desk.ring(desk.ticket)
    desk.settle(desk.ticket)
    assert "moments.body" not in holding(database, CARD, NAME)
    assert in_force(database) == stood


def test_reasons_stand_without_the_words_and_the_change_names_what_it_touched(desk: Resting, database: Database) -> None:
    desk.clock.advance(2 * WEEK)
    desk.retire()
    (id_, *_) = next(one for one in in_force(database) if one[2] == 1)
    found = database.read_now(lambda conn: recorded.load(conn, id_))
    assert found is not None
    assert found.held is not None
    (rule,) = [rule for rule in found.held.reasons["rules"] if rule["key"] == "card"]
    assert [(leaf["field"], leaf["actual"], leaf["redacted_since"]) for leaf in rule["because"]] == [("text", None, found.held.since)]
    rows = database.read_now(lambda conn: conn.execute(select(changes).where(changes.c.action == "words.retire")).mappings().all())
    assert id_ in {decision for row in rows for decision in row["after"]["decisions"]}
    digests = {digest for row in rows for digest in row["after"]["moments"]}
    silent = database.read_now(
        lambda conn: conn.execute(select(moments.c.digest).where(moments.c.redacted_at.is_not(None))).scalars().all()
    )
    assert digests == set(silent)


def test_a_long_story_goes_in_parts(desk: Resting, database: Database) -> None:
    for number in range(6):
        desk.clock.advance(60)
        desk.writing.edit(desk.ticket, comment={"body": f"word{number} {CARD}", "public": True})
        desk.ring(desk.ticket)
        desk.settle(desk.ticket)
    desk.solve()
    stood = in_force(database)
    desk.clock.advance(2 * WEEK)
    before = desk.clock.now() - WEEK
    small = Retiring(database, desk.clock, CountingIds(9_000), lambda: "salt", desk.walk.rulebooks, decisions=2, moments=3)
    parts = 0
    while asyncio.run(small.step(before)).more:
        parts += 1
        assert verdict(database) is True
        held = database.read_now(lambda conn: conn.execute(select(func.count()).where(decisions.c.held.is_not(None))).scalar_one())
        assert held <= 2 * parts
    assert parts > 4
    assert holding(database, CARD, "word3") == []
    assert in_force(database) == stood
    assert reproduced(desk.walk) >= len(stood)


def test_cases_at_rest_are_found_by_an_index_in_its_order(database: Database, clock: SettableClock) -> None:
    words = database.read_now(lambda conn: plan(conn, retiring.DUE, {"before": clock.now(), "most": 1}))
    assert "cases_at_rest" in words
    assert "TEMP B-TREE FOR ORDER BY" not in words


def test_what_is_due_is_counted_without_anything_going(desk: Resting, database: Database) -> None:
    desk.clock.advance(2 * WEEK)
    standing = database.read_now(lambda conn: retention.standing(conn, TEXTS, WEEK, desk.clock.now()))
    assert (standing.due, standing.removed) == (1, 0)
    assert asyncio.run(desk.removal().round()) == desk.clock.now() + PAUSE
    desk.retire()
    assert database.read_now(lambda conn: retention.standing(conn, TEXTS, WEEK, desk.clock.now())).due == 0

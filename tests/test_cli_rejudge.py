"""`tsbridge cases rejudge`: a plan in words and as JSON, then the change itself."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.test_cli import Run, migrated, run
from tests.work.test_rejudge import GEBISSEN, HELLO, book, case_of, repaired
from tests.work.walk import Walk
from tsbridge.store import decision_tables, proof
from tsbridge.store.db import Database

__all__ = ["migrated", "run"]


@pytest.fixture
def walk(migrated: str) -> Iterator[Walk]:
    with Database.open(migrated) as database:
        walk = Walk(database, SettableClock(), book())
        walk.tell([GEBISSEN, HELLO])
        walk.work()
        walk.publish(repaired())
        yield walk


def test_a_plan_is_told_and_nothing_changes(run: Run, walk: Walk) -> None:
    before = walk.outcome()
    told = run("cases", "rejudge")
    assert told.code == 0
    assert "2 open cases looked at, 1 would be otherwise by version 2." in told.out
    assert "intake > safety" in told.out
    assert "+ts_injury" in told.out
    assert "--apply does it" in told.out
    assert walk.outcome() == before


def test_what_is_applied_is_told_and_stands_under_the_users_name(run: Run, walk: Walk) -> None:
    told = run("cases", "rejudge", "--apply", "--queue", "intake", "--note", "german", "--live", "2", "--json").json
    assert (told["status"], told["filter"], told["summary"]["changed"]) == ("done", {"queue": "intake"}, 1)
    assert [item["case_id"] for item in told["moves"]] == [case_of(walk, "2")]
    assert run("cases", "rejudge", "--json").json["moves"] == []

    def actors(conn: Any) -> set[str]:
        return set(
            conn.execute(select(decision_tables.changes.c.actor).where(decision_tables.changes.c.action == "case.rejudge")).scalars()
        )

    assert walk.database.read_now(actors) == {getpass.getuser()}
    assert walk.database.read_now(proof.verify)["ok"]


def test_of_what_no_open_case_has_it_is_said_what_there_is(run: Run, walk: Walk) -> None:
    told = run("cases", "rejudge", "--severity", "7", "--queue", "safty")
    assert (told.code, told.out.splitlines()[0]) == (0, "0 open cases looked at, 0 would be otherwise by version 2.")
    assert "No open case has the severity 7; there are none with one." in told.out
    assert "No open case has the queue safty; there are intake." in told.out
    assert "No open case" not in run("cases", "rejudge", "--queue", "intake").out


def test_what_makes_no_sense_is_refused(run: Run, walk: Walk) -> None:
    assert run("cases", "rejudge", "--live", "1").code == 2
    assert run("cases", "rejudge", "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-22T00:00:00Z").code == 2
    assert run("cases", "rejudge", "--from", "yesterday").code == 2
    assert run("cases", "rejudge", "--colour", "red").code == 2

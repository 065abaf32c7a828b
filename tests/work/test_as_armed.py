"""A policy goes on as it was armed, whatever is published meanwhile, and says whose it is."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.test_rejudge import BITTEN, book
from tests.work.walk import Walk, ticket
from tsbridge.store.db import Database
from tsbridge.store.escalation_tables import escalations

Steps = list[tuple[int, str, int, int]]


@pytest.fixture
def walk(database: Database, clock: SettableClock) -> Walk:
    found = Walk(database, clock, book())
    found.tell([BITTEN])
    found.work()
    return found


def slower() -> dict[str, Any]:
    found = copy.deepcopy(book())
    found["policies"]["sev1"]["steps"][1]["after"] = "2h"
    found["policies"]["sev1"]["steps"][1]["actions"] = [{"add_tags": ["ts_late"]}]
    del found["policies"]["sev1"]["steps"][2]
    return found


def without() -> dict[str, Any]:
    """The rule that escalates and its policy are gone."""
    found = copy.deepcopy(book())
    del found["policies"]
    found["rules"][0]["then"].pop()
    return found


def steps(walk: Walk) -> Steps:
    """Step, status, minutes after it was armed, rulebook version."""
    rows = walk.database.read_now(lambda conn: conn.execute(select(escalations).order_by(escalations.c.armed_at, escalations.c.step)).all())
    return [(row.step, row.status, round((row.due_at - row.armed_at) / timedelta(minutes=1)), row.version) for row in rows]


@pytest.mark.parametrize("change", [slower, without])
def test_what_was_armed_fires_as_it_was_armed(walk: Walk, change: Any) -> None:
    walk.publish(change())
    walk.tell([ticket("updated", 1, "1", priority="high")])  # judged by the new rulebook
    walk.clock.advance(timedelta(minutes=16))
    walk.work()
    assert steps(walk) == [(1, "fired", 0, 1), (2, "fired", 15, 1), (3, "armed", 240, 1)]
    walk.clock.advance(timedelta(hours=4))
    walk.work()
    assert steps(walk) == [(1, "fired", 0, 1), (2, "fired", 15, 1), (3, "fired", 240, 1)]


def test_what_is_armed_afterwards_is_armed_by_the_new_one(walk: Walk) -> None:
    walk.publish(slower())
    walk.tell([ticket("created", 2, "9", text="bitten again", person="9")])
    walk.clock.advance(timedelta(minutes=20))
    walk.work()
    assert steps(walk)[3:] == [(1, "fired", 0, 2), (2, "armed", 120, 2)]


def test_what_the_old_one_stops_by_stops_it(database: Database, clock: SettableClock) -> None:
    stopping = book()
    stopping["policies"]["sev1"]["stops_when"] = {"all": [{"field": "ticket.priority", "operator": "is", "value": "low"}]}
    walk = Walk(database, clock, stopping)
    walk.tell([BITTEN])
    walk.work()
    walk.publish(slower())
    walk.tell([ticket("updated", 3, "1", priority="low")])
    walk.clock.advance(timedelta(minutes=20))
    walk.work()
    assert [(step, status) for step, status, _, _ in steps(walk)] == [(1, "fired"), (2, "stopped"), (3, "stopped")]


def test_told_late_or_whole_it_comes_to_the_same(walk: Walk) -> None:
    walk.publish(slower())
    walk.clock.advance(timedelta(hours=5))
    walk.work()
    before = steps(walk)
    walk.tell([ticket("updated", 1, "1", priority="high")])  # late: the story is judged again from there
    walk.work()
    assert steps(walk) == before == [(1, "fired", 0, 1), (2, "fired", 15, 1), (3, "fired", 240, 1)]

"""No delivery and no story grows without bound: long texts are cut and say so, and what is kept of a case does not follow its length."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import func, select

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk, call, ticket
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.moment_tables import moments

TEXT = 65_536
"""Characters of one text that are kept."""
STATE = 10_000
"""Bytes of what is kept of a case beside its moments: no words."""


def sizes(database: Database) -> tuple[int, int, int]:
    """The longest text of a moment, the largest working state of a case, the largest decision."""
    bodies = database.read_now(lambda conn: conn.execute(select(moments.c.body)).scalars().all())
    texts = [text for body in bodies for text in (body if isinstance(body, dict) else json.loads(body)).get("texts", [])]
    longest = max(len(json.dumps(text, ensure_ascii=False)) for text in texts)
    states = database.read_now(lambda conn: conn.execute(select(cases.c.state)).scalars().all())
    outcomes = database.read_now(lambda conn: conn.execute(select(func.max(func.length(decisions.c.outcome)))).scalar_one())
    return longest, max(len(json.dumps(state)) for state in states), outcomes


def test_one_text_is_cut_where_it_is_read(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", 0, "1", text="a" * 900_000), call("call.note", 1, "c1", notes="b" * 900_000)])
    clock.advance(timedelta(hours=1))
    walk.work()
    longest, state, outcome = sizes(database)
    assert TEXT <= longest < TEXT + 200
    assert state < STATE
    assert outcome < STATE


def test_what_is_kept_of_a_case_does_not_follow_the_length_of_its_story(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    clock.advance(timedelta(hours=3))
    seen = []
    for turn in range(3):
        walk.tell([ticket("commented", 10 * turn + n, "1", text=f"{turn} {n} " + "word " * 6_000) for n in range(10)])
        walk.work()
        seen.append(sizes(database)[1])
    assert seen[0] == seen[1] == seen[2] < STATE

"""Acts on cases as plain functions: whole or not at all, and refused in the words of the domain."""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from tests.clocks import START
from tests.web import rows
from tsbridge.acts import casework
from tsbridge.acts.errors import Conflict, NotFound
from tsbridge.acts.ledger import Entry
from tsbridge.core.moments import Interaction, Moment
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import changes
from tsbridge.store.link_tables import link_edits

ENTRY = Entry(START, "sue", "chg_1", "salt")
TICKET = Interaction("zendesk", "4711")


class Broken(Exception):
    """Judging failed."""


class BrokenJudging:
    def begin(self, conn: Connection) -> None:
        """Nobody else is there."""

    def hear(self, conn: Connection, moment: Moment, now: datetime) -> None:
        raise Broken

    def link_anew(self, conn: Connection, subjects: Set[Interaction], now: datetime) -> None:
        raise Broken

    def withdraw(self, conn: Connection, moment: str, by: str, reason: str, now: datetime) -> bool:
        raise Broken


@pytest.fixture
def database(database: Database) -> Database:
    """Two cases; the first has a call, too."""

    def write(conn: Connection) -> None:
        rows.case(conn, "case_1", START, "4711")
        rows.interaction(conn, "case_1", "talkdesk", "call-9", START)
        rows.case(conn, "case_2", START, "4712")

    database.write_now(write)
    return database


ACTS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (casework.acknowledge, ("case_1", "on it")),
    (casework.resolve, ("case_1",)),
    (casework.note, ("case_1", "called her back")),
    (casework.assign, ("case_1", "7")),
    (casework.merge, ("case_1", "case_2")),
    (casework.split, ("case_1", TICKET)),
]


def did(database: Database, act: Callable[..., Any], asked: tuple[Any, ...]) -> Any:
    return database.write_now(lambda conn: act(conn, ENTRY, BrokenJudging(), *asked))


def left(database: Database) -> list[int]:
    """How many changes and edits of links there are."""
    tables = (changes, link_edits)
    return database.read_now(lambda conn: [conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables])


def test_an_act_that_cannot_be_judged_leaves_nothing(database: Database) -> None:
    for act, asked in ACTS:
        with pytest.raises(Broken):
            did(database, act, asked)
        assert left(database) == [0, 0], act


def test_what_makes_no_sense_is_refused_before_anything_is_judged(database: Database) -> None:
    for act, (_, *more) in ACTS:
        with pytest.raises(NotFound, match=r"^There is no such case\.$"):
            did(database, act, ("case_none", *more))
    with pytest.raises(NotFound):
        did(database, casework.merge, ("case_1", "case_none"))
    for act, asked in [
        (casework.merge, ("case_1", "case_1")),
        (casework.split, ("case_1", Interaction("zendesk", "4712"))),
        (casework.split, ("case_2", Interaction("zendesk", "4712"))),
        (casework.assign, ("case_1", "nobody")),
    ]:
        with pytest.raises(Conflict):
            did(database, act, asked)
    with pytest.raises(NotFound, match=r"^There is no such moment\.$"):
        did(database, casework.withdraw, ("0" * 64, "wrong"))
    assert left(database) == [0, 0]

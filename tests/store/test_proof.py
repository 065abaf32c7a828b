"""What the proof of the audit finds: every column that is shown or searched, altered once, and rows taken away or put in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, select, update

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK, STORY
from tests.work.walk import Walk
from tsbridge.core.chain import commitment
from tsbridge.store import chain, proof
from tsbridge.store.db import Database
from tsbridge.store.tables import change_subjects, changes, decision_rules, decision_tags, decisions, rulebooks

Tampering = Callable[[Connection], int]
"""Alters something and returns the seq at which that must be found."""


class _Undo(Exception):
    pass


def found_after(database: Database, tamper: Tampering) -> tuple[int, set[int]]:
    """The seq that was tampered with, and the seqs that the proof names; everything is as before afterwards."""
    found: list[tuple[int, set[int]]] = []

    def work(conn: Connection) -> None:
        seq = tamper(conn)
        found.append((seq, {one["seq"] for one in proof.verify(conn)["broken"]}))
        raise _Undo

    with pytest.raises(_Undo):
        database.write_now(work)
    return found[0]


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, dict):
        return {**value, "more": 1}
    if isinstance(value, list):
        return [*value, ["more", "routing"]]
    return "other" if value is None else value + "x"


def altered(table: Table, column: str) -> Tampering:
    def tamper(conn: Connection) -> int:
        row = conn.execute(select(table).order_by(table.c.seq)).mappings().first()
        assert row is not None
        same = [each == row[each.name] for each in table.primary_key]
        conn.execute(update(table).where(*same).values({column: other(row[column])}))
        return int(row["seq"])

    return tamper


def removed(table: Table) -> Tampering:
    def tamper(conn: Connection) -> int:
        row = conn.execute(select(table).order_by(table.c.seq)).mappings().first()
        assert row is not None
        conn.execute(delete(table).where(*[each == row[each.name] for each in table.primary_key]))
        return int(row["seq"])

    return tamper


def doubled(table: Table, **differing: Any) -> Tampering:
    def tamper(conn: Connection) -> int:
        row = conn.execute(select(table).order_by(table.c.seq)).mappings().first()
        assert row is not None
        made = {**row, **differing}
        conn.execute(insert(table).values(**made))
        return int(made["seq"])

    return tamper


def another_document(conn: Connection) -> int:
    conn.execute(update(rulebooks).values(document={"schema": 1}))
    return int(conn.execute(select(decisions.c.seq).order_by(decisions.c.seq)).scalars().first() or 0)


def tamperings() -> Iterable[tuple[str, Tampering]]:
    for table in (decisions, changes):
        for column in [each.name for each in table.columns]:
            if column != "seq":
                yield f"{table.name}.{column} altered", altered(table, column)
        yield f"a row of {table.name} gone", removed(table)
        yield f"a row of {table.name} invented", doubled(table, seq=9_000, id="invented")
    for table, column in ((decision_rules, "key"), (decision_rules, "kind"), (decision_tags, "tag"), (change_subjects, "subject")):
        yield f"{table.name}.{column} altered", altered(table, column)
        yield f"a row of {table.name} gone", removed(table)
        yield f"a row of {table.name} invented", doubled(table, **{column: "invented", "seq": 1} if column != "kind" else {"seq": 9_000})
    yield "rulebooks.document altered", another_document


@pytest.fixture
def walked(database: Database, clock: SettableClock) -> Database:
    clock.advance(timedelta(days=1))
    walk = Walk(database, clock, BOOK)
    walk.tell(STORY)
    walk.work()
    names = {"actor": "Ana Silva", "action": "key.create", "subject": "abc"}
    database.write_now(
        lambda conn: chain.add_change(
            conn, id="chg_1", at=clock.now(), before={"a": 1}, after={"a": 2}, salt="salt", also=["injury"], **names
        )
    )
    return database


def test_every_tampering_of_what_is_shown_or_searched_is_found_where_it_is(walked: Database) -> None:
    verdict = walked.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]
    missed = []
    for name, tamper in tamperings():
        seq, found = found_after(walked, tamper)
        if seq not in found:
            missed.append(name)
    assert missed == []
    assert walked.read_now(proof.verify) == verdict


def test_who_changed_something_is_in_the_chain_as_a_commitment_only(walked: Database) -> None:
    record = walked.read_now(lambda conn: conn.execute(select(chain.chain.c.record).where(chain.chain.c.id == "chg_1")).scalar_one())
    assert record["actor"] == commitment("salt", "Ana Silva")
    assert "Ana" not in str(record)

"""What the proof of the audit finds: every column that is shown or searched, altered once, and rows taken away or put in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, RowMapping, Table, delete, event, insert, select, type_coerce, update

from tests import tampering
from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK, STORY
from tests.work.walk import Walk
from tsbridge.core.chain import commitment
from tsbridge.store import chain, proof
from tsbridge.store.columns import PackedText
from tsbridge.store.db import Database
from tsbridge.store.decision_proof import Decisions
from tsbridge.store.decision_tables import (
    change_subjects,
    changes,
    decision_blocks,
    decision_facets,
    decision_rules,
    decision_tags,
    decisions,
    unsealed,
)
from tsbridge.store.version_tables import rulebooks

Place = int | str
"""A seq in the chain; of a decision that has none its id."""
Tampering = Callable[[Connection], Place]
"""Alters something and returns where that must be found."""
KEYS = {decisions: "number", decision_rules: "number", decision_tags: "number", changes: "seq", change_subjects: "seq", unsealed: "number"}


SAMPLE = {"sqlite": 60, "postgresql": 16}
"""So many tamperings."""


class _Undo(Exception):
    pass


def found_after(database: Database, tamper: Tampering) -> tuple[Place, set[Place]]:
    """The place that was tampered with, and those that the proof names; everything is as before afterwards."""
    found: list[tuple[Place, set[Place]]] = []

    def work(conn: Connection) -> None:
        place = tamper(conn)
        broken = proof.verify(conn)["broken"]
        found.append((place, {one[name] for one in broken for name in ("seq", "id") if one.get(name) is not None}))
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


def first(conn: Connection, table: Table) -> tuple[RowMapping, Place, list[ColumnElement[bool]]]:
    """A row of the table: its place, and what finds it again."""
    row = conn.execute(select(table).order_by(table.c[KEYS[table]])).mappings().first()
    assert row is not None
    return row, place_of(conn, row), [each == row[each.name] for each in table.primary_key]


def place_of(conn: Connection, row: RowMapping) -> Place:
    """Where the row's entry stands; the id of a decision that has no entry yet."""
    if "number" not in row:
        return int(row["seq"])
    of = select(decisions.c.id, chain.chain.c.seq).outerjoin(chain.chain, chain.chain.c.id == decisions.c.id)
    id_, seq = conn.execute(of.where(decisions.c.number == row["number"])).one()
    return str(id_) if seq is None else int(seq)


def altered(table: Table, column: str) -> Tampering:
    def tamper(conn: Connection) -> Place:
        row, place, same = first(conn, table)
        conn.execute(update(table).where(*same).values({column: row[column] + 9_000 if column == "number" else other(row[column])}))
        return place

    return tamper


def removed(table: Table) -> Tampering:
    def tamper(conn: Connection) -> Place:
        _, place, same = first(conn, table)
        conn.execute(delete(table).where(*same))
        return place

    return tamper


def doubled(table: Table, place: Place, **differing: Any) -> Tampering:
    def tamper(conn: Connection) -> Place:
        row, _, _ = first(conn, table)
        conn.execute(insert(table).values(**{**row, **differing}))
        return place

    return tamper


def beside(table: Table, column: str) -> Tampering:
    """A row put in beside the others of a decision or a change."""

    def tamper(conn: Connection) -> Place:
        row, place, _ = first(conn, table)
        conn.execute(insert(table).values(**{**row, column: "invented"}))
        return place

    return tamper


def another_document(conn: Connection) -> Place:
    conn.execute(update(rulebooks).values(document={"schema": 1}))
    return first(conn, decisions)[1]


def swapped(conn: Connection) -> Place:
    """The order of two decisions turned round, and all that hangs on their numbers with it."""
    one, two = conn.execute(select(decisions.c.number).order_by(decisions.c.number).limit(2)).scalars()
    _, place, _ = first(conn, decisions)
    for before, after in ((one, 9_000), (two, one), (9_000, two)):
        for table in (decisions, decision_rules, decision_tags):
            conn.execute(update(table).where(table.c.number == before).values(number=after))
    return place


def of_decisions() -> Iterable[tuple[str, Tampering]]:
    for column in [each.name for each in decisions.columns]:
        yield f"decisions.{column} altered", altered(decisions, column)
    yield "a row of decisions gone", removed(decisions)
    yield "a row of decisions invented", doubled(decisions, "invented", number=9_000, id="invented")
    for table, column in ((decision_rules, "key"), (decision_rules, "kind"), (decision_tags, "tag")):
        yield f"{table.name}.{column} altered", altered(table, column)
        yield f"{table.name}.number altered", altered(table, "number")
        yield f"a row of {table.name} gone", removed(table)
        if column != "kind":
            yield f"a row of {table.name} invented", beside(table, column)
    yield "two decisions swapped", swapped
    yield "rulebooks.document altered", another_document


@pytest.fixture
def walked(database: Database, clock: SettableClock) -> Database:
    clock.advance(timedelta(days=1))
    walk = Walk(database, clock, BOOK)
    walk.tell(STORY)
    walk.work()
    names = {"actor": "Ana Silva", "action": "rule.pause", "subject": "abc"}
    database.write_now(
        lambda conn: chain.add_change(
            conn, id="chg_1", at=clock.now(), before={"a": 1}, after={"a": 2}, salt="salt", also=["injury"], **names
        )
    )
    return database


def test_who_changed_something_is_in_the_chain_as_a_commitment_only(walked: Database) -> None:
    record = walked.read_now(lambda conn: conn.execute(select(chain.chain.c.record).where(chain.chain.c.id == "chg_1")).scalar_one())
    assert record["actor"] == commitment("salt", "Ana Silva")
    assert "Ana" not in str(record)


def test_whatever_is_altered_in_any_table_that_the_audit_shows_or_searches_is_found_where_it_is(
    database: Database, clock: SettableClock
) -> None:
    tampering.filled(database, clock)
    whole = database.read_now(proof.verify)
    assert whole["ok"], whole["broken"]
    rng = random.Random(17)  # noqa: S311
    every = list(tampering.each(rng))
    assert {held.table.name for _, held, _ in every} == {held.table.name for held in tampering.HELD}
    missed, done = [], 0
    for name, held, how in every[: SAMPLE[database.dialect]]:
        if (outcome := tampering.tampered(database, held, how, rng)) is not None:
            places, found = outcome
            done += 1
            missed += [] if places & found else [(name, places, found)]
    assert missed == []
    assert done >= SAMPLE[database.dialect] - 10
    assert database.read_now(proof.verify) == whole


def test_what_a_decision_saw_cannot_be_taken_away(walked: Database) -> None:
    def forget(conn: Connection) -> Place:
        place = first(conn, decisions)[1]
        conn.execute(update(decisions).where(decisions.c.number == first(conn, decisions)[0]["number"]).values(seen=None))
        return place

    place, found = found_after(walked, forget)
    assert place in found


def far_away(conn: Connection) -> Place:
    tampering.unbolt(conn)
    last = conn.execute(select(chain.chain.c.seq).order_by(chain.chain.c.seq.desc()).limit(1)).scalar_one()
    conn.execute(update(chain.chain).where(chain.chain.c.seq == last).values(seq=1 << 60))
    return int(last)


def block_far_away(conn: Connection) -> Place:
    conn.execute(insert(decision_blocks).values(block=1 << 30, first_at=None, last_at=None))
    conn.execute(insert(decision_facets).values(facet="queue", value="safety", block=1 << 30, bits=b"\x01"))
    return "blocks"


@pytest.mark.parametrize("tamper", [far_away, block_far_away])
def test_a_place_that_is_far_away_is_found_and_not_walked_to(walked: Database, tamper: Tampering) -> None:
    whys: list[str] = []

    def work(conn: Connection) -> None:
        place = tamper(conn)
        whys.extend(f"{one['seq']} {one['why']}" for one in proof.verify(conn)["broken"])
        assert any(str(place) in why for why in whys), whys
        raise _Undo

    with pytest.raises(_Undo):
        walked.write_now(work)
    assert len(whys) < 10


def test_what_was_recorded_of_a_decision_is_told_by_its_row_letter_for_letter(walked: Database) -> None:
    """So the proof reads no record of today value by value."""

    def work(conn: Connection) -> None:
        record = type_coerce(chain.chain.c.record, PackedText)
        entries = conn.execute(select(chain.chain.c.seq, chain.chain.c.id, record).where(chain.chain.c.kind == "decision")).all()
        books = {row.version: (row.hash, row.hash) for row in conn.execute(select(rulebooks.c.version, rulebooks.c.hash))}
        asked: list[str] = []
        event.listen(conn, "before_cursor_execute", lambda _conn, _cursor, statement, *_: asked.append(statement))
        there, broken = Decisions(conn, books).sealed({seq: (id_, text) for seq, id_, text in entries})
        assert (len(there), broken) == (len(entries), [])
        assert len(entries) > 5
        assert len(asked) <= 1, "each decision was read once, as it is stored"

    walked.read_now(work)

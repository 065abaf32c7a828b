"""Altering what the proof holds: any column of any row of a table, a row taken away or put in; and where that has to be found.

A walk over every table and column in turn, rows drawn by a seed: the suite takes one round, `python -m benchmarks tampering` as many
as are wanted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Table, delete, insert, literal_column, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.clocks import SettableClock
from tests.roster.rosters import document as roster_document
from tests.work.test_walk_laws import BOOK, MORE, STORY
from tests.work.walk import Walk
from tsbridge.core.roster import Override
from tsbridge.core.rules.language import content_hash
from tsbridge.core.times import time_text
from tsbridge.roster.document import read as read_roster
from tsbridge.store import chain, facets, keys, proof, rosters, rulebooks
from tsbridge.store.columns import Json, Private
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import (
    change_subjects,
    changes,
    decision_blocks,
    decision_facets,
    decision_rules,
    decision_tags,
    decisions,
)
from tsbridge.store.roster_tables import overrides
from tsbridge.store.roster_tables import rosters as roster_versions
from tsbridge.store.service_tables import keys as key_table
from tsbridge.store.version_tables import rulebooks as rulebook_versions

JUMP: Final = 2 * facets.SIZE
"""So far the numbers of decisions leap, so that there is a block that nothing can come into any more."""
Places = set[Any]
"""Where something has to be found: a place in the chain, a decision's or key's id, or a word of why."""


class _Undo(Exception):
    pass


@dataclass(frozen=True)
class Held:
    """A table that the proof holds. `place`: where what happens to a row has to be found; `free`: columns that nobody vouches for."""

    table: Table
    place: Callable[[Connection, RowMapping], Places]
    free: frozenset[str] = field(default_factory=frozenset)
    invented: Mapping[str, Any] = field(default_factory=dict)


def of_decision(conn: Connection, row: RowMapping) -> Places:
    joined = select(decisions.c.id, chain.chain.c.seq).outerjoin(chain.chain, chain.chain.c.id == decisions.c.id)
    found = conn.execute(joined.where(decisions.c.number == row["number"])).first()
    return set() if found is None else {found.id if found.seq is None else found.seq}


def of_change(conn: Connection, row: RowMapping) -> Places:
    return {row["seq"]}


def of_bits(conn: Connection, row: RowMapping) -> Places:
    bits, numbers = int.from_bytes(row["bits"], "little"), []
    while bits:
        numbers.append(row["block"] * facets.SIZE + (bits & -bits).bit_length() - 1)
        bits &= bits - 1
    return {place for number in numbers for place in of_decision(conn, {"number": number})}  # type: ignore[arg-type]


def of_block(conn: Connection, row: RowMapping) -> Places:
    return {f"block {row['block']}"}


def of_entry(conn: Connection, row: RowMapping) -> Places:
    return {row["seq"], row["seq"] + 1, row["id"]}


def said_by(*actions: str, name: str | None = None) -> Callable[[Connection, RowMapping], Places]:
    """The changes that tell of a row: by its id as their subject, or by the version that they made."""

    def place(conn: Connection, row: RowMapping) -> Places:
        rows = conn.execute(select(changes).where(changes.c.action.in_(actions))).mappings().all()
        if name is None:
            return {one["seq"] for one in rows if one["subject"] == row["id"]}
        return {one["seq"] for one in rows if one["after"]["version"] == row["version"]} or {f"version {row['version']} of the rulebook"}

    return place


HELD: Final = (
    Held(chain.chain, of_entry, invented={"seq": 9_999, "id": "invented"}),
    Held(decisions, of_decision, invented={"number": 9_999, "id": "invented"}),
    Held(decision_rules, of_decision, invented={"key": "invented"}),
    Held(decision_tags, of_decision, invented={"tag": "invented"}),
    Held(decision_facets, of_bits, invented={"value": "invented"}),
    Held(decision_blocks, of_block, invented={"block": 99}),
    Held(changes, of_change, frozenset({"seq"}), invented={"seq": 9_999, "id": "invented"}),
    Held(change_subjects, of_change, invented={"subject": "invented"}),
    Held(rulebook_versions, said_by("rulebook.publish", name="version"), invented={"version": 99}),
    Held(roster_versions, said_by("roster.publish", name="version"), invented={"version": 99}),
    Held(overrides, said_by("override.make", "override.remove"), invented={"id": "invented"}),
    Held(key_table, said_by("key.create", "key.revoke"), frozenset({"last_used_at"}), invented={"id": "invented"}),
)
FOUND_AS: Final = {
    "rulebooks": "version 99",
    "rosters": "version 99",
    "overrides": "an override that was never",
    "decision_blocks": "block 99",
}
"""What says where an invented row is that no entry tells of."""


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, int):
        return value + 9_000
    if isinstance(value, bytes):
        return (int.from_bytes(value, "little") ^ (1 << (value[-1].bit_length() - 1 + 8 * (len(value) - 1)))).to_bytes(len(value), "little")
    if isinstance(value, dict):
        return {**value, "more": 1}
    if isinstance(value, list):
        return [*value, ["more", "routing"]]
    return value + "x"


def filled(database: Database, clock: SettableClock) -> Database:
    """A story told and decided, rulebooks, rosters, overrides and keys, each on record; a block of decisions summed up."""
    clock.advance(timedelta(days=1))
    walk = Walk(database, clock, BOOK)
    database.write_now(lambda conn: _first_on_record(conn, clock.now()))
    walk.tell(STORY)
    walk.work()
    database.write_now(_leap)
    walk.tell(MORE)
    walk.work()
    database.write_now(lambda conn: _on_record(conn, clock.now()))
    clock.advance(facets.SETTLED)
    assert database.write_now(lambda conn: facets.sum_up(conn, clock.now()))
    return database


def _leap(conn: Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"SELECT setval('decisions_number_seq', {JUMP})"))
    else:
        conn.execute(text(f"UPDATE sqlite_sequence SET seq = {JUMP} WHERE name = 'decisions'"))  # noqa: S608


def _first_on_record(conn: Connection, at: datetime) -> None:
    """As the service does when it publishes the first rulebook."""
    after = {"version": 1, "hash": rulebooks.live(conn).hash, "note": "test"}
    told = {"actor": "test", "action": "rulebook.publish", "subject": "rulebook", "before": None, "after": after}
    chain.add_change(conn, id="chg_1", at=at, salt="s", **told)


def _on_record(conn: Connection, at: datetime) -> None:
    def change(number: int, action: str, subject: str, after: Any, before: Any = None, **more: Any) -> None:
        chain.add_change(
            conn, id=f"chg_{number}", at=at, actor="Ana Silva", action=action, subject=subject, before=before, after=after, salt="s", **more
        )

    for number in (2, 3):
        document = {**BOOK, "title": f"book {number}"}
        hash_ = content_hash(document)
        rulebooks.publish(conn, document, hash_, "why", at, "Ana Silva")
        change(number, "rulebook.publish", "rulebook", {"version": number, "hash": hash_, "note": "why"}, also=["injury"])
    for number in (1, 2):
        document = {**roster_document(), "title": f"week {number}"}
        rosters.publish(conn, document, read_roster(document).hash, "why", at, "Ana Silva")
        after = {"version": number, "hash": read_roster(document).hash, "note": "why"}
        change(10 + number, "roster.publish", "roster", after)
    for number in (1, 2):
        one = Override(f"ovr_{number}", "off", "ana", at + number * timedelta(hours=1), at + (number + 1) * timedelta(hours=1), "ill")
        rosters.add_override(conn, one, at, "Ana Silva")
        change(20 + number, "override.make", one.id, rosters.recorded(one))
    for number in (1, 2):
        minted = keys.Minted(f"KEY0000{number}", "secret")
        keys.create(conn, minted, name="Ana", role="viewer", at=at, expires_at=None, pepper=b"p")
        change(30 + number, "key.create", minted.id, keys.recorded(conn, minted.id))
    keys.revoke(conn, "KEY00002", at)
    change(40, "key.revoke", "KEY00002", {"revoked_at": time_text(at)}, {"revoked_at": None})


def each(rng: random.Random) -> Iterator[tuple[str, Held, str]]:
    """Every table with every column to be altered, and a row to be taken away and put in; what comes first is drawn."""
    every = [
        *((held, column.name) for held in HELD for column in held.table.columns if column.name not in held.free),
        *((held, how) for held in HELD for how in ("gone", "invented")),
        *((held, f"{column.name} unreadable") for held in HELD for column in held.table.columns if isinstance(column.type, Json | Private)),
    ]
    rng.shuffle(every)
    for held, how in every:
        yield f"{held.table.name} {how}", held, how


def tampered(database: Database, held: Held, how: str, rng: random.Random) -> tuple[Places, Places] | None:
    """Do it, prove, and undo it: where it has to be found, and what was found. None: there was nothing to alter."""
    outcome: list[tuple[Places, Places]] = []

    def work(conn: Connection) -> None:
        rows = conn.execute(select(held.table).order_by(*held.table.primary_key)).mappings().all()
        name = how.removesuffix(" unreadable")
        rows = [row for row in rows if how in ("gone", "invented") or row[name] is not None]
        if not rows:
            raise _Undo
        row = rng.choice(rows)
        places = _do(conn, held, how, row)
        broken = proof.verify(conn)["broken"]
        found = {one[name] for one in broken for name in ("seq", "id") if one.get(name) is not None}
        outcome.append(
            (places, found | {place for place in places if isinstance(place, str) and any(place in one["why"] for one in broken)})
        )
        raise _Undo

    try:
        database.write_now(work)
    except IntegrityError:  # the database refuses it
        return None
    except _Undo:
        return outcome[0] if outcome else None
    return None


def unbolt(conn: Connection) -> None:
    """Take away what refuses to alter the chain, as whoever owns the database can."""
    for trigger in ("chain_rows_are_final",) if conn.dialect.name == "postgresql" else ("chain_no_update", "chain_no_delete"):
        conn.execute(text(f"DROP TRIGGER {trigger}{' ON chain' if conn.dialect.name == 'postgresql' else ''}"))


def _do(conn: Connection, held: Held, how: str, row: RowMapping) -> Places:
    if held.table is chain.chain:
        unbolt(conn)
    table, same = held.table, [column == row[column.name] for column in held.table.primary_key]
    places = held.place(conn, row)
    if how == "gone":
        conn.execute(delete(table).where(*same))
        return places
    if how == "invented":
        conn.execute(insert(table).values(**{**row, **held.invented}))
        if table.name in FOUND_AS:
            return {FOUND_AS[table.name]}
        return {held.invented["id"], held.invented.get("seq")} - {None} if "id" in held.invented else places
    if how.endswith(" unreadable"):
        how = how.removesuffix(" unreadable")
        conn.execute(update(table).where(*same).values({how: literal_column("'~4nothing'")}))
        return places
    conn.execute(update(table).where(*same).values({how: other(row[how])}))
    return places

"""What was kept and cannot be read: it is said where it stands and what was expected, without its words; everything else goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text, update

from tests.clocks import SettableClock
from tests.work.test_watch import Watching
from tests.work.test_withdraw import BOOK, withdraw
from tests.work.walk import Walk, ticket
from tsbridge.core.moments import Interaction
from tsbridge.core.redaction import silenced
from tsbridge.core.unreadable import Unreadable
from tsbridge.store import cases, decisions, moments, proof, redaction
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions as decision_rows
from tsbridge.store.moment_tables import moments as rows

SAID = "my neighbour Ana Canary was bitten"
FIRST = Interaction("zendesk", "4711")
OF_FIRST = (rows.c.interaction == "4711", rows.c.event == "ticket.created")
_raw = text("SELECT body FROM moments WHERE digest = :of")


@pytest.fixture
def walk(database_url: str, clock: SettableClock) -> Iterator[Walk]:
    with Database.open(database_url, data_keys=["k" * 32]) as database:
        clock.advance(timedelta(days=1))
        walk = Walk(database, clock, BOOK)
        walk.tell([ticket("created", 0, text=SAID), ticket("created", 1, "4712", text="where is my invoice", person="42")])
        walk.work()
        yield walk


def cut(conn: Connection) -> None:
    kept = conn.execute(_raw, {"of": _digest(conn)}).scalar_one()
    conn.execute(text("UPDATE moments SET body = :to WHERE digest = :of"), {"to": kept[:-9], "of": _digest(conn)})


def of_another(conn: Connection) -> None:
    """The value of another column, encrypted under the same key."""
    kept = conn.execute(text("SELECT state FROM cases")).scalars().first()
    conn.execute(text("UPDATE moments SET body = :to WHERE digest = :of"), {"to": kept, "of": _digest(conn)})


def plain(conn: Connection) -> None:
    conn.execute(
        text("UPDATE moments SET body = :to WHERE digest = :of"), {"to": '{"said": "my neighbour Ana Canary"}', "of": _digest(conn)}
    )


def no_json(conn: Connection) -> None:
    conn.execute(text("UPDATE moments SET body = :to WHERE digest = :of"), {"to": '{"my neighbour Ana Canary', "of": _digest(conn)})


def _digest(conn: Connection) -> str:
    return str(conn.execute(select(rows.c.digest).where(*OF_FIRST)).scalar_one())


@pytest.mark.parametrize("fault", [cut, of_another, plain, no_json])
def test_a_moment_that_cannot_be_read_is_told_by_place_and_stops_nothing_else(walk: Walk, fault: Callable[[Connection], None]) -> None:
    digest = walk.database.read_now(_digest)
    walk.database.write_now(fault)
    with pytest.raises(Unreadable, match=r"moments\.body") as raised:
        walk.database.read_now(lambda conn: moments.story(conn, [FIRST]))
    assert "Canary" not in str(raised.value)
    verdict = walk.database.read_now(proof.verify)
    assert verdict["broken"] == [{"seq": None, "id": digest, "why": "what was told cannot be read"}]
    assert Watching(walk).look()["case_unreadable"] == 1, "which makes /readyz degraded"
    walk.tell([ticket("commented", -5, text="earlier than all"), ticket("commented", 5, "4712", text="I was bitten", person="42")])
    walk.work()
    assert {case[2] for case in walk.outcome()["cases"]} == {1}


def test_whoever_alters_what_was_told_and_reads_well_is_found_by_its_digest(walk: Walk) -> None:
    digest = walk.database.read_now(_digest)
    found = walk.database.read_now(lambda conn: conn.execute(select(rows.c.body).where(*OF_FIRST)).scalar_one())
    harmless = [[role, body.replace("bitten", "greeted"), *more] for role, body, *more in found["texts"]]

    def alter(conn: Connection) -> None:
        conn.execute(update(rows).where(*OF_FIRST).values(body={**found, "texts": harmless}))

    walk.database.write_now(alter)
    assert walk.database.read_now(proof.verify)["broken"] == [
        {"seq": None, "id": digest, "why": "what is kept of what was told differs from it"}
    ]
    walk.database.write_now(lambda conn: conn.execute(update(rows).where(*OF_FIRST).values(body=found, event="ticket.updated")))
    (broken,) = walk.database.read_now(proof.verify)["broken"]
    assert broken["why"] == "the moment differs from what it says: event"


def test_what_was_withdrawn_or_lost_its_words_is_not_taken_for_altered(walk: Walk) -> None:
    (told,) = walk.database.read_now(lambda conn: moments.story(conn, [FIRST]))
    walk.database.write_now(lambda conn: redaction.rewrite(conn, silenced(told.moment), walk.clock.now()))
    withdraw(walk, told.moment.digest)
    verdict = walk.database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]


@pytest.mark.parametrize(
    ("table", "column", "read"),
    [
        ("cases", "state", lambda conn: [cases.state(conn, row.id) for row in conn.execute(text("SELECT id FROM cases"))]),
        ("decisions", "seen", lambda conn: [decisions.load(conn, id_) for (id_,) in conn.execute(select(decision_rows.c.id))]),
        ("decisions", "outcome", lambda conn: conn.execute(select(decision_rows.c.outcome)).all()),
    ],
)
@pytest.mark.parametrize("value", ['{"Ana": "Canary"}', "Ana Canary"])
def test_everything_else_that_cannot_be_read_is_told_in_the_same_way(walk: Walk, table: str, column: str, read: Any, value: str) -> None:
    walk.database.write_now(lambda conn: conn.execute(text(f"UPDATE {table} SET {column} = :to"), {"to": value}))  # noqa: S608
    if column == "outcome" and value.startswith("{"):
        return  # any JSON is an outcome
    with pytest.raises(Unreadable, match="expected") as raised:
        walk.database.read_now(read)
    assert "Canary" not in str(raised.value)

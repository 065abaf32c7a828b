"""A newer tsbridge migrates PostgreSQL while older ones run: their doors stay open, and nothing else of theirs is written any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Connection, text

from tests.clocks import CountingIds, SettableClock
from tsbridge.store import inbox, schema, stored_values
from tsbridge.store.availability import OtherSchema, unavailable
from tsbridge.store.db import Database
from tsbridge.store.inbox_tables import inbox as deliveries
from tsbridge.store.intake import Intake

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)]
WAITING = text(
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
NEWER = text("UPDATE alembic_version SET version_num = 'newer'")


@pytest.fixture
def old(database_url: str) -> Iterator[Database]:
    """Of a service that has begun."""
    with Database.open(database_url) as database:
        database.only_on(schema.head())
        yield database


@pytest.fixture
def new(database_url: str) -> Iterator[Database]:
    with Database.open(database_url) as database:
        yield database


def put(conn: Connection) -> None:
    stored_values.put(conn, "told", 1)


async def test_on_newer_tables_only_the_door_writes(old: Database, new: Database, clock: SettableClock) -> None:
    old.write_now(put)
    new.write_now(lambda conn: conn.execute(NEWER) and None)
    with pytest.raises(OtherSchema) as refused:
        await old.write(put, urgent=True)
    assert unavailable(refused.value), "nobody's work is to blame for it"
    kept = await Intake(old, clock, CountingIds()).keep("zendesk", "k", {}, b"{}")
    assert kept.status == "accepted"
    assert old.read_now(lambda conn: inbox.status_of(conn, "zendesk", "k")) == "pending"


def test_while_somebody_migrates_nothing_is_begun_and_when_it_fails_all_goes_on(old: Database, new: Database) -> None:
    class Fails(Exception):
        pass

    def migrate(conn: Connection) -> None:
        schema.upgrade(conn)
        with pytest.raises(OtherSchema):
            old.write_now(put)
        raise Fails

    with pytest.raises(Fails):
        new.write_now(migrate)
    old.write_now(put)


def test_who_migrates_waits_for_what_is_under_way(old: Database, new: Database) -> None:
    begun, go_on, order = threading.Event(), threading.Event(), list[str]()

    def work(conn: Connection) -> None:
        begun.set()
        assert go_on.wait(30)
        put(conn)
        order.append("worked")

    def migrate() -> None:
        new.write_now(lambda conn: schema.upgrade(conn) and order.append("migrated"))

    working, migrating = threading.Thread(target=old.write_now, args=(work,)), threading.Thread(target=migrate)
    working.start()
    assert begun.wait(30)
    migrating.start()
    while not new.read_now(_somebody_waits):
        pass
    go_on.set()
    working.join()
    migrating.join()
    assert order == ["worked", "migrated"]


def _somebody_waits(conn: Connection) -> bool:
    return conn.execute(WAITING).first() is not None


def test_what_the_door_says_of_a_delivery_is_all_that_newer_tables_ask_for(fresh_url: Callable[..., AbstractContextManager[str]]) -> None:
    """Doors of older versions go on while newer ones have migrated: a column that they do not know must do without them."""
    asked_for = {
        *("seq", "id", "source", "dedupe_key", "polled", "received_at", "headers", "body", "status", "duplicates", "attempts", "due_at")
    }
    needed = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'inbox' AND is_nullable = 'NO' AND column_default IS NULL"
    )
    with fresh_url() as url, Database.open(url) as database:
        assert database.read_now(lambda conn: set(conn.exec_driver_sql(needed).scalars())) <= asked_for
    assert {"reason", "settled_at"} | asked_for <= {column.name for column in deliveries.columns}

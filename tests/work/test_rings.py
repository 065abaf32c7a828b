"""Rings and foreign accounts, from the inbox to the case."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk
from tsbridge.store import inbox, inbox_tables
from tsbridge.store.db import Database

EVENT = {"type": "zen:event-type:ticket.status_changed", "detail": {"id": "4711"}, "event": {"current": "OPEN", "previous": "NEW"}}
BODY = {"tsbridge": "2", "type": "ticket.updated", "ticket_id": "4711", "ticket": {"tags": "vip"}}


@pytest.fixture
def walk(database: Database, clock: SettableClock) -> Walk:
    return Walk(database, clock, BOOK)


def settled(walk: Walk) -> list[tuple[str, str | None]]:
    walk.work()
    rows = walk.database.read_now(lambda conn: list(conn.execute(select(inbox_tables.inbox).order_by(inbox_tables.inbox.c.seq))))
    return [(row.status, row.reason) for row in rows]


def test_another_account_than_the_first_is_quarantined(walk: Walk) -> None:
    walk.tell([("zendesk", {**EVENT, "account_id": 1, "id": "a"}), ("zendesk", {**EVENT, "account_id": 2, "id": "b"})])
    assert settled(walk) == [("applied", None), ("quarantined", "foreign_account")]


def test_a_trigger_body_names_its_account_and_an_event_numbers_it(walk: Walk) -> None:
    tags = ("a", "b", "c", "d")
    bodies = [{**BODY, "ticket": {"tags": tag}, "account": name} for tag, name in zip(tags, ("Acme", "Other", "", "Acme"), strict=True)]
    walk.tell([("zendesk", {**EVENT, "account_id": 1, "id": "a"}), *(("zendesk", body) for body in bodies)])
    fine = ("applied", None)
    assert settled(walk) == [fine, fine, ("quarantined", "foreign_account"), fine, fine]


def test_a_broken_body_is_applied_and_leaves_the_known_facts_alone(walk: Walk) -> None:
    walk.tell([("zendesk", BODY)])
    walk.work()
    broken = b'{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "4711", "texts": {"subject": "a "quoted" word"}}'
    delivery = inbox.Delivery("evt_broken", "zendesk", "signed:1", walk.clock.now(), {}, broken)
    walk.database.write_now(lambda conn: inbox.keep(conn, [delivery]))
    assert settled(walk) == [("applied", None), ("applied", None)]

"""Audits tell custom fields as texts, tickets as what they are: whatever a field holds, both are one value."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.test_hearing import BOOK, Desk
from tsbridge.store.db import Database

FIELD = 360009999
KINDS = {"checkbox": (True, False), "integer": (7, 3), "decimal": (2.5, 10.0), "text": ("B-17", "B 18")}
PAIRS = pytest.mark.parametrize(("kind", "ours", "theirs"), [(kind, *pair) for kind, pair in KINDS.items()], ids=KINDS)


def desk_with(database: Database, clock: SettableClock, kind: str, ours: Any) -> Desk:
    """A desk on an account that has a field of this kind, and a rule that sets it where somebody was bitten."""
    desk = Desk(database, clock)
    desk.world.store.fields[FIELD] = {"id": FIELD, "title": "Theirs", "type": kind, "active": True, "tag": None}
    injury, default = BOOK["rules"]  # type: ignore[misc]
    then = [*injury["then"], {"set_custom_field": {"id": FIELD, "value": ours}}]  # type: ignore[index]
    desk.walk.publish({**BOOK, "queues": {"intake": {}}, "rules": [{**injury, "then": then}, default]})  # type: ignore[dict-item]
    return desk


def asked(desk: Desk, words: str, **props: Any) -> str:
    person = desk.world.add_user("Ana", "ana@example.com")
    made = desk.world.create({"subject": "Help", "comment": {"body": words}, "requester_id": person["id"], **props}, person, via="mail")
    desk.ring(str(made["id"]))
    return str(made["id"])


def says(desk: Desk, ticket: str, words: str) -> None:
    requester = desk.world.user(desk.writing.seen(ticket)["requester_id"])
    desk.world.change(int(ticket), {"comment": {"body": words}}, requester, via="mail")
    desk.ring(ticket)


def edits(desk: Desk, ticket: str, value: Any) -> None:
    desk.writing.edit(ticket, custom_fields=[{"id": FIELD, "value": value}])
    desk.ring(ticket)
    desk.settle(ticket)


def held(desk: Desk, ticket: str) -> Any:
    return next(one["value"] for one in desk.writing.seen(ticket)["custom_fields"] if one["id"] == FIELD)


@PAIRS
def test_a_field_that_a_rule_set_is_ours_when_its_audit_tells_it(
    database: Database, clock: SettableClock, kind: str, ours: Any, theirs: Any
) -> None:
    desk = desk_with(database, clock, kind, ours)
    ticket = asked(desk, "my dog was bitten", custom_fields=[{"id": FIELD, "value": theirs}])
    desk.settle(ticket)
    desk.settle(ticket)
    assert (held(desk, ticket), desk.writing.puts(ticket)) == (ours, 1)
    assert desk.events(ticket) == [("ticket.created", 1)]


@PAIRS
def test_a_field_heard_as_a_text_is_written_to_without_a_look_more(
    database: Database, clock: SettableClock, kind: str, ours: Any, theirs: Any
) -> None:
    desk = desk_with(database, clock, kind, ours)
    ticket = asked(desk, "hello")
    desk.settle(ticket)
    clock.advance(120)
    edits(desk, ticket, theirs)
    clock.advance(120)
    says(desk, ticket, "he was bitten")
    desk.walk.work()
    asyncio.run(desk.writing.until_quiet(timedelta(minutes=1)))
    assert (held(desk, ticket), desk.writing.status(ticket)[0]) == (ours, "confirmed")


@PAIRS
def test_a_person_who_sets_what_a_rule_asks_for_undoes_nothing(
    database: Database, clock: SettableClock, kind: str, ours: Any, theirs: Any
) -> None:
    desk = desk_with(database, clock, kind, ours)
    ticket = asked(desk, "my dog was bitten", custom_fields=[{"id": FIELD, "value": theirs}])
    desk.writing.mode("paused")
    desk.walk.work()
    clock.advance(120)
    edits(desk, ticket, ours)
    desk.writing.mode("live", send=True)
    desk.settle(ticket)
    assert (held(desk, ticket), desk.writing.row(ticket)["wish"]["custom_fields"][0][1][0]) == (ours, ours)

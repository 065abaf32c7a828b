"""A publish between planning and writing: nothing is written with the groups of the rulebook before."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tests.work.walk import Walk, ticket
from tsbridge.store import case_tables, writing_tables
from tsbridge.store.db import Database
from tsbridge.work.unheard import UNSURE_FOR

OLD, NEW = 61000000010, 61000000001


def book(group: int, **queues: Any) -> dict[str, Any]:
    rule = {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "safety"}]}
    return {"schema": 1, "queues": {"safety": {"zendesk_group_id": group}, **queues}, "rules": [rule]}


class Routed:
    """Tickets that the first rulebook routes to its group, and a writer."""

    def __init__(self, database: Database, clock: SettableClock, count: int) -> None:
        self.database, self.clock = database, clock
        self.writing = WritingDesk(database, clock)
        self.walk = Walk(database, clock, book(OLD))
        self.tickets = [self.writing.ticket() for _ in range(count)]
        self.walk.tell([ticket("created", 0, id_, person=id_) for id_ in self.tickets])
        self.walk.work()
        clock.advance(UNSURE_FOR)

    def write(self) -> None:
        asyncio.run(self.writing.until_quiet())

    def sent(self) -> list[int]:
        """The groups that were written, in order."""
        bodies = [one["content"]["ticket"] for one in self.writing.zendesk.writes]
        return [int(body["group_id"]) for body in bodies if "group_id" in body]

    def groups(self) -> set[int]:
        return {self.writing.seen(id_)["group_id"] for id_ in self.tickets}


@pytest.mark.parametrize("whole", [False, True])
def test_what_waits_when_a_rulebook_is_published_is_written_with_its_groups(database: Database, clock: SettableClock, whole: bool) -> None:
    """`whole`: the states of the cases are not there, as after an upgrade; the stories are judged from their start."""
    routed = Routed(database, clock, 30)
    if whole:
        database.write_now(lambda conn: conn.execute(update(case_tables.cases).values(state={})) and None)
    routed.walk.publish(book(NEW))
    routed.write()
    assert (set(routed.sent()), routed.groups()) == ({NEW}, {NEW})
    assert {routed.writing.status(id_)[0] for id_ in routed.tickets} == {"confirmed"}


def test_a_rulebook_published_while_zendesk_is_read_counts_for_the_call_that_follows(database: Database, clock: SettableClock) -> None:
    routed = Routed(database, clock, 3)
    published: list[int] = []

    def meanwhile(request: httpx.Request) -> None:
        if request.method == "GET" and not published:
            published.append(routed.walk.publish(book(NEW)))

    routed.writing.wire.before = meanwhile
    routed.write()
    assert published == [2]
    assert (set(routed.sent()), routed.groups()) == ({NEW}, {NEW})


def test_a_publish_that_moves_no_queue_sends_nothing_twice(database: Database, clock: SettableClock) -> None:
    routed = Routed(database, clock, 2)
    routed.write()
    assert routed.sent() == [OLD, OLD]
    routed.walk.publish(book(OLD, spare={}))
    routed.write()
    assert routed.sent() == [OLD, OLD]
    versions = database.read_now(lambda conn: conn.execute(select(writing_tables.desired.c.version)).scalars().all())
    assert versions == [1, 1]


def test_what_was_written_follows_to_the_new_group_with_what_is_heard_next(database: Database, clock: SettableClock) -> None:
    routed = Routed(database, clock, 1)
    routed.write()
    routed.walk.publish(book(NEW))
    (id_,) = routed.tickets
    routed.walk.tell([ticket("commented", 30, id_, person=id_, text="Hello?", group_id=str(OLD))])
    routed.walk.work()
    clock.advance(UNSURE_FOR)
    routed.write()
    assert routed.writing.status(id_)[0] == "confirmed"
    assert routed.groups() == {NEW}

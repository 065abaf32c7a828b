"""A storm: more tickets ring than a minute's reads can tell. The export tells them, a thousand updates a call, to the same end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.clocks import SettableClock
from tests.seeds import first
from tests.work.desk import WritingDesk
from tests.work.test_hearing import BOOK
from tests.work.walk import Walk
from tsbridge.store import budget, wanted_facts
from tsbridge.store.db import Database
from tsbridge.store.moment_tables import moments
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.hearing import Hearing
from tsbridge.work.reads import ReadBudget
from tsbridge.work.reconcile import Reconciler
from tsbridge.work.stream import Stream

TICKETS = 240
PER_MINUTE = 12


class Storm:
    """An account in which everybody writes at once, and a bridge that hears of it by rings and by the export."""

    def __init__(self, database: Database, clock: SettableClock, per_minute: int = PER_MINUTE) -> None:
        self.clock = clock
        self.writing = WritingDesk(database, clock)
        self.world = self.writing.zendesk.world
        self.client = ZendeskClient(self.writing.http, self.writing.credentials)
        self.reads = ReadBudget(database, clock, per_minute)
        hearing = Hearing(database, clock, self.client, self.reads)
        self.walk = Walk(database, clock, {**BOOK, "queues": {"safety": {}, "intake": {}}}, self.client, hearing, reads=self.reads)
        self.own = OwnUser(str(self.world.bridge["id"]))
        self.stream = self.reader()
        self.rings = 0

    def reader(self) -> Stream:
        walk = self.walk
        return Stream(walk.database, self.clock, self.client, lambda: self.own, "w1", self.reads, walk.ingest.hear, lambda: None)

    def begun(self) -> None:
        asyncio.run(self.stream.round())
        self.clock.advance(120)

    def ring(self, ticket: str) -> None:
        seen = self.world.ticket(int(ticket))
        self.rings += 1
        facts = {
            "status": seen["status"],
            "tags": " ".join(seen["tags"]),
            "created_at": seen["created_at"],
            "updated_at": seen["updated_at"],
            "requester_id": str(seen["requester_id"]),
        }
        texts = {"subject": seen["subject"], "description": seen["description"]}
        body = {
            "tsbridge": "2",
            "type": "ticket.updated",
            "ticket_id": ticket,
            "delivery": str(self.rings),
            "ticket": facts,
            "texts": texts,
        }
        self.walk.tell([("zendesk", body)])

    def break_out(self, seed: int, tickets: int = TICKETS, each: Callable[[], None] = lambda: None) -> list[str]:
        """So many people write; agents answer some. Every update rings; `each` is called after a few of them."""
        rng = random.Random(seed)  # noqa: S311  # a seeded world
        made: list[str] = []
        for n in range(tickets):
            person = self.world.add_user(f"P{n}", f"p{n}@example.com")
            said = "my dog was bitten" if n % 40 == 0 else "where is my refund?"
            props: dict[str, Any] = {"subject": "Help", "comment": {"body": said}, "requester_id": person["id"], "status": "open"}
            made.append(str(self.world.create(props, person, via="mail")["id"]))
            self.ring(made[-1])
            if rng.random() < 0.2:
                ticket = rng.choice(made)
                self.writing.edit(ticket, priority=rng.choice(["low", "high"]), comment={"body": "We look into it", "public": True})
                self.ring(ticket)
            if n % 50 == 49:
                self.clock.advance(1)
                each()
        return made

    def settle(self, minutes: int = 10) -> None:
        """Everybody works, and time passes, until nothing is left to be read."""
        for _ in range(minutes * 6):
            self.walk.work()
            while asyncio.run(self.stream.round()) is True:
                pass
            self.walk.work()
            if not self.unread():
                return
            self.clock.advance(10)

    def unread(self) -> int:
        """First impressions that are part of a story, and tickets that wait to be read."""
        query = select(func.count()).where(moments.c.impression, moments.c.replaced_at.is_(None))
        return self.walk.database.read_now(lambda conn: int(conn.execute(query).scalar_one()) + wanted_facts.waiting(conn))

    def made(self, *parts: str) -> list[Any]:
        """When it was read, of paths with one of these parts."""
        return [at for at, method, path in self.writing.wire.asked if method == "GET" and any(part in path for part in parts)]

    def most_in_a_minute(self) -> int:
        made = self.made("/api/v2/")
        return max(sum(first <= at < first + timedelta(seconds=60) for at in made) for first in made)


AUDITS = ("/audits", "incremental", "tickets/show_many")


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)  # counted in Zendesk, whatever the database
def test_at_calm_an_update_costs_one_read_ours_included(database: Database, clock: SettableClock) -> None:
    storm = Storm(database, clock, per_minute=120)
    world, rng = storm.world, random.Random(6)  # noqa: S311  # a seeded world
    own, alarm, nobody = (lambda: storm.own), storm.writing._alarm, (lambda: None)
    rulebooks, ids = storm.walk.rulebooks, storm.walk.ids
    sweep = Reconciler(storm.walk.database, clock, ids, storm.client, own, "w1", alarm, rulebooks, storm.reads, nobody, nobody)
    storm.begun()
    made: list[str] = []
    written = 0
    for n in range(60):
        clock.advance(5)
        if n % 4 == 0:
            person = world.add_user(f"P{n}", f"p{n}@example.com")
            said = rng.choice(["my dog was bitten", "where is my refund?"])
            made.append(
                str(world.create({"subject": "Help", "comment": {"body": said}, "requester_id": person["id"]}, person, via="mail")["id"])
            )
            ticket = made[-1]
        else:
            ticket = rng.choice(made)
            storm.writing.edit(ticket, priority=rng.choice(["low", "normal", "high"]), comment={"body": f"note {n}", "public": True})
        clock.advance(2)
        storm.ring(ticket)
        storm.walk.work()
        asyncio.run(storm.writing.until_quiet(timedelta(seconds=5)))
        if storm.writing.puts() > written:
            written = storm.writing.puts()
            storm.ring(ticket)  # our own update rings, too
            storm.walk.work()
        for catching_up in (sweep, storm.stream):
            while asyncio.run(catching_up.round()) is True:
                pass
    storm.settle()
    updates = sum(len(audits) for audits in world.store.audits.values())
    counted = dict(database.read_now(budget.reads).counted)
    assert sum(n for reader, n in counted.items() if reader != "people") <= 1.2 * updates
    assert counted["rings"] >= 0.9 * updates  # each was read, not guessed
    assert storm.most_in_a_minute() <= 120


@pytest.mark.parametrize("fresh_url", first(1, ["sqlite", "postgresql"]), indirect=True)  # counted in Zendesk, whatever the database
def test_a_storm_costs_a_tenth_of_a_read_a_ring_and_never_more_than_the_budget(database: Database, clock: SettableClock) -> None:
    storm = Storm(database, clock)
    storm.begun()
    storm.break_out(1, each=storm.walk.work)
    storm.settle()
    assert storm.unread() == 0
    assert len(storm.made(*AUDITS)) <= 0.1 * storm.rings
    assert storm.most_in_a_minute() <= PER_MINUTE


def test_it_ends_as_if_each_ticket_had_been_read(make_database: Any, database: Database, clock: SettableClock) -> None:
    storm = Storm(database, clock)
    calm = Storm(make_database(), SettableClock(clock.now()), per_minute=100_000)
    for one in (storm, calm):
        one.begun()
        one.break_out(2, 80, each=one.walk.work)
        one.settle()
        assert one.unread() == 0
    assert len(storm.made("/audits")) < 40 < 80 <= len(calm.made("/audits"))
    assert storm.walk.outcome() == calm.walk.outcome()


def test_a_severity_1_is_read_at_once_also_in_a_storm(database: Database, clock: SettableClock) -> None:
    storm = Storm(database, clock)
    storm.begun()
    storm.break_out(3, 60)
    storm.walk.work()
    person = storm.world.add_user("Ana", "ana@example.com")
    props = {"subject": "Help", "comment": {"body": "my dog was bitten"}, "requester_id": person["id"]}
    ticket = str(storm.world.create(props, person, via="mail")["id"])
    storm.ring(ticket)
    storm.walk.work()
    assert len(storm.made(f"/tickets/{ticket}/audits")) == 1


def test_what_is_killed_in_the_middle_of_a_storm_goes_on_to_the_same_end(database: Database, clock: SettableClock) -> None:
    storm = Storm(database, clock)
    storm.begun()
    made = storm.break_out(4, 70)
    storm.walk.work()
    clock.advance(70)
    told: list[int] = []

    async def once(heard: Any) -> None:
        if told:
            raise RuntimeError("killed")
        told.append(len(heard.moments))
        await storm.walk.ingest.hear(heard)

    killed = Stream(database, clock, storm.client, lambda: storm.own, "w1", storm.reads, once, lambda: None)
    with pytest.raises(RuntimeError):
        asyncio.run(killed.round())
    assert told
    storm.stream = storm.reader()
    storm.settle()
    assert storm.unread() == 0
    decided = [row[0] for row in storm.walk.outcome()["decisions"]]
    assert len(decided) == len(set(decided)) == sum(len(storm.world.store.audits[int(ticket)]) for ticket in made)


def test_tickets_that_the_export_cannot_tell_are_read_on_their_own(database: Database, clock: SettableClock) -> None:
    storm = Storm(database, clock)
    storm.begun()
    made = storm.break_out(5, 40)
    storm.world.merge(int(made[0]), [int(made[1])], storm.world.admin, None, None)
    storm.ring(made[0])
    storm.ring(made[1])
    storm.settle()
    assert storm.unread() == 0
    assert {ticket for ticket in made if storm.made(f"/tickets/{ticket}/audits")} >= {made[0]}
    members = {member[2]: member[0] for member in storm.walk.outcome()["members"]}
    assert members[made[0]] == members[made[1]]


def test_a_ring_that_comes_after_the_export_told_its_change_is_not_read_and_judged_again(database: Database, clock: SettableClock) -> None:
    storm = Storm(database, clock)
    storm.begun()
    person = storm.world.add_user("Ana", "ana@example.com")
    props = {"subject": "Help", "comment": {"body": "my dog was bitten"}, "requester_id": person["id"]}
    ticket = str(storm.world.create(props, person, via="mail")["id"])
    storm.ring(ticket)  # waits in the inbox
    clock.advance(120)
    storm.stream = storm.reader()
    asyncio.run(storm.stream.round())
    before = storm.walk.outcome()["decisions"]
    storm.walk.work()
    assert before
    assert storm.walk.outcome()["decisions"] == before
    assert storm.made("/audits") == []

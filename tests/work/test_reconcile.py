"""Catching up: what webhooks missed is found by the export, nothing is told twice, and what drifted is named with its cause."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tests.work.walk import Walk
from tsbridge.simulator.zendesk.deliveries import event_body
from tsbridge.store import drift, inbox, keep, views
from tsbridge.store.db import Database
from tsbridge.vendors import strict_json
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.zendesk import normalize as zendesk
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.reconcile import EVERY, NAME, Reconciler

pytestmark = pytest.mark.anyio

BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"intake": {}},
    "rules": [
        {
            "key": "bite",
            "kind": "escalation",
            "when": {"field": "text", "operator": "contains_any", "value": ["bite", "bitten"]},
            "then": [{"set_severity": 1}, {"add_tags": ["ts_injury"]}],
        },
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}


class Account(Walk):
    """A walk whose deliveries come from the simulated account, some of them lost on the way."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        super().__init__(database, clock, BOOK)
        self.writing = WritingDesk(database, clock)
        bridge = self.writing.zendesk.world.bridge
        self.own = OwnUser(str(bridge["id"]), bridge["email"])
        self.woken: list[str] = []
        self.reconciler = self.another("w1")

    def another(self, worker: str) -> Reconciler:
        client = ZendeskClient(self.writing.http, self.writing.credentials)
        wake, wake_writer = (lambda: self.woken.append("inbox")), (lambda: self.woken.append("writer"))
        own, alarm = (lambda: self.own), self.writing._alarm
        return Reconciler(self.database, self.clock, self.ids, client, own, worker, alarm, self.rulebooks, wake, wake_writer)

    def _zendesk(self, row: inbox.Claimed, _: Any) -> Normalized:
        return zendesk.normalize(strict_json.read(row.body), received_at=row.received_at, own=self.own)

    def hear(self, rng: random.Random, lost: float) -> int:
        """Webhooks of what happened since; a part of them is lost. Returns how many were."""
        world = self.writing.zendesk.world
        happened, world.happened = world.happened, []
        gone = 0
        for one in happened:
            if rng.random() < lost:
                gone += 1
                continue
            body = event_body(one, rng)
            key = str(json.loads(body)["id"])
            delivery = inbox.Delivery(self.ids.new("evt"), "zendesk", key, self.clock.now(), {}, body)
            self.database.write_now(lambda conn, delivery=delivery: inbox.keep(conn, [delivery]))  # type: ignore[misc]
        return gone

    async def catch_up(self, periods: int = 2) -> None:
        for _ in range(periods):
            self.clock.advance(EVERY)
            while await self.reconciler.round() is True:
                pass
            await self._work()

    def polled(self) -> int:
        rows = self.database.read_now(lambda conn: views.events(conn, 1_000, None, None, "zendesk"))
        return sum(bool(row["polled"]) for row in rows)

    def drifted(self) -> list[dict[str, Any]]:
        return self.database.read_now(lambda conn: drift.listed(conn, 1_000, None, None, None))

    def wishes(self) -> set[tuple[str, str]]:
        return {(ticket, wish) for ticket, _, wish in self.outcome()["wishes"]}


@pytest.fixture
async def account(database: Database, clock: SettableClock) -> Account:
    made = Account(database, clock)
    await made.reconciler.round()  # where the export is now
    clock.advance(timedelta(minutes=2))
    return made


async def lived(account: Account, lost: float, seed: int) -> int:
    """People write and agents work for half an hour; a part of the webhooks is lost."""
    rng, way, gone = random.Random(seed), random.Random(seed), 0  # noqa: S311  # the same world whatever is lost on the way
    world, tickets = account.writing.zendesk.world, []
    for n in range(30):
        account.clock.advance(60 + rng.randint(0, 30))
        if n % 3 == 0:
            tickets.append(account.writing.ticket(comment={"body": rng.choice(["my dog", "a bite", "bitten by a dog"])}))
        elif rng.random() < 0.5:
            account.writing.edit(rng.choice(tickets), priority=rng.choice(["low", "high"]), tags=["vip"])
        else:
            ticket = rng.choice(tickets)
            requester = world.user(account.writing.seen(ticket)["requester_id"])
            world.change(
                int(ticket), {"comment": {"body": rng.choice(["he was bitten", "thanks"]), "public": True}}, requester, via="email"
            )
        gone += account.hear(way, lost)
        await account._work()
    return gone


@pytest.mark.parametrize("lost", [0.1, 1.0])
async def test_what_webhooks_lost_is_found_within_two_periods_and_the_end_is_the_same(
    make_database: Any, account: Account, lost: float
) -> None:
    gone = await lived(account, lost, seed=5)
    assert gone
    await account.catch_up()
    whole = Account(make_database(), SettableClock(account.clock.now() - timedelta(hours=2)))
    await whole.reconciler.round()
    whole.clock.advance(timedelta(minutes=2))
    assert await lived(whole, 0.0, seed=5) == 0
    tags_of = lambda one: sorted(sorted(tag for tag, _ in json.loads(wish)["tags"]) for _, wish in one.wishes())  # noqa: E731
    assert tags_of(account) == tags_of(whole)
    assert account.polled() > 0


async def test_nothing_is_told_twice_and_nothing_that_was_heard(account: Account) -> None:
    await lived(account, 0.0, seed=6)
    decided = len(account.outcome()["decisions"])
    await account.catch_up(4)
    assert account.polled() == 0
    assert len(account.outcome()["decisions"]) == decided


async def test_found_again_after_a_crash_it_is_the_same_delivery(account: Account) -> None:
    await lived(account, 1.0, seed=7)
    before = account.database.read_now(lambda conn: keep.get(conn, NAME))
    await account.catch_up()
    found = account.polled()
    assert found
    account.database.write_now(lambda conn: keep.put(conn, NAME, before))
    await account.catch_up()
    assert account.polled() == found


async def test_one_process_at_a_time_reads_the_export(account: Account) -> None:
    account.clock.advance(EVERY)
    await account.reconciler.round()
    asked = account.writing.wire.count("GET", "incremental")
    await account.another("w2").round()
    assert account.writing.wire.count("GET", "incremental") == asked


async def test_a_deleted_ticket_is_told_as_deleted(account: Account) -> None:
    ticket = account.writing.ticket(comment={"body": "a bite"})
    account.hear(random.Random(1), 0.0)  # noqa: S311
    await account._work()
    account.clock.advance(60)
    account.writing.zendesk.act("delete", {"id": int(ticket)})
    account.hear(random.Random(1), 1.0)  # noqa: S311
    await account.catch_up()
    (case,) = account.outcome()["cases"]
    assert case[1] == "resolved"


async def settled(account: Account) -> str:
    """A ticket that a rule tagged, written and heard back."""
    rng = random.Random(1)  # noqa: S311  # a seeded world
    ticket = account.writing.ticket(comment={"body": "a bite"})
    account.hear(rng, 0.0)
    await account._work()
    await account.writing.until_quiet()
    account.hear(rng, 0.0)
    await account._work()
    assert "ts_injury" in account.writing.tags(ticket)
    account.clock.advance(90)
    return ticket


async def test_what_a_person_took_off_is_theirs_to_take_off(account: Account) -> None:
    ticket = await settled(account)
    account.writing.edit(ticket, tags=["vip"])
    account.clock.advance(EVERY)
    await account.reconciler.round()
    (row,) = account.drifted()
    assert (row["what"], row["cause"], row["policy"]) == ("tag:ts_injury", "person", "accept")
    assert row["by"] == str(account.writing.zendesk.world.admin["id"])
    await account._work()
    await account.writing.until_quiet()
    assert account.writing.tags(ticket) == {"vip"}


async def test_what_was_lost_is_written_again_and_the_drift_is_over(account: Account) -> None:
    ticket = await settled(account)
    account.writing.zendesk.world.store.tickets[int(ticket)]["tags"] = []  # no audit tells of it
    account.writing.edit(ticket, priority="high")
    account.hear(random.Random(1), 1.0)  # noqa: S311
    account.clock.advance(EVERY)
    await account.reconciler.round()
    (row,) = account.drifted()
    assert (row["what"], row["cause"], row["policy"]) == ("tag:ts_injury", "lost", "heal")
    assert "writer" in account.woken
    await account.writing.until_quiet()
    assert "ts_injury" in account.writing.tags(ticket)
    await account.catch_up()
    assert account.drifted() == []


async def test_what_was_lost_stays_lost_once_the_rulebook_does_not_ask_for_it_any_more(account: Account) -> None:
    ticket = await settled(account)
    account.publish({**BOOK, "rules": BOOK["rules"][1:]})
    account.writing.zendesk.world.store.tickets[int(ticket)]["tags"] = []
    account.writing.zendesk.world.store.tickets[int(ticket)]["updated_at"] = account.writing.zendesk.world.text_of(account.clock.now())
    account.clock.advance(EVERY)
    await account.reconciler.round()
    (row,) = account.drifted()
    assert (row["what"], row["cause"], row["policy"]) == ("tag:ts_injury", "rulebook", "accept")
    await account.writing.until_quiet()
    assert account.writing.tags(ticket) == set()


async def test_what_is_missing_on_a_ticket_that_was_merged_away_is_left(account: Account) -> None:
    ticket, target = await settled(account), account.writing.ticket()
    account.writing.edit(ticket, tags=[])
    account.writing.zendesk.world.merge(int(target), [int(ticket)], account.writing.zendesk.world.admin, None, None)
    account.clock.advance(EVERY)
    await account.reconciler.round()
    (row,) = account.drifted()
    assert (row["what"], row["cause"], row["policy"]) == ("tag:ts_injury", "merged", "accept")


async def test_a_rule_of_zendesks_own_is_named_and_asked_about(account: Account) -> None:
    ticket = await settled(account)
    account.writing.zendesk.world.store.triggers[9] = {
        "id": 9,
        "title": "Keep it clean",
        "active": True,
        "position": 1,
        "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "clean"}], "any": []},
        "actions": [{"field": "remove_tags", "value": "ts_injury"}],
    }
    account.writing.edit(ticket, tags=["ts_injury", "clean"])
    account.clock.advance(EVERY)
    await account.reconciler.round()
    (row,) = account.drifted()
    assert (row["cause"], row["policy"], row["by"]) == ("trigger", "ask", "Keep it clean")
    assert account.writing.alarmed()["a rule in Zendesk undoes what ours ask for"] == 1


async def test_without_knowing_who_we_are_nothing_is_looked_at(account: Account) -> None:
    account.own = OwnUser()
    account.clock.advance(EVERY)
    asked = len(account.writing.wire.asked)
    await account.reconciler.round()
    assert len(account.writing.wire.asked) == asked

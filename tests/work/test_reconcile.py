"""Catching up: what webhooks missed is found by the export, nothing is told twice, and what drifted is named with its cause."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tests.work.walk import Walk, call
from tsbridge.core import strict_json
from tsbridge.core.errors import GiveUp
from tsbridge.simulator.zendesk.deliveries import event_body
from tsbridge.store import claiming, drift_rows, inbox, stored_values, upstreams
from tsbridge.store.db import Database
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import CAUGHT_UP
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.zendesk import normalize as zendesk
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.hearing import STREAM, Hearing
from tsbridge.work.reads import ReadBudget
from tsbridge.work.reconcile import EVERY, SOON, Reconciler
from tsbridge.work.stream import Stream

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

    def __init__(self, database: Database, clock: SettableClock, per_minute: int = 120) -> None:
        self.writing = WritingDesk(database, clock)
        self.client = ZendeskClient(self.writing.http, self.writing.credentials)
        self.reads = ReadBudget(database, clock, per_minute)
        super().__init__(database, clock, BOOK, self.client, Hearing(database, clock, self.client, self.reads), reads=self.reads)
        bridge = self.writing.zendesk.world.bridge
        self.own = OwnUser(str(bridge["id"]), bridge["email"])
        self.woken: list[str] = []
        self.reconciler = self.another("w1")
        self.stream = Stream(database, clock, self.client, lambda: self.own, "w1", self.reads, self.ingest.hear, lambda: None)

    def another(self, worker: str, *, tells: bool = False, quiet: bool = False) -> Reconciler:
        wake, wake_writer = (lambda: self.woken.append("inbox")), (lambda: self.woken.append("writer"))
        own, alarm, reads = (lambda: self.own), self.writing._alarm, self.reads
        made = (self.database, self.clock, self.ids, self.client, own, worker, alarm, self.rulebooks, reads, wake, wake_writer)
        return Reconciler(*made, tells=tells, quiet=quiet)

    def _zendesk(self, row: claiming.Claimed, _: Any) -> Normalized:
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
            while await self.stream.round() is True:
                pass
            await self._work()

    def caught_up(self) -> int:
        """How many moments no delivery rang for."""
        query = select(func.count()).where(moments.c.event_id == CAUGHT_UP)
        return self.database.read_now(lambda conn: conn.execute(query).scalar_one())

    def drifted(self) -> list[dict[str, Any]]:
        return self.database.read_now(lambda conn: drift_rows.listed(conn, 1_000, None, None, None))

    def wishes(self) -> set[tuple[str, str]]:
        return {(ticket, wish) for ticket, _, wish in self.outcome()["wishes"]}


@pytest.fixture
async def account(database: Database, clock: SettableClock) -> Account:
    made = Account(database, clock)
    await begun(made)
    return made


async def begun(account: Account) -> None:
    """The places in the exports are kept from now on."""
    await account.reconciler.round()
    await account.stream.round()
    account.clock.advance(timedelta(minutes=2))


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


@pytest.mark.parametrize("lost", [0.6, 1.0])
async def test_what_webhooks_lost_is_found_within_two_periods_and_the_end_is_the_same(
    make_database: Any, account: Account, lost: float
) -> None:
    whole = Account(make_database(), SettableClock(account.clock.now() - timedelta(minutes=2)))
    await begun(whole)
    assert await lived(account, lost, seed=5)
    await account.catch_up()
    assert await lived(whole, 0.0, seed=5) == 0
    await whole.catch_up()
    assert account.caught_up() > 0
    assert whole.caught_up() == 0
    assert account.outcome() == whole.outcome()


async def test_who_calls_is_known_from_a_ticket_that_webhooks_lost_whatever_the_rules_read(account: Account) -> None:
    pia = account.writing.zendesk.world.add_user("Pia", "pia@example.com", phone="+14155550177")
    ticket = account.writing.ticket(requester_id=pia["id"])
    account.clock.advance(timedelta(seconds=70))
    await account.catch_up()
    account.tell([call("call.missed", 30, phone="+14155550177")])
    await account._work()
    assert [id_ for _, _, id_, *_ in account.outcome()["members"]] == ["c1", ticket]
    assert len({case for case, *_ in account.outcome()["members"]}) == 1


class WithoutEvents:
    """A Zendesk that has no export of ticket events, or not for us."""

    def __init__(self, server_time: datetime | None = None) -> None:
        self.server_time = server_time

    async def ticket_events(self, start_time: int) -> Mapping[str, Any]:
        raise GiveUp("deleted")


async def test_where_ticket_events_are_refused_what_webhooks_lost_is_found_by_the_export_of_tickets(account: Account) -> None:
    events = account.stream
    args = (account.database, account.clock, WithoutEvents(), lambda: account.own, "w1", account.reads, account.ingest.hear, lambda: None)
    account.stream = Stream(*args)
    account.writing.ticket(comment={"body": "a bite"})
    account.clock.advance(timedelta(seconds=70))
    await account.catch_up(3)
    found = account.caught_up()
    assert found > 0
    account.stream = events
    await account.catch_up(3)
    assert account.caught_up() == found, "the export of ticket events has nothing to add"


@pytest.mark.parametrize("refused", [False, True])
async def test_a_first_look_by_a_clock_that_is_ahead_passes_nothing_by(database: Database, clock: SettableClock, refused: bool) -> None:
    account = Account(database, clock)
    account.client.server_time = clock.now()
    asked = WithoutEvents(clock.now()) if refused else account.client

    def looks(by: SettableClock) -> Stream:
        return Stream(database, by, asked, lambda: account.own, "w1", account.reads, account.ingest.hear, lambda: None)

    account.clock = SettableClock(clock.now() + timedelta(minutes=10))
    ahead, stream = account.another("w1"), looks(account.clock)
    for _ in range(2):
        await stream.round()
        await ahead.round()
    account.writing.ticket(comment={"body": "a bite"})
    clock.advance(timedelta(minutes=4))
    account.clock, account.stream = clock, looks(clock)
    await account.catch_up(3)
    assert account.caught_up() > 0


class ToldOnlyNow:
    """A Zendesk that nobody has asked before: its clock is known by its first answer."""

    def __init__(self, time: datetime) -> None:
        self._time = time
        self.server_time: datetime | None = None
        self.asked: list[int | None] = []

    async def ticket_events(self, start_time: int) -> Mapping[str, Any]:
        self.server_time = self._time
        self.asked.append(start_time)
        return {"ticket_events": [], "end_time": start_time, "end_of_stream": True}

    async def incremental(self, *, cursor: str | None = None, start_time: int | None = None, per_page: int = 1000) -> Mapping[str, Any]:
        self.server_time = self._time
        self.asked.append(start_time)
        return {"tickets": [], "after_cursor": "c", "end_of_stream": True}


async def test_a_first_look_begins_anew_once_zendesks_clock_is_known(database: Database, clock: SettableClock) -> None:
    account = Account(database, clock)
    ahead, told = SettableClock(clock.now() + timedelta(hours=1)), ToldOnlyNow(clock.now())
    begins = [int((at - timedelta(minutes=5)).timestamp()) for at in (ahead.now(), clock.now())]
    stream = Stream(database, ahead, told, lambda: account.own, "w1", account.reads, account.ingest.hear, lambda: None)
    assert await stream.round() is True
    await stream.round()
    assert told.asked == begins
    account.clock, account.client, told.server_time = ahead, told, None  # type: ignore[assignment]
    by_hand = account.another("cli", tells=True)
    while not (await by_hand.page("by hand")).end:
        pass
    assert told.asked == [*begins, *begins]


async def test_nothing_is_told_twice_and_nothing_that_was_heard(account: Account) -> None:
    await lived(account, 0.0, seed=6)
    decided = len(account.outcome()["decisions"])
    await account.catch_up(4)
    assert account.caught_up() == 0
    assert len(account.outcome()["decisions"]) == decided


async def test_found_again_after_a_crash_it_is_told_once(account: Account) -> None:
    await lived(account, 1.0, seed=7)
    before = account.database.read_now(lambda conn: stored_values.get(conn, STREAM))
    await account.catch_up()
    found = account.caught_up()
    assert found
    account.database.write_now(lambda conn: stored_values.put(conn, STREAM, before))
    account.stream = Stream(
        account.database, account.clock, account.client, lambda: account.own, "w1", account.reads, account.ingest.hear, lambda: None
    )
    await account.catch_up()
    assert account.caught_up() == found


def asked_in_a_minute(account: Account, part: str) -> int:
    """The most reads in any sixty seconds, of those whose path has this part."""
    made = [at for at, method, path in account.writing.wire.asked if method == "GET" and part in path]
    return max((sum(first <= at < first + timedelta(seconds=60) for at in made) for first in made), default=0)


async def test_a_page_of_a_hundred_missed_tickets_is_read_to_its_end_under_a_limit_of_sixty_a_minute(
    database: Database, clock: SettableClock
) -> None:
    account = Account(database, clock, per_minute=60)
    tickets = [account.writing.ticket(comment={"body": "a bite"}) for _ in range(100)]
    clock.advance(timedelta(minutes=2))
    look = account.another("cli", tells=True)
    found = await look.page("backfill", clock.now() - timedelta(hours=1))
    assert (found.tickets, found.told) == (100, 100)
    for _ in range(100):
        await account._work()
        clock.advance(5)
    assert {member[2] for member in account.outcome()["members"]} == set(tickets)
    assert account.writing.wire.count("GET", "/audits") == 100
    assert asked_in_a_minute(account, "/api/v2/") <= 60


async def test_drifted_tickets_are_looked_at_one_after_the_other_under_any_limit(database: Database, clock: SettableClock) -> None:
    account = Account(database, clock, per_minute=10)
    await begun(account)
    tickets = [account.writing.ticket(comment={"body": "a bite"}) for _ in range(12)]
    for _ in range(20):
        await account.catch_up(1)
    await account.writing.until_quiet()
    for ticket in tickets:
        assert "ts_injury" in account.writing.tags(ticket)
        account.writing.edit(ticket, tags=[])
    before = account.writing.wire.count("GET", "/audits")
    for _ in range(60):
        clock.advance(20)
        while await account.reconciler.round() is True:
            pass
    assert {row["ticket"] for row in account.drifted()} == set(tickets)
    assert account.writing.wire.count("GET", "/audits") - before == len(tickets)
    assert asked_in_a_minute(account, "/audits") <= 10


async def test_one_process_at_a_time_reads_the_export(account: Account) -> None:
    account.clock.advance(EVERY)
    await account.reconciler.round()
    asked = account.writing.wire.count("GET", "incremental")
    await account.another("w2").round()
    assert account.writing.wire.count("GET", "incremental") == asked


async def test_a_zendesk_that_does_not_let_us_read_is_noted_until_it_does_and_our_own_pace_is_no_trouble(
    account: Account, database: Database
) -> None:
    account.writing.zendesk.faults.down = True
    account.clock.advance(EVERY)
    begun = account.clock.now()
    for _ in range(2):
        await account.reconciler.round()
        account.clock.advance(EVERY)
    ((task, noted),) = database.read_now(upstreams.failing).items()
    assert (task, noted.refused) == ("reconcile", False)
    assert begun <= noted.since < begun + EVERY
    account.writing.zendesk.faults.down = False
    account.clock.advance(EVERY)
    await account.reconciler.round()
    assert database.read_now(upstreams.failing) == {}
    await account.reads.take("export", 1_000)
    account.clock.advance(SOON)
    await account.another("w1").round()
    assert database.read_now(upstreams.failing) == {}


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


async def test_a_ticket_that_was_gone_before_anything_of_it_was_heard_is_not_taken_for_there(account: Account) -> None:
    ticket = account.writing.ticket(comment={"body": "a bite"})
    account.clock.advance(50)
    account.writing.zendesk.act("delete", {"id": int(ticket)})
    account.hear(random.Random(1), 1.0)  # noqa: S311
    await account.catch_up()
    assert [case[1] for case in account.outcome()["cases"]] == ["resolved"]


async def test_a_backfill_makes_no_cases_of_tickets_that_are_gone(account: Account) -> None:
    ticket = account.writing.ticket(comment={"body": "a bite"})
    account.writing.zendesk.act("delete", {"id": int(ticket)})
    account.hear(random.Random(1), 1.0)  # noqa: S311
    account.clock.advance(EVERY)
    await account.another("w1", tells=True, quiet=True).page("backfill", account.clock.now() - timedelta(days=1))
    await account._work()
    assert account.outcome()["cases"] == []


async def settled(account: Account, rests: float = 90) -> str:
    """A ticket that a rule tagged, written and heard back."""
    rng = random.Random(1)  # noqa: S311  # a seeded world
    ticket = account.writing.ticket(comment={"body": "a bite"})
    account.hear(rng, 0.0)
    await account._work()
    await account.writing.until_quiet()
    account.hear(rng, 0.0)
    await account._work()
    assert "ts_injury" in account.writing.tags(ticket)
    account.clock.advance(rests)
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


async def goes_on(account: Account, rng: random.Random) -> None:
    """What happened is heard, and what is wished is written."""
    for _ in range(3):
        account.hear(rng, 0.0)
        await account._work()
        await account.writing.until_quiet(timedelta(seconds=20))


@pytest.mark.parametrize("first", ["heard", "seen"])
async def test_a_tag_that_a_stale_list_took_off_comes_back_whether_it_is_heard_or_seen_first(account: Account, first: str) -> None:
    ticket, rng = await settled(account, rests=30), random.Random(2)  # noqa: S311  # a seeded world
    account.writing.edit(ticket, tags=[])  # as it was before our write, half a minute ago
    if first == "seen":
        account.clock.advance(EVERY)
        await account.reconciler.round()
        (row,) = account.drifted()
        assert (row["what"], row["cause"], row["policy"]) == ("tag:ts_injury", "lost", "heal")
    await goes_on(account, rng)
    assert account.writing.tags(ticket) == {"ts_injury"}
    account.clock.advance(timedelta(minutes=3))
    account.writing.edit(ticket, tags=[])  # and once more, long after: that is meant
    await goes_on(account, rng)
    assert account.writing.tags(ticket) == set()


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
    await account.writing.until_quiet(timedelta(seconds=1))
    await account._work()  # what somebody may have done there is heard before we write
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


async def test_a_merge_of_an_agents_own_tickets_said_in_public_joins_them_when_only_the_export_tells_of_it(
    account: Account,
) -> None:
    world, ada = account.writing.zendesk.world, account.writing.zendesk.world.admin
    target, source = (world.create({"subject": "Mine", "comment": {"body": "the heating"}}, ada, via="web")["id"] for _ in range(2))
    await account.catch_up()
    world.merge(target, [source], ada, "One matter.", "One matter.", target_public=True, source_public=True)
    world.happened.clear()
    await account.catch_up(4)
    ranks = {id_: rank for _, _, id_, rank, _ in account.outcome()["members"]}
    assert (ranks[str(source)], len(ranks)) == ("named", 2)


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

"""Workers beside each other on PostgreSQL: together they end where one of them ends alone, and nobody takes another's place."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from tests.clocks import CountingIds, SettableClock
from tests.databases import Postgres
from tests.test_serve import until
from tests.work.test_covered_rings import Told
from tests.work.test_walk_laws import BOOK, MORE, STORY
from tests.work.walk import OWN, Walk, call, ticket
from tsbridge.core.moments import Handle, Interaction, Moment
from tsbridge.store import inbox, inbox_tables, lanes, locks, proof, stored_values, warnings
from tsbridge.store.availability import unavailable
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.link_tables import interactions
from tsbridge.store.locks import MANY, Contended, Locks
from tsbridge.store.writing_tables import desired
from tsbridge.vendors.zendesk import normalize as zendesk
from tsbridge.work.accounts import ACCOUNT
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.hearing import Heard
from tsbridge.work.reads import Reader

WORKERS = 4
SHARED = "+14155550777"


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    """All is heard a day later: the order of arrival is free."""
    clock.advance(timedelta(days=1))
    return clock


@pytest.fixture
def together(postgres: Postgres) -> Iterator[Callable[[int], list[Database]]]:
    """Several processes' views of one database."""
    with ExitStack() as stack:

        def make(count: int) -> list[Database]:
            url = stack.enter_context(postgres.fresh())
            return [stack.enter_context(Database.open(url)) for _ in range(count)]

        yield make


def many(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """People who come again and again, by ticket and call, some on one phone, with tickets that name each other."""
    told = [*STORY, *MORE]
    for n in range(24):
        person, phone = str(100 + n % 7), f"+1415556{n % 7:04d}"
        told.append(ticket("created", 100 + n, str(6_000 + n), text=rng.choice(["hello", "bitten", "refund"]), person=person, phone=phone))
        told.append(ticket("commented", 130 + n, str(6_000 + n), text=f"more {n}", person=person, phone=phone))
        if n % 3 == 0:
            told.append(call("call.missed", 140 + n, f"k{n}", phone=rng.choice([phone, SHARED])))
        if n % 5 == 0:
            told.append(call("call.ended", 150 + n, f"n{n}", zendesk_ticket_id=str(6_000 + rng.randrange(24))))
    return told


@pytest.mark.parametrize("seed", range(2))
def test_law_1_holds_for_four_workers_at_once(together: Callable[[int], list[Database]], late: SettableClock, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    told = many(rng)
    (alone,) = together(1)
    calm = Walk(alone, late, BOOK)
    calm.tell(told)
    calm.work()
    shuffled = told + rng.choices(told, k=10)
    rng.shuffle(shuffled)
    opened = together(WORKERS)
    walks = [Walk(one, late, BOOK, worker=f"w{n}", ids=CountingIds(f"w{n}-")) for n, one in enumerate(opened, 1)]
    walks[0].tell(shuffled)
    for walk in walks:
        walk.ingest._batch = 7  # so that each has several batches to meet the others in
    walks[-1].ingest._sole = lambda: True  # it has not heard of the others yet
    work_at_once(walks)
    walks[0].work()
    assert walks[0].outcome() == calm.outcome()

    def twice(conn: Any) -> list[tuple[str, int]]:
        live = (decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False))
        counted = Counter(conn.execute(select(decisions.c.moment).where(*live)).scalars().all())
        return [(moment, many) for moment, many in counted.items() if many > 1]

    assert opened[0].read_now(twice) == []
    counts = opened[0].read_now(inbox.counts)
    assert sum(of.pending + of.dead + of.quarantined for of in counts.values()) == 0
    assert opened[0].read_now(proof.verify)["ok"]


def work_at_once(walks: list[Walk]) -> None:
    failures: list[BaseException] = []

    def run(walk: Walk) -> None:
        try:
            asyncio.run(rounds(walk))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(walk,)) for walk in walks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not failures, failures


async def rounds(walk: Walk) -> None:
    """As a worker's tasks go on: what says nothing about deliveries, a lock that took too long on a busy machine, is tried again."""
    more = True
    while more:
        try:
            more = await walk.ingest.round()
            await walk.due.round()
        except Exception as failure:
            if not unavailable(failure):
                raise


def test_what_another_worker_has_is_waited_for_once_and_tried_after_that(together: Callable[[int], list[Database]]) -> None:
    first, second = together(2)
    ana, ben = (locks.of_people([(Interaction("zendesk", id_), [Handle("email", f"{id_}@example.com")])], {}) for id_ in ("1", "2"))

    def hold(conn: Any) -> None:
        Locks(conn, ana)

        def ask(other: Any) -> None:
            held = Locks(other, ben)
            assert not held.more(ben)
            with pytest.raises(Contended) as refused:
                held.more(ana)
            assert refused.value.keys == ana | ben

        second.write_now(ask)

    first.write_now(hold)
    second.write_now(lambda conn: Locks(conn, ana | ben))


class Asked(Told):
    """Remembers which tickets were read."""

    def __init__(self, database: Database, clock: SettableClock, moments: Mapping[str, list[Moment]]) -> None:
        super().__init__(database, clock, moments)
        self.read_of: list[str] = []

    async def read(self, requesters: Mapping[str, str | None], reader: Reader = "rings", patience: float = 2.0) -> Heard:
        self.read_of += sorted(requesters)
        return await super().read(requesters, reader, patience)


def test_tickets_that_another_worker_is_at_come_second_and_are_not_read_again(
    together: Callable[[int], list[Database]], late: SettableClock
) -> None:
    first, second = together(2)
    ids = ("6001", "6002", "6003")
    hearing = Asked(second, late, {id_: [Moment("zendesk", id_, "ticket.created", late.now(), vendor_order=id_)] for id_ in ids})
    walk = Walk(second, late, BOOK, hearing=hearing)
    walk.tell([ticket("created", n, id_, text="hello", person=str(n)) for n, id_ in enumerate(ids, 1)])
    theirs = locks.of_people([(Interaction("zendesk", "6002"), ())], {})
    thread = threading.Thread(target=lambda: asyncio.run(rounds(walk)))

    def decided(conn: Any) -> set[str]:
        return set(conn.execute(select(decisions.c.interaction)).scalars())

    def hold(conn: Any) -> set[str]:
        Locks(conn, theirs)
        thread.start()
        until(lambda: second.read_now(decided))
        return second.read_now(decided)

    assert first.write_now(hold) == {"6001", "6003"}
    thread.join(60)
    assert second.read_now(decided) == set(ids)
    assert hearing.read_of == [*ids]


def test_what_another_worker_is_at_is_claimed_again_with_what_comes_next(
    together: Callable[[int], list[Database]], late: SettableClock
) -> None:
    first, second = together(2)
    walk = Walk(second, late, BOOK)
    walk.tell([ticket("created", n, str(6_000 + n), text="hello", person=str(n), phone=f"+1415556000{n}") for n in (1, 2, 3)])

    def decided(conn: Any) -> list[str]:
        return [*conn.execute(select(decisions.c.interaction).order_by(decisions.c.number)).scalars()]

    def hold(conn: Any) -> None:
        Locks(conn, locks.of_people([(Interaction("zendesk", "6002"), ())], {}))
        assert asyncio.run(walk.ingest.round()), "it waits for nobody"

    first.write_now(hold)
    assert sorted(second.read_now(decided)) == ["6001", "6003"]
    waiting = select(inbox_tables.inbox.c.status, inbox_tables.inbox.c.attempts, inbox_tables.inbox_claims.c.claimed_by)
    one = waiting.select_from(lanes.WITH_CLAIMS).where(inbox_tables.inbox.c.status == "pending")
    assert second.read_now(lambda conn: conn.execute(one).all()) == [("pending", 0, None)]
    walk.tell([ticket("created", 4, "6004", text="hello", person="4", phone="+14155560004")])
    assert asyncio.run(walk.ingest.round())
    assert sorted(second.read_now(decided)[2:]) == ["6002", "6004"]


def test_what_another_worker_is_at_comes_second_also_where_the_rest_begins_anew(
    together: Callable[[int], list[Database]], late: SettableClock
) -> None:
    first, second, third = together(3)
    walk = Walk(second, late, BOOK)
    walk.tell([ticket("created", 1, "6001", person="41"), ticket("created", 3, "6003", person="42")])
    walk.work()
    of = second.read_now(lambda conn: {row.id: row.case_id for row in conn.execute(select(interactions))})
    asyncio.run(walk.desk.merge(of["6003"], "Sue", of["6001"]))  # it turns out later that 6003 is touched, too
    walk.tell([ticket("commented", 5, "6001", text="bitten", person="41"), ticket("created", 6, "6002", person="7", text="hello")])
    thread = threading.Thread(target=lambda: asyncio.run(rounds(walk)))
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")

    def decided(conn: Any) -> list[str]:
        return [*conn.execute(select(decisions.c.interaction).where(decisions.c.event != "ticket.created")).scalars()]

    def heard(conn: Any) -> set[str]:
        return set(conn.execute(select(interactions.c.id)).scalars())

    def hold(conn: Any) -> None:
        Locks(conn, locks.of_people([(Interaction("zendesk", "6003"), ())], {}))
        thread.start()
        until(lambda: first.read_now(lambda other: other.execute(waits).scalar_one()))

    def hold_longer(conn: Any) -> None:
        Locks(conn, locks.of_people([(Interaction("zendesk", "6002"), ())], {}))
        third.write_now(hold)
        until(lambda: first.read_now(decided))
        assert first.read_now(heard) == {"6001", "6003"}

    first.write_now(hold_longer)
    thread.join(60)
    assert first.read_now(heard) == {"6001", "6002", "6003"}


def test_two_workers_that_hear_two_first_accounts_at_once_keep_one(together: Callable[[int], list[Database]], late: SettableClock) -> None:
    first, second = together(2)
    walk = Walk(second, late, BOOK)
    event = {"type": "zen:event-type:ticket.status_changed", "detail": {"id": "6001"}, "event": {"current": "OPEN", "previous": "NEW"}}
    walk.tell([("zendesk", {**event, "account_id": 2, "id": "a"})])
    thread = threading.Thread(target=lambda: asyncio.run(rounds(walk)))
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")

    def hold(conn: Any) -> None:
        stored_values.put(conn, ACCOUNT, {"id": "1"})
        thread.start()
        until(lambda: first.read_now(lambda other: other.execute(waits).scalar_one()))

    first.write_now(hold)
    thread.join(60)
    assert first.read_now(lambda conn: stored_values.get(conn, ACCOUNT)) == {"id": "1"}
    settled = select(inbox_tables.inbox.c.status, inbox_tables.inbox.c.reason)
    assert first.read_now(lambda conn: [tuple(row) for row in conn.execute(settled)]) == [("quarantined", "foreign_account")]


def test_warnings_of_two_workers_at_once_are_all_counted(together: Callable[[int], list[Database]], late: SettableClock) -> None:
    first, second = together(2)
    thread = threading.Thread(target=lambda: second.write_now(lambda conn: warnings.note(conn, ["channel:fax"], late.now())))
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")

    def hold(conn: Any) -> None:
        warnings.note(conn, ["channel:telex"], late.now())
        thread.start()
        until(lambda: first.read_now(lambda other: other.execute(waits).scalar_one()))

    first.write_now(hold)
    thread.join(60)
    noted = first.read_now(warnings.noted)["channel"]
    assert (noted.count, noted.details) == (2, ("fax", "telex"))


def test_what_a_batch_did_is_written_though_what_came_second_of_it_fails(
    together: Callable[[int], list[Database]], late: SettableClock
) -> None:
    first, second = together(2)
    walk = Walk(second, late, BOOK)
    walk.tell([ticket("created", 2, "6002", text="hello", person="2", phone="+14155560002")])
    walk.work()
    second.write_now(lambda conn: conn.execute(cases.update().values(state={"nothing": "that was ever kept"})))
    walk.tell([ticket("created", 3, "6001", text="my dog was bitten", person="1", phone="+14155560001")])
    walk.tell([ticket("commented", 4, "6002", text="more", person="2", phone="+14155560002")])
    theirs = locks.of_people([(Interaction("zendesk", "6002"), ())], {})
    woken: list[set[str]] = []

    def wished(conn: Any) -> set[str]:
        return set(conn.execute(select(desired.c.ticket).where(desired.c.ticket == "6001")).scalars())

    walk.ingest._wake_for = lambda _: woken.append(second.read_now(wished))
    thread = threading.Thread(target=lambda: asyncio.run(rounds(walk)))

    def hold(conn: Any) -> None:
        Locks(conn, theirs)
        thread.start()
        until(lambda: second.read_now(wished))

    first.write_now(hold)
    thread.join(60)
    assert woken == [{"6001"}]
    settled = select(inbox_tables.inbox.c.status, inbox_tables.inbox.c.reason).order_by(inbox_tables.inbox.c.seq)
    (_, applied, failed) = second.read_now(lambda conn: conn.execute(settled).all())
    assert tuple(applied) == ("applied", None)
    assert failed.status == "pending"
    assert failed.reason not in (None, "LostLease")


class Remembers(Locks):
    """Remembers of each time more was asked for whether that had to be locked."""

    def __init__(self, conn: Any, keys: frozenset[int]) -> None:
        super().__init__(conn, keys)
        self.asked: list[bool] = []

    def more(self, keys: Set[int]) -> bool:
        self.asked.append(super().more(keys))
        return self.asked[-1]


@pytest.mark.parametrize(
    ("joined", "asked"),
    [
        pytest.param(False, [True], id="another ticket of the same person, who is ours"),
        pytest.param(True, [True, False], id="somebody else's ticket in the same case"),
    ],
)
def test_what_stands_around_is_read_again_where_nothing_of_it_was_locked_before(
    together: Callable[[int], list[Database]], late: SettableClock, joined: bool, asked: list[bool]
) -> None:
    (one,) = together(1)
    walk = Walk(one, late, BOOK)
    walk.tell([ticket("created", 1, "6001"), ticket("created", 2, "6002", person="41"), ticket("created", 3, "6003", person="42")])
    walk.work()
    if joined:
        of = one.read_now(lambda conn: {row.id: row.case_id for row in conn.execute(select(interactions))})
        asyncio.run(walk.desk.merge(of["6003"], "Sue", of["6001"]))
    _, body = ticket("commented", 5, "6003" if joined else "6001", text="bitten", person="42" if joined else "41")
    (moment,) = zendesk.read(json.dumps(body).encode(), received_at=late.now(), own=OWN).moments

    def hear(conn: Any) -> list[bool]:
        live, held, told = walk.rulebooks.live(conn), Remembers(conn, locks.of_moments([moment])), ToldNow()
        told.hear(conn, moment, "evt_1", live.version)
        walk.conclusions.conclude(conn, live, told, late.now(), held)
        return held.asked

    assert one.write_now(hear) == asked


def test_who_needs_too_much_works_alone(together: Callable[[int], list[Database]]) -> None:
    first, second = together(2)
    keys = frozenset(range(MANY + 1))

    def hold(conn: Any) -> int:
        Locks(conn, keys)
        return int(
            conn.execute(
                select(func.count()).select_from(text("pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"))
            ).scalar_one()
        )

    assert first.write_now(hold) == 1

    def grow(conn: Any) -> None:
        with pytest.raises(Contended) as refused:
            Locks(conn, frozenset({1})).more(keys)
        assert refused.value.keys is None

    second.write_now(grow)


def test_sqlite_locks_nothing(sqlite_files: Any) -> None:
    with sqlite_files.fresh() as url, Database.open(url) as database:
        assert not database.write_now(lambda conn: Locks(conn, frozenset({1})).more(frozenset({2})))
        assert database.read_now(lambda conn: conn.execute(select(func.count()).select_from(cases)).scalar_one()) == 0

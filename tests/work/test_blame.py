"""Who is to blame: a reader's failure is its delivery's own affair, the database's trouble is no delivery's fault."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolIsBusy

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk, tags
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk, call, ticket
from tsbridge.cpu_limit import within
from tsbridge.store import case_tables, claiming, escalation_tables, inbox, inbox_tables, wanted_facts, writing_tables
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.client import AuditPage
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.hearing import Heard, Hearing
from tsbridge.work.ingest import BATCH
from tsbridge.work.reads import ReadBudget
from tsbridge.work.stream import Stream

TROUBLES = (
    lambda: OperationalError("work", None, sqlite3.OperationalError("database is locked")),
    lambda: OperationalError("work", None, psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")),
    lambda: OperationalError("work", None, psycopg.errors.AdminShutdown("terminating connection")),
    lambda: PoolIsBusy("no connection in time"),
)


class Trouble:
    """A side of a database whose work fails at times: before it began, when it was done and not yet committed, or behind its commit."""

    def __init__(self, side: Any, seed: int) -> None:
        self._side = side
        self._dice = random.Random(seed)  # noqa: S311
        self.share = 0.0
        self.failed = 0
        self.unheard: Callable[[Connection], bool] = lambda _: False
        """Whether nobody hears any more that what was just done is committed: asked behind each commit."""

    def submit(self, work: Callable[[Connection], Any], **how: bool) -> Future[Any]:
        done: Future[Any] = self._side.submit(self._spoiled(work), **how)
        if how["write"] and done.exception() is None and self._side.run(self.unheard, write=False):
            done = Future()
            done.set_exception(TROUBLES[2]())
        return done

    def run(self, work: Callable[[Connection], Any], **how: bool) -> Any:
        return self._side.run(work, **how)  # how the test itself looks

    def close(self) -> None:
        """The inner side closes itself."""

    def _spoiled(self, work: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        if self._dice.random() >= self.share:
            return work
        failure, early = self._dice.choice(TROUBLES)(), self._dice.random() < 0.5
        self.failed += 1

        def fails(conn: Connection) -> None:
            if not early:
                work(conn)
            raise failure

        return fails


def troubled(database: Database, seed: int) -> tuple[Database, Trouble]:
    side = Trouble(database._side, seed)
    return Database(side, database.dialect, database.url, database.seal_keys, database.data_keys), side


def statuses(database: Database) -> Counter[str]:
    return Counter(database.read_now(lambda conn: conn.execute(select(inbox_tables.inbox.c.status)).scalars().all()))


def some(many: int) -> list[tuple[str, dict[str, Any]]]:
    return [ticket("created", n, str(5000 + n), person=str(n)) if n % 2 else call("call.ended", n, f"c{n}") for n in range(many)]


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_trouble_of_the_database_for_forty_minutes_is_counted_against_nobody(
    database: Database, clock: SettableClock, share: float
) -> None:
    shaky, side = troubled(database, 7)
    walk = Walk(shaky, clock, BOOK)
    walk.tell(some(30))
    clock.advance(timedelta(hours=1))
    side.share = share
    until = clock.now() + timedelta(minutes=40)
    while clock.now() < until:
        try:
            while asyncio.run(walk.ingest.round()):
                pass
        except (OperationalError, PoolIsBusy):
            pass  # the loop rests and comes again
        clock.advance(60)
    assert side.failed >= 20
    assert set(statuses(database)) <= {"pending", "applied"}
    side.share = 0.0
    while "pending" in statuses(database):
        walk.work()
        clock.advance(10)
    assert statuses(database) == {"applied": 30}
    rows = database.read_now(lambda conn: conn.execute(select(inbox_tables.inbox.c.attempts, inbox_tables.inbox.c.reason)).all())
    assert {tuple(row) for row in rows} == {(1, None)}  # no failure was counted, nobody died of anything


def test_claims_that_could_not_be_given_back_are_given_back_with_the_next_claim(database: Database, clock: SettableClock) -> None:
    shaky, side = troubled(database, 1)
    walk = Walk(shaky, clock, BOOK)
    walk.tell(some(10))
    clock.advance(timedelta(hours=1))
    read = walk.ingest._readers["zendesk"]

    def spoils(row: claiming.Claimed, mappings: Any) -> Any:
        side.share = 1.0  # from the moment they are claimed nothing can be written
        return read(row, mappings)

    walk.ingest._readers = {**walk.ingest._readers, "zendesk": spoils}
    with pytest.raises((OperationalError, PoolIsBusy)):
        asyncio.run(walk.ingest.round())
    clock.advance(timedelta(minutes=11))  # the lease is long over
    side.share = 0.0
    walk.ingest._readers = {**walk.ingest._readers, "zendesk": read}
    walk.work()
    clock.advance(60)
    walk.work()
    assert statuses(database) == {"applied": 10}
    assert database.read_now(lambda conn: set(conn.execute(select(inbox_tables.inbox.c.attempts)).scalars())) == {1}


def test_claims_whose_commit_nobody_heard_of_are_given_back_with_the_next_claim(database: Database, clock: SettableClock) -> None:
    shaky, side = troubled(database, 1)
    walk = Walk(shaky, clock, BOOK)
    walk.tell(some(10))
    clock.advance(timedelta(hours=1))
    side.unheard = lambda conn: conn.execute(select(inbox_tables.inbox_claims.c.seq).limit(1)).first() is not None
    for _ in range(2):
        with pytest.raises(OperationalError):
            asyncio.run(walk.ingest.round())
        clock.advance(5)
    side.unheard = lambda _: False
    walk.work()
    assert statuses(database) == {"applied": 10}
    rows = database.read_now(lambda conn: conn.execute(select(inbox_tables.inbox.c.attempts, inbox_tables.inbox.c.deaths)).all())
    assert {tuple(row) for row in rows} == {(1, 0)}  # none was tried, and nobody died of one


def test_what_a_commit_claimed_beside_its_conclusions_is_given_back_when_nobody_heard_of_it(
    database: Database, clock: SettableClock
) -> None:
    shaky, side = troubled(database, 1)
    walk = Walk(shaky, clock, BOOK)
    walk.tell(some(BATCH + 10))
    clock.advance(timedelta(hours=1))
    claims, applied = (
        select(inbox_tables.inbox_claims.c.seq),
        select(inbox_tables.inbox.c.seq).where(inbox_tables.inbox.c.status == "applied"),
    )
    side.unheard = lambda conn: all(conn.execute(query.limit(1)).first() for query in (claims, applied))
    with pytest.raises(OperationalError):
        asyncio.run(walk.ingest.round())
    assert len(database.read_now(lambda conn: conn.execute(claims).all())) == 10
    side.unheard = lambda _: False
    walk.work()
    assert statuses(database) == {"applied": BATCH + 10}
    rows = database.read_now(lambda conn: conn.execute(select(inbox_tables.inbox.c.attempts, inbox_tables.inbox.c.deaths)).all())
    assert {tuple(row) for row in rows} == {(1, 0)}


@pytest.mark.anyio
async def test_wishes_whose_claim_nobody_heard_of_are_written_with_the_next_round(database: Database, clock: SettableClock) -> None:
    shaky, side = troubled(database, 1)
    desk = WritingDesk(shaky, clock)
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desired = writing_tables.desired.c
    side.unheard = lambda conn: conn.execute(select(desired.ticket).where(desired.status == "sending")).first() is not None
    for _ in range(2):
        with pytest.raises(OperationalError):
            await desk.round()
        clock.advance(5)
    side.unheard = lambda _: False
    await desk.round()
    assert desk.status(ticket) == ("confirmed", None)


@pytest.mark.anyio
async def test_wishes_that_the_database_failed_for_are_written_with_the_next_round(database: Database, clock: SettableClock) -> None:
    shaky, side = troubled(database, 1)
    desk = WritingDesk(shaky, clock)
    both = [desk.ticket(), desk.ticket()]
    for one in both:
        desk.wish(one, tags("ts_a"))

    def lost(request: httpx.Request) -> None:
        side.share = float(request.method == "PUT")  # from the moment that something is written nothing can be kept

    desk.wire.before = lost
    with pytest.raises((OperationalError, PoolIsBusy)):
        await desk.round()
    desk.wire.before, side.share = lambda _: None, 0.0
    clock.advance(5)
    await desk.round()
    assert {desk.status(one) for one in both} == {("confirmed", None)}
    assert desk.puts() == 2  # what arrived was found in the ticket, and not written once more


@pytest.mark.parametrize("failure", [KeyError("x"), RecursionError(), MemoryError(), UnicodeDecodeError("utf-8", b"", 0, 1, "x")])
def test_a_reader_that_fails_is_its_deliverys_own_affair(database: Database, clock: SettableClock, failure: Exception) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell(some(50))
    clock.advance(timedelta(hours=1))
    read, bad = walk.ingest._readers["zendesk"], []

    def fails_once(row: claiming.Claimed, mappings: Any) -> Any:
        if not bad or bad == [row.id]:
            bad[:] = [row.id]
            raise failure
        return read(row, mappings)

    walk.ingest._readers = {**walk.ingest._readers, "zendesk": fails_once}
    asyncio.run(walk.ingest.round())  # one round, and no time passes
    assert statuses(database) == {"applied": 49, "quarantined": 1}
    query = select(inbox_tables.inbox.c.id, inbox_tables.inbox.c.reason).where(inbox_tables.inbox.c.status == "quarantined")
    (kept,) = database.read_now(lambda conn: conn.execute(query).all())
    assert tuple(kept) == (bad[0], "reader_failed")
    assert database.write_now(lambda conn: inbox.retry(conn, bad[0], clock.now()))
    walk.ingest._readers = {**walk.ingest._readers, "zendesk": read}
    walk.work()
    assert statuses(database) == {"applied": 50}


def test_audits_that_our_reader_fails_on_are_that_tickets_own_affair(database: Database, clock: SettableClock) -> None:
    class Account:
        async def audit_page(self, ticket: str, after: str | None = None) -> AuditPage:
            made = {"id": 1, "created_at": "2026-11-22T09:00:00Z", "author_id": 41, "events": [{"type": "Create", "field_name": "status"}]}
            return AuditPage((Odd() if ticket == "1" else made,), None)

    hearing = Hearing(database, clock, Account(), ReadBudget(database, clock))
    found = asyncio.run(hearing.read({"1": None, "2": None}))
    assert (set(found.moments), found.gone, found.unasked) == ({"2"}, frozenset(), frozenset())


class Odd(dict[str, Any]):
    """One that fails whoever asks it."""

    def get(self, *_: Any) -> Any:
        raise KeyError("odd")


class Endless(dict[str, Any]):
    """An audit, or a row, of which nothing can be had in any time."""

    def get(self, *_: Any) -> Any:
        while True:
            pass


def test_audits_that_take_for_ever_to_read_are_left_and_hold_nobody(
    database: Database, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Account:
        async def audit_page(self, ticket: str, after: str | None = None) -> AuditPage:
            made = {"id": 1, "created_at": "2026-11-22T09:00:00Z", "author_id": 41, "events": [{"type": "Create", "field_name": "status"}]}
            return AuditPage((Endless() if ticket == "1" else made,), None)

    hearing = Hearing(database, clock, Account(), ReadBudget(database, clock), within(0.05))
    found = asyncio.run(hearing.read({"1": None, "2": None}))
    assert (set(found.moments), found.gone, found.unasked) == ({"2"}, frozenset(), frozenset())
    assert [record.kind for record in caplog.records if record.message == "audits could not be read"] == ["TookTooLong"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", [Endless, Odd])
def test_rows_of_the_export_that_cannot_be_read_leave_their_ticket_to_be_read_alone(
    database: Database, clock: SettableClock, fault: type[dict[str, Any]]
) -> None:
    child = {"id": 11, "event_type": "Create", "status": "open", "requester_id": 41}

    def row(ticket: int, by: int, **more: Any) -> dict[str, Any]:
        about = {"id": ticket, "ticket_id": ticket, "updater_id": by, "created_at": "2026-11-22T08:00:00Z"}
        return {**about, "event_type": "Audit", "via": {"channel": "web"}, "child_events": [child], **more}

    class Account:
        server_time = None

        async def ticket_events(self, start_time: int) -> dict[str, Any]:
            rows = [row(1, 99, metadata=fault(custom={})), row(2, 41)]  # of our own user's the metadata are looked at
            return {"ticket_events": rows, "end_time": start_time, "end_of_stream": True}

    told: dict[str, Any] = {}

    async def hear(heard: Heard) -> None:
        told.update(heard.moments)

    own = OwnUser("99")
    stream = Stream(database, clock, Account(), lambda: own, "w1", ReadBudget(database, clock), hear, lambda: None, within(0.05))
    asyncio.run(stream.round())
    assert [moment.event for moment in told["2"]] == ["ticket.created"]
    assert "1" not in told
    assert database.read_now(lambda conn: wanted_facts.of(conn, ["1", "2"])).keys() == {"1"}


def test_a_case_that_cannot_be_judged_when_its_time_comes_stops_no_others_escalation(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", 0, str(n), person=str(n), text="my dog was bitten") for n in (1, 2, 3)])
    walk.work()
    armed = {case[0]: case[8] for case in walk.outcome()["cases"]}
    assert None not in armed.values()
    broken = min(armed, key=lambda case_id: (armed[case_id], case_id))  # the one that is taken first
    kept = database.read_now(
        lambda conn: conn.execute(select(case_tables.cases.c.state).where(case_tables.cases.c.id == broken)).scalar_one()
    )

    def keep(state: Any) -> None:
        database.write_now(
            lambda conn: conn.execute(case_tables.cases.update().where(case_tables.cases.c.id == broken).values(state=state))
        )

    def fired() -> Counter[str]:
        steps = select(escalation_tables.escalations.c.case_id).where(escalation_tables.escalations.c.status == "fired")
        return Counter(database.read_now(lambda conn: conn.execute(steps).scalars().all()))

    before = fired()
    keep({"nothing": "that was ever kept"})
    clock.set(max(armed.values()))
    due = asyncio.run(walk.due.round())
    assert {case_id for case_id, many in fired().items() if many > before[case_id]} == armed.keys() - {broken}
    assert due is not None
    assert due > clock.now()  # and it is not asked for again and again
    keep(kept)
    clock.set(due)
    asyncio.run(walk.due.round())
    assert fired()[broken] > before[broken]

"""A worker that is gone: what it had is taken over within half a minute; one that lives keeps what it has, however slow it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import OperationalError

from tests.clocks import START, CountingIds, SettableClock
from tsbridge.core.helpdesk import Wish
from tsbridge.store import claiming, desired, inbox, isolated, leases, outgoing, replays, stored_values
from tsbridge.store.claiming import LostLease, Settlement
from tsbridge.store.db import Database
from tsbridge.store.desired import Wished
from tsbridge.store.inbox import READ_ALONE, Delivery
from tsbridge.store.notice_tables import messages
from tsbridge.store.service_tables import workers
from tsbridge.work.loop import LOOK_AGAIN
from tsbridge.work.takeover import EVERY, Takeover

LONG = timedelta(minutes=5)
WITHIN = timedelta(seconds=30)
"""What is promised."""


class Desk:
    """Two workers on one database, with clocks that stand still until told."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.database = database
        self.clock = clock
        self.one, self.two = (Takeover(database, clock, name) for name in ("one", "two"))

    def look(self, *which: Takeover) -> None:
        for takeover in which:
            asyncio.run(takeover.round())

    def passes(self, span: timedelta, *alive: Takeover) -> None:
        """Time, in which these look as often as they do."""
        end = self.clock.now() + span
        while self.clock.now() < end:
            self.clock.advance(EVERY)
            self.look(*alive)


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Desk:
    return Desk(database, clock)


def a_delivery(conn: Connection) -> None:
    inbox.keep(conn, [Delivery("evt_1", "zendesk", "key", START, {}, b"{}")])


def a_large_task(conn: Connection) -> None:
    a_delivery(conn)
    conn.execute(inbox.inbox.update().values(reason=READ_ALONE))


def a_wish(conn: Connection) -> None:
    desired.wishes_changed(conn, [Wished("7", "case_1", Wish(tags=(("ts_a", "1"),)), 1, 0)], START, CountingIds().new)


def a_job(conn: Connection) -> None:
    asked: dict[str, Any] = {"since": None, "until": START, "as_recorded": False, "document": {}, "hash": "h", "total": 1}
    replays.create(conn, "rep_1", at=START, by="key_1", **asked)


def a_message(conn: Connection) -> None:
    told: dict[str, Any] = {"id": "ntf_1", "agent": "ana", "way": "mail", "severity": 1, "status": "waiting", "due_at": START}
    conn.execute(insert(messages).values(made_at=START, attempts=[], why=[], tries=0, hush=False, sealed=False, **told))


def sent(conn: Connection, worker: str, desk: Desk) -> object:
    rows = outgoing.due_messages(conn, desk.clock.now(), 1)
    for row in rows:
        outgoing.take(conn, row, worker, desk.clock.now(), LONG)
    return rows


Claims = Callable[[Connection, str, Desk], object]
WORK: dict[str, tuple[Callable[[Connection], None], Claims]] = {
    "delivery": (a_delivery, lambda conn, worker, desk: claiming.claim(conn, worker, desk.clock.now(), LONG, 1)),
    "read alone": (a_large_task, lambda conn, worker, desk: isolated.claim(conn, leases.alone(worker), desk.clock.now(), LONG)),
    "write": (a_wish, lambda conn, worker, desk: desired.claim(conn, worker, desk.clock.now(), LONG, 1)),
    "job": (a_job, lambda conn, worker, desk: replays.claim(conn, worker, desk.clock.now(), LONG)),
    "message": (a_message, sent),
    "turn": (lambda conn: None, lambda conn, worker, desk: stored_values.take_turn(conn, "some_turn", worker, desk.clock.now(), LONG)),
}


@pytest.mark.parametrize("what", WORK)
def test_what_a_killed_worker_had_is_free_within_half_a_minute(desk: Desk, what: str) -> None:
    makes, claims = WORK[what]
    desk.database.write_now(makes)
    desk.look(desk.two, desk.one)
    assert desk.database.write_now(lambda conn: claims(conn, "one", desk))
    desk.passes(WITHIN - LOOK_AGAIN, desk.two)  # the first is gone; a task that is not woken looks after `LOOK_AGAIN`
    if what == "read alone":  # the first look leaves it to rest for a while: its worker died with it
        assert not desk.database.write_now(lambda conn: claims(conn, "two", desk))
        assert desk.database.read_now(lambda conn: conn.execute(select(inbox.inbox.c.deaths)).scalar_one()) == 1
    else:
        assert desk.database.write_now(lambda conn: claims(conn, "two", desk))


@pytest.mark.parametrize("what", WORK)
def test_a_worker_that_lives_keeps_what_it_has(desk: Desk, what: str) -> None:
    makes, claims = WORK[what]
    desk.database.write_now(makes)
    desk.look(desk.two, desk.one)
    assert desk.database.write_now(lambda conn: claims(conn, "one", desk))
    desk.passes(LONG - EVERY, desk.one, desk.two)
    assert not desk.database.write_now(lambda conn: claims(conn, "two", desk))


def test_a_worker_whose_beats_are_late_keeps_what_it_has(desk: Desk) -> None:
    """Twelve seconds between two beats are no death."""
    desk.database.write_now(a_wish)
    desk.look(desk.two, desk.one)
    assert desk.database.write_now(lambda conn: desired.claim(conn, "one", desk.clock.now(), LONG, 1))
    for _ in range(10):
        desk.passes(timedelta(seconds=12), desk.two)
        desk.look(desk.one)
    assert not desk.database.write_now(lambda conn: desired.claim(conn, "two", desk.clock.now(), LONG, 1))


def test_a_process_that_slept_or_whose_clock_was_set_takes_nobody_for_dead(desk: Desk) -> None:
    desk.database.write_now(a_wish)
    desk.look(desk.two, desk.one)
    desk.clock.advance(timedelta(hours=1))
    assert desk.database.write_now(lambda conn: desired.claim(conn, "one", desk.clock.now(), LONG, 1))
    desk.look(desk.two)
    desk.clock.advance(timedelta(minutes=4))
    desk.look(desk.two)
    assert not desk.database.write_now(lambda conn: desired.claim(conn, "two", desk.clock.now(), LONG, 1))


def test_the_one_that_comes_after_all_were_killed_takes_over_from_them(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    database.write_now(a_delivery)
    desk.look(desk.one)
    assert database.write_now(lambda conn: claiming.claim(conn, "one", clock.now(), LONG, 1))
    desk.passes(WITHIN - LOOK_AGAIN, desk.two)
    assert database.write_now(lambda conn: claiming.claim(conn, "two", clock.now(), LONG, 1))
    assert database.read_now(lambda conn: conn.execute(select(workers.c.name)).scalars().all()) == ["two"]


def test_a_worker_that_was_only_stopped_settles_nothing_that_another_has_and_says_so(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.database.write_now(a_delivery)
    desk.look(desk.two, desk.one)
    (first,) = desk.database.write_now(lambda conn: claiming.claim(conn, "one", desk.clock.now(), LONG, 1))
    with caplog.at_level(logging.WARNING):
        desk.passes(WITHIN, desk.two)
        (second,) = desk.database.write_now(lambda conn: claiming.claim(conn, "two", desk.clock.now(), LONG, 1))
        desk.look(desk.one)  # it goes on
    with pytest.raises(LostLease):
        desk.database.write_now(lambda conn: claiming.settle(conn, [Settlement(first, "applied")], desk.clock.now()))
    desk.database.write_now(lambda conn: claiming.settle(conn, [Settlement(second, "applied")], desk.clock.now()))
    assert [record.message.partition(":")[0] for record in caplog.records] == ["workers are gone", "this worker was taken for dead"]
    desk.passes(WITHIN, desk.one, desk.two)  # and it counts again like any other
    assert len(desk.database.read_now(lambda conn: conn.execute(select(workers.c.name)).all())) == 2


@pytest.mark.parametrize("what", WORK)
def test_what_a_worker_that_stops_had_is_free_at_once(desk: Desk, what: str, caplog: pytest.LogCaptureFixture) -> None:
    makes, claims = WORK[what]
    desk.database.write_now(makes)
    desk.look(desk.one, desk.two)
    assert desk.database.write_now(lambda conn: claims(conn, "one", desk))
    asyncio.run(desk.one.leave())
    freed = desk.database.write_now(lambda conn: claims(conn, "two", desk))
    assert freed or what == "read alone"
    with caplog.at_level(logging.WARNING):
        desk.passes(WITHIN, desk.two)
    assert not caplog.records  # nobody misses it


@pytest.mark.anyio
async def test_who_leaves_while_the_database_is_away_leaves_in_good_order(clock: SettableClock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert not await Takeover(Away(), clock, "one").leave()  # type: ignore[arg-type]
    assert [record.message for record in caplog.records] == ["the database is away: what this worker had is free once others miss it"]


class Away:
    """A database that cannot be reached."""

    async def write(self, work: Any) -> Any:
        raise OperationalError("update", {}, Exception("away"))


def test_whoever_starts_alone_ends_the_turns_of_all_before_them(desk: Desk) -> None:
    assert desk.database.write_now(lambda conn: stored_values.take_turn(conn, "some_turn", "one", desk.clock.now(), LONG))
    desk.database.write_now(lambda conn: stored_values.put(conn, "by_hand", {"by": "one"}))
    desk.database.write_now(lambda conn: leases.end_all(conn, desk.clock.now()))
    assert desk.database.write_now(lambda conn: stored_values.take_turn(conn, "some_turn", "two", desk.clock.now(), LONG))
    assert desk.database.read_now(lambda conn: stored_values.get(conn, "by_hand")) == {"by": "one"}


def test_a_worker_knows_whether_another_one_is_there(desk: Desk) -> None:
    assert not desk.one.alone, "nobody has looked yet"
    desk.look(desk.one)
    assert desk.one.alone
    desk.look(desk.two, desk.one)
    assert (desk.one.alone, desk.two.alone) == (False, False)
    asyncio.run(desk.two.leave())
    desk.look(desk.one)
    assert desk.one.alone
    desk.look(desk.two, desk.one)
    desk.passes(WITHIN, desk.one)  # the other one is gone without a word
    assert desk.one.alone

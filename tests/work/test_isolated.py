"""What may break whoever reads it is read in a process of its own: quarantined only when that dies of it, and nobody waits for it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolIsBusy

from tests.clocks import START, SettableClock
from tests.work.test_blame import some, statuses, troubled
from tests.work.test_walk_laws import BOOK
from tests.work.walk import OWN, Walk, ticket
from tsbridge.child_process import Limits
from tsbridge.core.ports import Died
from tsbridge.cpu_limit import within
from tsbridge.delivery_readers import Readers, read_in_child
from tsbridge.store import claiming, inbox_tables, warnings
from tsbridge.store.db import Database
from tsbridge.work.bound import TookTooLong
from tsbridge.work.isolated import Alone
from tsbridge.work.reading import Reading
from tsbridge.work.rings import Read

BOUNDS = Limits(seconds=20.0, computing_s=1, memory=400 << 20)
SOON = within(0.1)
READERS = Readers(lambda: OWN, "US", UTC)


def row(body: bytes = b"{}", source: str = "zendesk") -> claiming.Claimed:
    return claiming.Claimed(1, "evt_1", source, "key", False, START, {}, body, 1, "w1")


class Sent:
    """A reader by its source: what stands in a test, another process cannot import."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"lambda row, mappings: {self._code}",)

    def __call__(self, *_: Any) -> Reading:
        raise AssertionError("read in this process")


NEVER_DONE = Sent("any(iter(int, 1))")
MATCHES_FOR_EVER = Sent("__import__('re').match('(a+)+$', 'a' * 60 + 'b')")
EATS = Sent("bytearray(1 << 30)")
BREAKS = Sent("__import__('os').kill(__import__('os').getpid(), 11)")
LEAVES = Sent("__import__('os')._exit(0)")
KILLED = Sent("__import__('os').kill(__import__('os').getpid(), 9)")
RAISES = Sent("{}['ana@example.com']")
_REFUSED = "(_ for _ in ()).throw(__import__('tsbridge.core.errors', fromlist=['errors']).Malformed('unknown_shape'))"
REFUSES = Sent(_REFUSED)
KILLED_ONCE = Sent(
    f"{_REFUSED} if __import__('os').path.exists(row.body) else"
    " (open(row.body, 'w').close(), __import__('os').kill(__import__('os').getpid(), 9))"
)


# Readers that hang here


def loops(_: claiming.Claimed, __: Any) -> Reading:
    while True:
        pass


def matches_for_ever(_: claiming.Claimed, __: Any) -> Reading:
    raise AssertionError(re.match(r"(a+)+$", "a" * 60 + "b"))


def swallows_failures(_: claiming.Claimed, __: Any) -> Reading:
    while True:
        with suppress(Exception):
            while True:
                pass


@pytest.mark.parametrize("reader", [NEVER_DONE, MATCHES_FOR_EVER, EATS, BREAKS, LEAVES, KILLED])
def test_a_process_that_does_not_come_back_has_died_of_its_delivery(reader: Sent) -> None:
    with pytest.raises(Died):
        read_in_child(row(), reader, None, False, limits=BOUNDS, tries=1)


@pytest.mark.parametrize(("reader", "code"), [(RAISES, "reader_failed"), (REFUSES, "unknown_shape")])
def test_a_reader_that_raises_elsewhere_is_told_of_as_here(reader: Sent, code: str) -> None:
    one = read_in_child(row(), reader, None, False)
    assert one.malformed == code
    assert (one.fault is None) == (code != "reader_failed")
    assert "ana@example.com" not in repr(one.fault)


def test_one_death_may_be_anybodys_fault_the_second_in_a_row_is_not(tmp_path: Path) -> None:
    with pytest.raises(Died):
        read_in_child(row(), KILLED, None, False)
    assert read_in_child(row(bytes(tmp_path / "seen")), KILLED_ONCE, None, False).malformed == "unknown_shape"


def test_what_is_read_elsewhere_is_what_is_read_here() -> None:
    for source, body in (ticket("created", 0, text="my dog was bitten"), ("talkdesk", {"tsbridge_event": "call.missed", "call_id": "c"})):
        one = row(json.dumps(body).encode(), source)
        here = READERS.here()[source](one, None)
        there = asyncio.run(READERS.alone(one, None, impressions=False))
        assert there.moments == here.moments != ()
        assert there.row is one


@pytest.mark.parametrize("work", [loops, matches_for_ever, swallows_failures])
def test_work_that_computes_too_long_is_ended_wherever_it_is(work: Callable[..., Reading]) -> None:
    begun = time.process_time()
    with pytest.raises(TookTooLong):
        SOON(lambda: work(row(), None))
    assert time.process_time() - begun < 5
    assert SOON(lambda: "done") == "done"


def test_nothing_rings_once_work_is_done() -> None:
    for _ in range(20):
        SOON(lambda: None)
    until = time.process_time() + 0.3  # three times what it had
    while time.process_time() < until:
        pass
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


class Elsewhere:
    """Reads as another process would; what it dies of is told to it."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.deadly: set[str] = set()
        self.missing = False
        self.meanwhile: Callable[[], None] = lambda: None
        self.read: list[str] = []

    async def __call__(self, one: claiming.Claimed, mappings: Any, *, impressions: bool) -> Read:
        self.read.append(one.id)
        self.meanwhile()
        if self.missing:
            raise OSError("no process to be had")
        if one.id in self.deadly:
            raise Died
        reading = getattr(self._walk, f"_{one.source}")(one, mappings)
        return Read(one, reading.event_type, reading.moments)


def lane(walk: Walk, elsewhere: Elsewhere) -> Alone:
    return Alone(walk.database, walk.clock, elsewhere, walk.ingest, "w1")


def spoil(walk: Walk, spoilt: Callable[..., Reading]) -> list[Any]:
    """From now on one delivery's reader goes wrong; returned are its id, and what was computed by then and when the next one was read."""
    read, seen = walk.ingest._readers["zendesk"], []

    def reader(one: claiming.Claimed, mappings: Any) -> Any:
        if not seen:
            seen[:] = [one.id, time.process_time()]
            return spoilt(one, mappings)
        if len(seen) == 2:
            seen.append(time.process_time())
        return read(one, mappings)

    walk.ingest._readers = {**walk.ingest._readers, "zendesk": reader}
    return seen


@pytest.mark.parametrize("spoilt", [loops, matches_for_ever, swallows_failures])
def test_a_reader_that_hangs_holds_the_others_for_less_than_a_second(
    database: Database, clock: SettableClock, spoilt: Callable[..., Reading]
) -> None:
    walk = Walk(database, clock, BOOK, bound=SOON)
    walk.tell(some(50))
    clock.advance(timedelta(hours=1))
    seen = spoil(walk, spoilt)
    walk.work()
    bad, begun, went_on = seen
    assert went_on - begun < 1
    assert statuses(database) == {"applied": 49, "pending": 1}
    elsewhere = Elsewhere(walk)
    assert asyncio.run(lane(walk, elsewhere).round())
    assert statuses(database) == {"applied": 50}  # it could be read, given time
    assert elsewhere.read == [bad]
    assert not asyncio.run(lane(walk, elsewhere).round())


def test_only_what_a_process_of_its_own_dies_of_is_quarantined_and_that_is_counted(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell(some(10))
    clock.advance(timedelta(hours=1))
    for _ in range(20):  # every worker is killed with whatever it has
        database.write_now(lambda conn: claiming.claim(conn, f"killed-{clock.now()}", clock.now(), timedelta(seconds=60), 50))
        clock.advance(60)
    elsewhere = Elsewhere(walk)
    elsewhere.deadly = {database.read_now(lambda conn: conn.execute(select(inbox_tables.inbox.c.id)).scalars().first())}
    alone = lane(walk, elsewhere)
    walk.work()
    while asyncio.run(alone.round()):
        pass
    walk.work()
    assert statuses(database) == {"applied": 9, "quarantined": 1}
    query = select(inbox_tables.inbox.c.id, inbox_tables.inbox.c.reason).where(inbox_tables.inbox.c.status == "quarantined")
    assert [tuple(one) for one in database.read_now(lambda conn: conn.execute(query).all())] == [(*elsewhere.deadly, "kills_its_reader")]
    assert database.read_now(warnings.noted)["kills_its_reader"].count == 1


def test_where_no_process_can_be_had_a_delivery_waits_for_one(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK, bound=SOON)
    walk.tell(some(2))
    clock.advance(timedelta(hours=1))
    spoil(walk, loops)
    walk.work()
    elsewhere = Elsewhere(walk)
    elsewhere.missing = True
    for _ in range(12):
        with pytest.raises(OSError, match="no process"):
            asyncio.run(lane(walk, elsewhere).round())
        clock.advance(60)
    elsewhere.missing = False
    assert asyncio.run(lane(walk, elsewhere).round())
    assert statuses(database) == {"applied": 2}


@pytest.mark.parametrize("where", ["claimed", "given back"])
def test_what_the_database_failed_for_is_read_with_the_next_round(database: Database, clock: SettableClock, where: str) -> None:
    shaky, side = troubled(database, 1)
    walk = Walk(shaky, clock, BOOK, bound=SOON)
    walk.tell(some(2))
    clock.advance(timedelta(hours=1))
    spoil(walk, loops)
    walk.work()
    elsewhere = Elsewhere(walk)
    alone = lane(walk, elsewhere)
    if where == "claimed":  # and nobody heard of it
        side.unheard = lambda conn: conn.execute(select(inbox_tables.inbox_claims.c.seq).limit(1)).first() is not None
    else:
        elsewhere.meanwhile = lambda: setattr(side, "share", 1.0)
    for _ in range(2):
        with pytest.raises((OperationalError, PoolIsBusy)):
            asyncio.run(alone.round())
        clock.advance(5)
    side.unheard, side.share, elsewhere.meanwhile = lambda _: False, 0.0, lambda: None
    assert asyncio.run(alone.round())
    assert statuses(database) == {"applied": 2}
    assert set(database.read_now(lambda conn: conn.execute(select(inbox_tables.inbox.c.deaths)).scalars())) == {0}

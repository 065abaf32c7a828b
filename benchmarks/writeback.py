"""The long proofs of write-back: the same as in the tests, with the thousands that a suite has no time for.

Each runs against the simulated Zendesk on a clock of its own and says whether it held.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from tests import databases
from tests.clocks import SettableClock
from tests.work.desk import WritingDesk, asked, tags
from tests.work.test_comes_to_rest import restless
from tests.work.test_reconcile import BOOK, Account
from tests.work.test_truth import CATCHING_UP, EVENTS, FEW_READS, MINUTES, SECONDS, busy, found_wrong
from tests.work.test_writeback_races import outage, race
from tsbridge.simulator.zendesk import Limits
from tsbridge.store import drift_rows, stored_values
from tsbridge.store.db import Database
from tsbridge.work.reconcile import EVERY, NAME

MINUTE: Final = timedelta(minutes=1)


def run_outage(count: int) -> bool:
    """48 hours without Zendesk, so many tickets changed up to ten times each."""
    print(f"Outage: 48 h, {count} tickets, limits 100 a minute and 30 a ticket in ten minutes, pace 60 a minute")

    async def one(database: Database) -> bool:
        found = await outage(WritingDesk(database, SettableClock(), limits=Limits(700, 100, 30, 10)), count)
        most, permitted = max(found.writes.values(), default=0), timedelta(minutes=found.tickets / 60)
        print(
            f"  {found.tickets} tickets: {found.wrong} wishes lost, {found.unsettled} not confirmed, most writes to one ticket {most}, "
            f"{'in order' if found.in_order else 'NOT in order'}, probes a minute {found.probes}, "
            f"drained in {found.drained / permitted:.2f} of the permitted time"
        )
        return not found.wrong and not found.unsettled and most == 1 and found.in_order and found.drained <= 1.25 * permitted + MINUTE

    return on_both(one)


def run_races(count: int) -> bool:
    """People edit so many tickets while we write to them."""
    print(f"Races: {count} tickets, edited by people between our reading and our writing")

    async def one(database: Database) -> bool:
        desk = WritingDesk(database, SettableClock(), per_minute=1_000_000)
        lost = await race(desk, count)
        conflicts = sum(status == 409 for _, _, status in desk.wire.answered)
        print(f"  {conflicts} conflicts, {desk.alarmed()['foreign_edit_restored']} edits given back, lost: {dict(lost) or 'nothing'}")
        return not lost

    return on_both(one)


def run_rest(count: int) -> bool:
    """Random rulebooks with random triggers, people and shuffled, repeated echoes; each in a database of its own."""
    print(f"Rest: {count} pairings of a rulebook and a set of triggers")
    started, restless_ones = time.monotonic(), 0
    with _sqlite() as files:
        for seed in range(count):
            with _opened(files) as database:
                found = asyncio.run(restless(database, SettableClock(), seed))
            restless_ones += bool(found)
            for line in found:
                print(f"  seed {seed}: {line}", flush=True)
    print(f"  {count - restless_ones} of {count} came to rest, SQLite, {time.monotonic() - started:.0f} s\n")
    return not restless_ones


def run_truth(count: int) -> bool:
    """So many tickets on a busy day, on the recommended set-up, held against what people did; heard in three ways."""
    print(f"Truth: {count} tickets, agents, customers and our writes in the same minutes")

    async def one(fresh: Callable[[], Database]) -> bool:
        held = True
        for seed, writer in enumerate((SECONDS, MINUTES, FEW_READS)):
            day = await busy(fresh, SettableClock(), seed, count, writer, EVENTS, CATCHING_UP)
            wrong = found_wrong(day)
            writes = sum(method == "PUT" for _, method, _ in day.writing.wire.asked)
            print(
                f"  written by {writer.name}: {day.acts} acts, {writes} writes, {day.in_between} overtaken, "
                f"{sum(bridge.lost for bridge in day.bridges)} deliveries lost; wrong: {wrong or 'nothing'}",
                flush=True,
            )
            held &= not wrong
        return held

    return all([_with_many(name, one, makes) for name, makes in (("SQLite", databases.Sqlite), ("PostgreSQL", databases.Postgres))])


DRIFTS: Final = (
    ("a person took it off", "person"),
    ("a person changed it", "person"),
    ("a trigger took it off", "trigger"),
    ("lost", "lost"),
    ("not asked for any more", "rulebook"),
    ("merged", "merged"),
    ("closed", "closed"),
)
"""What happens to a ticket, and the cause that has to be told."""


def run_drift(count: int) -> bool:
    """So many tickets drift, each in one of the ways; the sweep has to find them and say why."""
    print(f"Drift: {count} tickets")

    async def one(database: Database) -> bool:
        account = await _drifted(database, count)
        expected = account.drifted_as
        await _swept(account)
        rows = database.read_now(lambda conn: drift_rows.listed(conn, 10 * count, None, None, None))
        told: dict[str, str] = {row["ticket"]: row["cause"] for row in rows}
        print(f"  {'what happened':<26}{'tickets':>9}{'found':>9}{'cause right':>13}")
        for number, (name, cause) in enumerate(DRIFTS):
            mine = [ticket for ticket, kind in expected.items() if kind == number]
            right = sum(told.get(ticket) == cause for ticket in mine)
            print(f"  {name:<26}{len(mine):>9}{sum(ticket in told for ticket in mine):>9}{right:>13}")
        found = sum(ticket in told for ticket in expected) / count
        right = sum(told.get(ticket) == DRIFTS[kind][1] for ticket, kind in expected.items()) / count
        false = len(told.keys() - expected.keys())
        print(f"  found {found:.2%}, cause right {right:.2%}, false alarms {false} of {account.untouched} that did not drift")
        return found >= 0.999 and right >= 0.95 and not false

    return _on_sqlite(one)


class _Drifted(Account):
    """An account of which `drifted_as` says what happened to which ticket."""

    drifted_as: dict[str, int]
    untouched: int


async def _swept(account: Account) -> None:
    """The sweep goes through the export to its end, as fast as pages of it may be read."""
    while (due := await account.reconciler.round()) is True or not account.database.read_now(lambda conn: stored_values.get(conn, NAME))[
        "done"
    ]:
        if isinstance(due, datetime):
            account.clock.set(max(due, account.clock.now() + timedelta(milliseconds=1)))


async def _drifted(database: Database, count: int) -> _Drifted:
    rng = random.Random(9)  # noqa: S311  # seeded drifts
    account = _Drifted(database, SettableClock(), 1_000_000)
    rule = {**BOOK["rules"][0], "then": [{"add_tags": ["ts_a"]}, {"set_priority": "urgent"}]}
    account.publish({**BOOK, "rules": [rule, *BOOK["rules"][1:]]})
    writing = account.writing
    writing.writers = [writing.writer("w", 1_000_000)]
    world, tickets = writing.zendesk.world, [writing.ticket() for _ in range(count + count // 10)]
    kinds = [rng.randrange(len(DRIFTS)) for _ in range(count)]
    for ticket, kind in zip(tickets, [*kinds, *[0] * (count // 10)], strict=True):
        writing.wish(ticket, tags("ts_old") if kind == 4 else tags("ts_a", priority=asked("urgent")) if kind == 1 else tags("ts_a"))
    await writing.until_quiet()
    await account.reconciler.round()
    account.clock.advance(5 * MINUTE)
    await _swept(account)
    world.store.triggers[7] = {
        "id": 7,
        "title": "Keep it clean",
        "active": True,
        "position": 1,
        "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "clean"}], "any": []},
        "actions": [{"field": "remove_tags", "value": "ts_a"}],
    }
    target = writing.ticket()
    for ticket, kind in zip(tickets, kinds, strict=False):
        account.clock.advance(timedelta(milliseconds=20))
        if kind == 0:
            writing.edit(ticket, tags=["vip"])
        elif kind == 1:
            writing.edit(ticket, priority="low")
        elif kind == 2:
            writing.edit(ticket, tags=["clean", "ts_a"])
        else:
            world.store.tickets[int(ticket)]["tags"] = []  # nothing tells of it
            if kind == 5:
                world.merge(int(target), [int(ticket)], world.admin, None, None)
            else:
                writing.edit(ticket, **({"status": "closed"} if kind == 6 else {"subject": "another"}))
    account.clock.advance(EVERY)
    account.drifted_as = dict(zip(tickets, kinds, strict=False))
    account.untouched = count // 10
    return account


# -- where and how long ------------------------------------------------------------------------------------------------

Proof = Callable[[Database], Coroutine[Any, Any, bool]]


def on_both(proof: Proof) -> bool:
    good = _on_sqlite(proof)
    with _run():
        server = databases.Postgres()
        try:
            with _opened(server) as database:
                return _timed("PostgreSQL", proof, database) and good
        finally:
            server.close()


def _on_sqlite(proof: Proof) -> bool:
    with _sqlite() as files, _opened(files) as database:
        return _timed("SQLite", proof, database)


@contextmanager
def _run() -> Iterator[None]:
    databases.begin_run()
    try:
        yield
    finally:
        databases.end_run()


@contextmanager
def _sqlite() -> Iterator[databases.Sqlite]:
    with _run():
        files = databases.Sqlite()
        try:
            yield files
        finally:
            files.close()


@contextmanager
def _opened(maker: databases.Sqlite | databases.Postgres) -> Iterator[Database]:
    with maker.fresh() as url, Database.open(url) as database:
        yield database


def _timed(name: str, proof: Proof, database: Database) -> bool:
    started = time.monotonic()
    good = asyncio.run(proof(database))
    print(f"  {name}, {time.monotonic() - started:.0f} s: {'held' if good else 'NOT held'}\n", flush=True)
    return good


def _with_many(name: str, proof: Callable[[Callable[[], Database]], Coroutine[Any, Any, bool]], makes: Callable[[], Any]) -> bool:
    """A proof that needs several databases of one kind."""
    started = time.monotonic()
    with _run(), closing(makes()) as maker, ExitStack() as stack:
        good = asyncio.run(proof(lambda: stack.enter_context(_opened(maker))))
    print(f"  {name}, {time.monotonic() - started:.0f} s: {'held' if good else 'NOT held'}\n", flush=True)
    return good

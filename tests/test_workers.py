"""The tasks of a process: what the runbook says of them, and that they end."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select
from sqlalchemy.exc import OperationalError

from tests.clocks import CountingIds, SettableClock
from tests.databases import Postgres
from tests.store.test_sealing import decided
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk, ticket
from tsbridge.core.crashpoint import arm, disarm
from tsbridge.settings.load import load
from tsbridge.store import decision_writer, sealing, service_tables
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import chain, decisions
from tsbridge.store.decision_writer import Retraction
from tsbridge.store.inbox_tables import inbox, inbox_claims
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.wiring.tasks import CHANGES, TAKEOVER
from tsbridge.wiring.workers import Workers
from tsbridge.work.ingest import BATCH
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.verdicts import Concluded

RUNBOOK = Path(__file__).resolve().parent.parent / "docs" / "runbook.md"
BOTH_VENDORS = {
    "TSBRIDGE_ZENDESK_URL": "http://127.0.0.1:1",
    "TSBRIDGE_ZENDESK_ACCESS_TOKEN": "t",
    "TSBRIDGE_TALKDESK_ACCOUNT": "acme",
    "TSBRIDGE_TALKDESK_CLIENT_ID": "tsbridge",
    "TSBRIDGE_TALKDESK_CLIENT_SECRET": "secret",
}


def test_the_runbook_says_of_every_task_what_it_does_and_which_are_vital(database: Database, clock: SettableClock) -> None:
    settings = load(BOTH_VENDORS, None)
    workers = Workers(settings, database, clock, CountingIds(), LiveRulebook(settings.zone), LiveRoster())
    standings = workers.loop.standings()
    table = RUNBOOK.read_text().partition("## Tasks")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name: "(vital)" in row for row in rows for name in re.findall(r"`(\w+)`", row)}
    beside = {CHANGES if database.dialect == "postgresql" else TAKEOVER: False}  # on SQLite nobody works beside us
    assert told == {name: one.vital for name, one in standings.items()} | beside


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_a_worker_is_known_to_the_others_before_it_claims_anything(database: Database, clock: SettableClock) -> None:
    """Else nobody would miss one that dies of the first it takes."""

    async def begin() -> list[str]:
        settings = load({}, None)
        workers = Workers(settings, database, clock, CountingIds(), LiveRulebook(settings.zone), LiveRoster())
        async with workers.running():  # no task has gone round yet
            return database.read_now(lambda conn: list(conn.execute(select(service_tables.workers.c.name)).scalars()))

    assert len(asyncio.run(begin())) == 1


async def _beats(database: Database) -> list[str]:
    """Who has said that they live, once somebody has."""
    async with asyncio.timeout(20):
        while True:
            with suppress(OperationalError):
                if found := await database.read(lambda conn: list(conn.execute(select(service_tables.workers.c.name)).scalars())):
                    return found
            await asyncio.sleep(0.05)  # the workers' own pace


@pytest.mark.parametrize("fresh_url", ["postgresql"], indirect=True)
def test_workers_that_lose_the_database_as_they_begin_go_on_when_it_is_back(
    database_url: str, postgres: Postgres, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    name, settings = make_url(database_url).database, load({}, None)

    async def live() -> list[str]:
        with Database.open(database_url) as database:  # a pool of its own, with connections that end
            workers = Workers(settings, database, clock, CountingIds(), LiveRulebook(settings.zone), LiveRoster())
            await database.read(lambda conn: conn.execute(select(1)).scalar_one())
            postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            others = f"datname = '{name}' AND usename <> 'postgres'"
            postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608  # a name of our own
            try:
                async with workers.running():
                    postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                    return await _beats(database)
            finally:
                postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    assert len(asyncio.run(live())) == 1
    assert "the database is away: this process begins without it" in caplog.messages


def test_workers_that_end_leave_no_decision_unsealed(database: Database, clock: SettableClock) -> None:
    settings = load({}, None)
    walk = decided(database, clock)
    workers = Workers(settings, database, clock, CountingIds("w"), walk.rulebooks, LiveRoster())

    async def last(id_: str) -> None:
        """Decide something at the very end: nobody is told of it."""
        made = [Retraction(id_, "dec_last", "case", clock.now(), "salt")]
        await database.write(lambda conn: decision_writer.retract_all(conn, made))

    async def live() -> None:
        oldest = select(decisions.c.id).order_by(decisions.c.number).limit(1)
        first = await database.read(lambda conn: conn.execute(oldest).scalar_one())
        async with workers.running():
            await last(first)

    asyncio.run(live())
    assert database.read_now(sealing.any_wait) is False
    assert database.read_now(lambda conn: conn.execute(select(chain.c.seq).where(chain.c.id == "dec_last")).scalar_one()) > 1


def test_those_are_woken_who_have_something_to_do(database: Database, clock: SettableClock) -> None:
    class Woken:
        """A loop that remembers who was woken."""

        def __init__(self) -> None:
            self.names: set[str] = set()

        def wake(self, name: str) -> None:
            self.names.add(name)

    settings = load({}, None)
    workers = Workers(settings, database, clock, CountingIds(), LiveRulebook(settings.zone), LiveRoster())

    def woken(*concluded: int) -> set[str]:
        workers.loop = heard = Woken()  # type: ignore[assignment]
        workers.wake_for(Concluded(*concluded))
        return heard.names

    assert woken(0, 0) == set()
    assert woken(1, 0) == {"seal"}
    assert woken(1, 1, 0, 1) == {"seal", "writeback", "assign"}
    assert woken(0, 0, 1) == {"notify"}


def test_workers_that_end_with_more_to_do_have_claimed_nothing_and_nobody_is_taken_for_dead(
    database: Database, clock: SettableClock
) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell([ticket("created", n, str(7_000 + n), person=str(n)) for n in range(2 * BATCH)])
    clock.advance(60)
    settings = load({}, None)
    workers = Workers(settings, database, clock, CountingIds("w"), walk.rulebooks, LiveRoster())

    async def live() -> None:
        ended = asyncio.Event()

        def end() -> None:
            workers.loop.stop()
            ended.set()

        arm("ingest.committed", end)
        async with workers.running():
            await ended.wait()

    try:
        asyncio.run(live())
    finally:
        disarm()
    left = select(inbox.c.status, func.count(), func.max(inbox.c.deaths)).group_by(inbox.c.status).order_by(inbox.c.status)
    assert [tuple(row) for row in database.read_now(lambda conn: conn.execute(left).all())] == [
        ("applied", BATCH, 0),
        ("pending", BATCH, 0),
    ]
    assert database.read_now(lambda conn: conn.execute(select(inbox_claims)).all()) == []

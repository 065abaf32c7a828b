"""A running bridge, put together: the door, the API and the workers around one database; how `serve` and `worker` begin and end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from starlette.types import ASGIApp

from tsbridge import ZONE_RULES, __version__, server
from tsbridge.apart import apart_if_large, end_all, ready_apart
from tsbridge.console.later import Later
from tsbridge.core.ports import Clock
from tsbridge.ending import PATIENCE, Ending, Patience
from tsbridge.reporting import reports_apart
from tsbridge.settings import Settings
from tsbridge.store import leases, schema, told, writemode
from tsbridge.store.db import Database, claim_alone
from tsbridge.store.intake import Intake
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.app import create_app, create_health
from tsbridge.web.auth import Gate
from tsbridge.web.counters import Counters
from tsbridge.web.desk import Desk, Probe
from tsbridge.web.probes import (
    clock_probe,
    cover_probe,
    database_probe,
    feeds_probe,
    migrations_probe,
    seals_probe,
    sources_probe,
    tasks_probe,
    telling_probe,
    watch_probe,
    ways_probe,
    writeback_probe,
    zones_probe,
)
from tsbridge.web.webhooks import Door
from tsbridge.web.webhooks import routes as door_routes
from tsbridge.wiring import (
    SystemClock,
    TimedIds,
    arm_crashpoint,
    entrances,
    entropy,
    publish_first_roster,
    publish_starter,
    require_schema,
    salt,
)
from tsbridge.work.almanacs import Keeping
from tsbridge.work.casedesk import DeskWork
from tsbridge.work.choosing import Choosing
from tsbridge.work.conclude import Conclusions
from tsbridge.work.loop import Loop
from tsbridge.work.rosters import LiveRoster
from tsbridge.workers import Workers

log = logging.getLogger("tsbridge.assembly")

SILENT_FOR: Final = timedelta(seconds=90)
TOLD_WITHIN: Final = timedelta(seconds=60)
SKEW_TOLERATED: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Bridge:
    """One process's bridge: the application and its workers. `loop` is None where the workers are elsewhere.

    `let_go`: of people who follow a page of the console, so that nobody holds up the end.

    `doors` stand in `app` as well; a server that knows them asks no framework about a delivery.
    """

    app: FastAPI
    doors: tuple[Door, ...]
    loop: Loop | None
    let_go: Callable[[], None]


def bridge(settings: Settings, database: Database, clock: Clock, *, workers_inside: bool, patience: Patience = PATIENCE) -> Bridge:
    """Everything one serving process needs. Nothing runs before the application's lifespan begins."""
    desk, loop, doors = _desk(settings, database, clock, workers_inside=workers_inside, patience=patience)
    console = Later(partial(_console, desk))
    return Bridge(create_app(replace(desk, console=console.routes)), doors, loop, console.end)


def watched(settings: Settings, database: Database, clock: Clock, patience: Patience = PATIENCE) -> Bridge:
    """Everything one process needs that works and does not serve: it answers how it is."""
    desk, loop, _ = _desk(settings, database, clock, workers_inside=True, patience=patience)
    return Bridge(create_health(desk), (), loop, _nobody)


def _console(desk: Desk, ending: Callable[[], bool]) -> ASGIApp:
    """The pages people look at. Known here alone, and when somebody asks for one."""
    from tsbridge.console.app import create
    from tsbridge.console.made import Console

    return create(
        Console(
            database=desk.database,
            clock=desk.clock,
            ids=desk.ids,
            entropy=desk.entropy,
            gate=desk.gate,
            live=desk.live,
            cases=desk.cases,
            roster=desk.roster,
            zone=desk.zone,
            version=desk.version,
            writeback=desk.writeback,
            secure=(desk.public_url or "").startswith("https:"),
            zendesk_url=desk.zendesk_url,
            probes=desk.probes,
            wake_writer=desk.wake_writer,
            ending=ending,
        )
    )


def _desk(
    settings: Settings, database: Database, clock: Clock, *, workers_inside: bool, patience: Patience
) -> tuple[Desk, Loop | None, tuple[Door, ...]]:
    ids = TimedIds(clock, entropy)
    live = LiveRulebook(settings.zone)
    counters = Counters()
    roster = LiveRoster()
    workers = Workers(settings, database, clock, ids, live, roster, patience)
    loop = workers.loop if workers_inside else None
    intake = Intake(database, clock, ids, tell_others=True)
    wake, wake_writer, wake_replay = (workers.wake, workers.wake_writer, workers.wake_replay) if workers_inside else (_nobody,) * 3
    doors = {
        source: Door(entrance, intake, clock, counters, wake)  # one per source, around one intake
        for source, entrance in entrances(settings).items()
    }
    conclusions = Conclusions(live, ids, salt, roster)
    desk = Desk(
        database=database,
        clock=clock,
        ids=ids,
        entropy=entropy,
        gate=Gate(database, clock, entropy, settings.admin_key.get_secret_value() if settings.admin_key is not None else None),
        live=live,
        roster=roster,
        cases=DeskWork(database, clock, ids, conclusions, salt, wake_writer),
        choosing=Choosing(roster),
        counters=counters,
        zone=settings.zone,
        version=__version__,
        writeback=settings.writeback,
        webhooks=door_routes(doors),
        wake=wake,
        wake_writer=wake_writer,
        wake_replay=wake_replay,
        make_ready=ready_apart,
        apart=apart_if_large,
        reports_apart=partial(reports_apart, url=database.url.render_as_string(hide_password=False), zone=settings.zone),
        names=workers.names,
        probes=probes(database, clock, loop, workers.skew, settings.writeback, roster),
        standings=dict if loop is None else loop.standings,
        lifespan=_lifespan(workers.running if workers_inside else workers.asking),
        metrics_role=settings.metrics_role,
        docs_role=settings.docs_role,
        zendesk_url=settings.zendesk_url,
        public_url=settings.public_url,
        carried=told.carried,
    )
    return desk, loop, tuple(doors.values())


def probes(
    database: Database, clock: Clock, loop: Loop | None, skew: Callable[[], timedelta | None], setting: str, roster: LiveRoster
) -> dict[str, Probe]:
    """What `/readyz` looks at."""
    found = {
        "database": database_probe(database),
        "sources": sources_probe(database),
        "cover": cover_probe(database),
        "feeds": feeds_probe(database, clock, roster),
        "writeback": writeback_probe(database, setting),
        "notifications": telling_probe(database, clock, TOLD_WITHIN),
        "ways": ways_probe(database, clock, roster),
        "seals": seals_probe(database, clock),
        "watch": watch_probe(database, clock),
        "time_zones": zones_probe(ZONE_RULES),
        "schema": migrations_probe(database, schema.revision, schema.head()),
    }
    if loop is not None:
        found["worker"] = tasks_probe(lambda: loop.last_beat, clock, SILENT_FOR, loop.standings)
        found["clock"] = clock_probe(skew, SKEW_TOLERATED)
    return found


def _nobody() -> None:
    """The workers are in other processes."""


def _lifespan(living: Callable[[], AbstractAsyncContextManager[None]]) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with living():
            yield
        end_all()  # whoever still waits for one would hold up the end

    return lifespan


def serve(settings: Settings, host: str, port: int, *, workers_inside: bool, patience: Patience = PATIENCE) -> bool:
    """Serve until told to stop; True when it ended in good order. Raises AlreadyServed, BadDatabase, NotMigrated, SchemaTooNew.

    SQLite is migrated here; an empty database gets the starter rulebook.
    """
    arm_crashpoint(settings)
    clock = SystemClock()
    url = settings.database_url.get_secret_value()
    claim = claim_alone(url)
    try:
        prepared = prepared_aside(settings, clock)
        with Database.open(url, settings.seal_keys) as database:
            if not prepared:
                prepare(database, settings, clock)
            if database.dialect == "sqlite":  # the claim says that no other worker is alive: what a killed one had is free at once
                database.write_now(lambda conn: leases.end_all(conn, clock.now()))
            made = bridge(settings, database, clock, workers_inside=workers_inside, patience=patience)
            log.info("serving", extra={"host": host, "port": port, "dialect": database.dialect, "version": __version__})
            return _run(made, host, port, patience)
    finally:
        claim.release()


def work(settings: Settings, patience: Patience = PATIENCE) -> bool:
    """Work until told to stop, without serving; True when it ended in good order. Health and figures are answered where a port is set."""
    arm_crashpoint(settings)
    clock = SystemClock()
    with Database.open(settings.database_url.get_secret_value(), settings.seal_keys) as database:
        prepare(database, settings, clock)
        about: dict[str, object] = {"dialect": database.dialect, "version": __version__}
        if settings.worker_port:
            made = watched(settings, database, clock, patience)
            log.info("working", extra={**about, "host": settings.host, "port": settings.worker_port})
            return _run(made, settings.host, settings.worker_port, patience)
        workers = Workers(settings, database, clock, TimedIds(clock, entropy), LiveRulebook(settings.zone), LiveRoster(), patience)
        log.info("working", extra=about)
        asyncio.run(_until_told(workers, patience))
        log.info("stopped")
        return True


def _run(made: Bridge, host: str, port: int, patience: Patience) -> bool:
    """Run it until told to stop; True when it ended in good order."""

    def stop() -> None:
        made.let_go()
        if made.loop is not None:
            made.loop.stop()

    running = server.Server(server.config(made.app, host, port, made.doors, patience.requests), Ending(patience, stop, _exit).told)
    running.run()
    log.info("stopped")
    return running.started


def _exit(code: int) -> None:
    end_all()
    os._exit(code)


def _say_what_we_are(mode: writemode.Mode) -> None:
    about = {"mode": mode.effective, "reason": mode.because}
    log.info("starting", extra={"version": __version__, "zone_rules": ZONE_RULES, **about})


def prepared_aside(settings: Settings, clock: Clock) -> bool:
    """`prepare` in a copy of this process that ends with it: what migrating and publishing have to know, such as the holidays of all
    countries, would stay in memory for as long as the service lives. False when something is in the way: here again it is told.
    """
    child = os.fork()  # nothing is open and no thread runs yet
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException), Database.open(settings.database_url.get_secret_value(), settings.seal_keys) as database:
            prepare(database, settings, clock)
            code = 0
        os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def prepare(database: Database, settings: Settings, clock: Clock) -> None:
    """The newest schema (on PostgreSQL only `tsbridge migrate` changes it), the mode of write-back, and at least one rulebook."""
    if database.dialect == "sqlite":
        schema.migrate(database)
    else:
        require_schema(database)
    database.seal_keys.ready()
    # before anything is heard: from here on a dry run is over, or goes on
    _say_what_we_are(database.write_now(lambda conn: writemode.enter(conn, settings.writeback, clock.now())))
    version = publish_starter(database, settings, clock)
    if version is not None:
        log.info("published the starter rulebook", extra={"version": version})
    if publish_first_roster(database, settings, clock, TimedIds(clock, entropy)) is not None:
        log.info("published the first roster", extra={"version": 1})
    Keeping(database, clock, TimedIds(clock, entropy), salt, settings.zone).keep()


async def _until_told(workers: Workers, patience: Patience) -> None:
    told = asyncio.Event()
    ending = Ending(patience, workers.loop.stop, _exit)

    def tell() -> None:
        ending.told()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, tell)
    async with workers.running():
        await told.wait()
    end_all()

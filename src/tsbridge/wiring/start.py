"""How `serve` and `worker` begin, run until they are told to stop, and end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence

from tsbridge import __version__, server
from tsbridge.child_process import end_children
from tsbridge.core.crashpoint import arm
from tsbridge.settings.model import Settings
from tsbridge.shutdown import PATIENCE, Ending, Patience
from tsbridge.store import leases
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.store.served_alone import claim_alone
from tsbridge.wiring.bridge import Bridge, bridge, watched
from tsbridge.wiring.clock_and_ids import SystemClock, TimedIds, entropy
from tsbridge.wiring.prepare import prepare, prepared_aside, require_schema
from tsbridge.wiring.workers import Workers
from tsbridge.work.rosters import LiveRoster

log = logging.getLogger("tsbridge.wiring.start")


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
        with Database.open(url, settings.seal_keys, settings.data_keys) as database:
            if prepared:
                require_schema(database)
            else:
                prepare(database, settings, clock)
            if database.dialect == "sqlite":  # the claim says that no other worker is alive: what a killed one had is free at once
                database.write_now(lambda conn: leases.end_all(conn, clock.now()))
            made = bridge(settings, database, clock, workers_inside=workers_inside, patience=patience)
            log.info("serving", extra={"host": host, "port": port, "dialect": database.dialect, "version": __version__})
            return _run(made, host, port, patience, settings.trusted_proxies)
    finally:
        claim.release()


def work(settings: Settings, patience: Patience = PATIENCE) -> bool:
    """Work until told to stop, without serving; True when it ended in good order. Health and figures are answered where a port is set."""
    arm_crashpoint(settings)
    clock = SystemClock()
    with Database.open(settings.database_url.get_secret_value(), settings.seal_keys, settings.data_keys) as database:
        prepare(database, settings, clock)
        about: dict[str, object] = {"dialect": database.dialect, "version": __version__}
        if settings.worker_port:
            made = watched(settings, database, clock, patience)
            log.info("working", extra={**about, "host": settings.host, "port": settings.worker_port})
            return _run(made, settings.host, settings.worker_port, patience, settings.trusted_proxies)
        workers = Workers(settings, database, clock, TimedIds(clock, entropy), LiveRulebook(settings.zone), LiveRoster(), patience)
        asyncio.run(_until_told(workers, patience, about))
        log.info("stopped")
        return True


def _run(made: Bridge, host: str, port: int, patience: Patience, proxies: Sequence[str]) -> bool:
    """Run it until told to stop; True when it ended in good order."""

    def stop() -> None:
        made.let_go()
        if made.loop is not None:
            made.loop.stop()

    served = server.config(made.app, host, port, made.doors, patience.requests, proxies, made.turned_away)
    running = server.Server(served, Ending(patience, stop, _exit).told)
    running.run()
    log.info("stopped")
    return running.started


def _exit(code: int) -> None:
    end_children()
    os._exit(code)


async def _until_told(workers: Workers, patience: Patience, about: dict[str, object]) -> None:
    told = asyncio.Event()
    ending = Ending(patience, workers.loop.stop, _exit)

    def tell() -> None:
        ending.told()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, tell)
    log.info("working", extra=about)  # from here on it can be told to stop in good order
    async with workers.running():
        await told.wait()
    end_children()


def arm_crashpoint(settings: Settings) -> None:
    if settings.test_crash is not None:
        arm(settings.test_crash, lambda: os.kill(os.getpid(), signal.SIGKILL))

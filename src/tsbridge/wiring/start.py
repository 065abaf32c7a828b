"""How `serve` and `worker` begin."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from tsbridge import __version__
from tsbridge.core.crashpoint import arm
from tsbridge.settings.model import Settings
from tsbridge.shutdown import PATIENCE, Patience
from tsbridge.store import leases
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.store.served_alone import claim_alone
from tsbridge.wiring.clock_and_ids import SystemClock, TimedIds, entropy
from tsbridge.wiring.prepare import begin_aside, prepare, require_schema

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
        preparing = begin_aside(settings, clock)
        from tsbridge.wiring.bridge import bridge  # most of the house, read while the database is prepared
        from tsbridge.wiring.running import run

        prepared = preparing()
        with Database.open(url, settings.seal_keys, settings.data_keys) as database:
            if prepared:
                require_schema(database)
            else:
                prepare(database, settings, clock)
            if database.dialect == "sqlite":  # the claim says that no other worker is alive: what a killed one had is free at once
                database.write_now(lambda conn: leases.end_all(conn, clock.now()))
            made = bridge(settings, database, clock, workers_inside=workers_inside, patience=patience)
            log.info("serving", extra={"host": host, "port": port, "dialect": database.dialect, "version": __version__})
            return run(made, host, port, patience, settings.trusted_proxies)
    finally:
        claim.release()


def work(settings: Settings, patience: Patience = PATIENCE) -> bool:
    """Work until told to stop, without serving; True when it ended in good order. Health and figures are answered where a port is set."""
    arm_crashpoint(settings)
    clock = SystemClock()
    with Database.open(settings.database_url.get_secret_value(), settings.seal_keys, settings.data_keys) as database:
        prepare(database, settings, clock)
        from tsbridge.wiring.bridge import watched
        from tsbridge.wiring.running import run, until_told
        from tsbridge.wiring.workers import Workers
        from tsbridge.work.rosters import LiveRoster

        about: dict[str, object] = {"dialect": database.dialect, "version": __version__}
        if settings.worker_port:
            made = watched(settings, database, clock, patience)
            log.info("working", extra={**about, "host": settings.host, "port": settings.worker_port})
            return run(made, settings.host, settings.worker_port, patience, settings.trusted_proxies)
        workers = Workers(settings, database, clock, TimedIds(clock, entropy), LiveRulebook(settings.zone), LiveRoster(), patience)
        asyncio.run(until_told(workers, patience, about))
        log.info("stopped")
        return True


def arm_crashpoint(settings: Settings) -> None:
    if settings.test_crash is not None:
        arm(settings.test_crash, lambda: os.kill(os.getpid(), signal.SIGKILL))

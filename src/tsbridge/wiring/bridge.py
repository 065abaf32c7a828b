"""A bridge, put together: the door, the API and the workers around one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.types import ASGIApp

from tsbridge import ZONE_RULES, __version__
from tsbridge.acts.security import Security
from tsbridge.child_process import build_rulebook, end_children, in_child_if_large
from tsbridge.console.later import Later
from tsbridge.core.ports import Clock
from tsbridge.core.retention import Retention
from tsbridge.report_process import reports_in_child
from tsbridge.settings.model import Settings
from tsbridge.shutdown import PATIENCE, Patience
from tsbridge.store import notification_log, schema, sqlite
from tsbridge.store.db import Database
from tsbridge.store.intake import Intake
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.auth import Gate
from tsbridge.web.counters import Counters
from tsbridge.web.front import Front, create_health
from tsbridge.web.probes import (
    clock_probe,
    cover_probe,
    database_probe,
    encryption_probe,
    feeds_probe,
    migrations_probe,
    seals_probe,
    sources_probe,
    tasks_probe,
    telling_probe,
    watch_probe,
    ways_probe,
    writable_probe,
    zones_probe,
)
from tsbridge.web.services import Probe, Services
from tsbridge.web.webhooks import Door
from tsbridge.web.webhooks import routes as door_routes
from tsbridge.web.work_probes import (
    deliveries_probe,
    heads_probe,
    retention_probe,
    room_probe,
    vendors_probe,
    workers_probe,
    writeback_probe,
)
from tsbridge.wiring.clients import entrances, provider
from tsbridge.wiring.clock_and_ids import TimedIds, entropy, salt
from tsbridge.wiring.workers import Workers
from tsbridge.work.choosing import Choosing
from tsbridge.work.conclude import Conclusions
from tsbridge.work.loop import Loop
from tsbridge.work.rosters import LiveRoster

SILENT_FOR: Final = timedelta(seconds=90)
TOLD_WITHIN: Final = timedelta(seconds=60)
SKEW_TOLERATED: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Bridge:
    """One process's bridge: the application and its workers. `loop` is None where the workers are elsewhere.

    `let_go`: of people who follow a page of the console, so that nobody holds up the end.

    `doors` stand in `app` as well; a server that knows them asks no framework about a delivery. `turned_away`: counts and logs why a
    connection was.
    """

    app: ASGIApp
    doors: tuple[Door, ...]
    loop: Loop | None
    let_go: Callable[[], None]
    turned_away: Callable[[str], object]


def bridge(settings: Settings, database: Database, clock: Clock, *, workers_inside: bool, patience: Patience = PATIENCE) -> Bridge:
    """Everything one serving process needs. Nothing runs before the application's lifespan begins."""
    services, loop, doors = _services(settings, database, clock, workers_inside=workers_inside, patience=patience)
    console = Later(partial(_console, services, settings))
    with_console = replace(services, console=console.routes)
    return Bridge(Front(with_console, partial(_api, with_console)), doors, loop, console.end, _turned_away(services))


def watched(settings: Settings, database: Database, clock: Clock, patience: Patience = PATIENCE) -> Bridge:
    """Everything one process needs that works and does not serve: it answers how it is."""
    services, loop, _ = _services(settings, database, clock, workers_inside=True, patience=patience)
    return Bridge(create_health(services), (), loop, _nobody, _turned_away(services))


def _api(services: Services) -> ASGIApp:
    """All that people and programs ask for. Its modules are loaded when somebody does."""
    from tsbridge.web.app import create_app

    return create_app(services)


def _console(services: Services, settings: Settings, ending: Callable[[], bool]) -> ASGIApp:
    """The pages people look at. Known here alone, and when somebody asks for one."""
    from tsbridge import document_files
    from tsbridge.console.app import create
    from tsbridge.console.made import Console

    return create(
        Console(
            database=services.database,
            clock=services.clock,
            ids=services.ids,
            entropy=services.entropy,
            gate=services.gate,
            live=services.live,
            judging=services.judging,
            roster=services.roster,
            choosing=services.choosing,
            zone=services.zone,
            version=services.version,
            writeback=services.writeback,
            secure=(services.public_url or "").startswith("https:"),
            zendesk_url=services.zendesk_url,
            probes=services.probes,
            wake=services.wake,
            wake_writer=services.wake_writer,
            wake_replay=services.wake_replay,
            ending=ending,
            bench=services.bench,
            reports_apart=services.reports_apart,
            make_ready=services.make_ready,
            apart=services.apart,
            yaml_read=document_files.load_text,
            yaml_dump=document_files.dump,
            yaml_lines=document_files.Lines,
            restricted=services.restricted,
            provider=provider(settings, services.clock),
            idle=timedelta(minutes=settings.session_idle_minutes),
        )
    )


def _services(
    settings: Settings, database: Database, clock: Clock, *, workers_inside: bool, patience: Patience
) -> tuple[Services, Loop | None, tuple[Door, ...]]:
    ids = TimedIds(clock, entropy)
    live = LiveRulebook(settings.zone)
    counters = Counters()
    security = Security(clock, counters.security)
    roster = LiveRoster()
    workers = Workers(settings, database, clock, ids, live, roster, patience)
    loop = workers.loop if workers_inside else None
    intake = Intake(database, clock, ids, tells_as=workers.name)
    wake, wake_writer, wake_replay = (workers.wake, workers.wake_writer, workers.wake_replay) if workers_inside else (_nobody,) * 3
    doors = {
        source: Door(entrance, intake, clock, counters, wake, security)  # one per source, around one intake
        for source, entrance in entrances(settings).items()
    }
    services = Services(
        database=database,
        clock=clock,
        ids=ids,
        entropy=entropy,
        gate=Gate(database, clock, entropy, None if settings.admin_key is None else settings.admin_key.get_secret_value(), security),
        live=live,
        roster=roster,
        judging=Conclusions(live, ids, salt, roster),
        choosing=Choosing(roster),
        counters=counters,
        zone=settings.zone,
        version=__version__,
        writeback=settings.writeback,
        webhooks=door_routes(doors),
        wake=wake,
        wake_writer=wake_writer,
        wake_replay=wake_replay,
        make_ready=build_rulebook,
        apart=in_child_if_large,
        reports_apart=partial(
            reports_in_child, url=database.url.render_as_string(hide_password=False), zone=settings.zone, data_keys=settings.data_keys
        ),
        names=workers.names,
        forget=workers.erasing.step,
        probes=probes(database, clock, loop, workers.skew, settings.writeback, roster, settings.kept),
        standings=dict if loop is None else loop.standings,
        lifespan=_lifespan(workers.running if workers_inside else workers.asking),
        metrics_role=settings.metrics_role,
        docs_role=settings.docs_role,
        restricted=frozenset(settings.restricted_categories),
        zendesk_url=settings.zendesk_url,
        public_url=settings.public_url,
        carried=notification_log.carried,
    )
    return services, loop, tuple(doors.values())


def probes(
    database: Database,
    clock: Clock,
    loop: Loop | None,
    skew: Callable[[], timedelta | None],
    setting: str,
    roster: LiveRoster,
    kept: Retention,
) -> dict[str, Probe]:
    """What `/readyz` looks at."""
    found = {
        "database": database_probe(database),
        "writable": writable_probe(database, clock),
        "deliveries": deliveries_probe(database, clock),
        "vendors": vendors_probe(database, clock),
        "sources": sources_probe(database),
        "cover": cover_probe(database),
        "feeds": feeds_probe(database, clock, roster),
        "writeback": writeback_probe(database, clock, setting),
        "notifications": telling_probe(database, clock, TOLD_WITHIN),
        "ways": ways_probe(database, clock, roster),
        "seals": seals_probe(database, clock),
        "heads": heads_probe(database),
        "retention": retention_probe(database, clock, kept),
        "encryption": encryption_probe(database),
        "watch": watch_probe(database, clock),
        "time_zones": zones_probe(ZONE_RULES),
        "schema": migrations_probe(database, schema.revision, schema.revisions()),
    }
    if loop is not None:
        found["worker"] = tasks_probe(lambda: loop.last_beat, clock, SILENT_FOR, loop.standings)
        found["clock"] = clock_probe(skew, SKEW_TOLERATED)
    elif database.dialect == "postgresql":
        found["workers"] = workers_probe(database, clock)
    if database.dialect == "sqlite":  # a server's disk is seen there
        found["room"] = room_probe(sqlite.path_of(database.url).absolute().parent)
    return found


def _turned_away(services: Services) -> Callable[[str], object]:
    return lambda reason: services.gate.security.saw("turned_away", reason=reason)


def _nobody() -> None:
    """The workers are in other processes."""


def _lifespan(living: Callable[[], AbstractAsyncContextManager[None]]) -> Callable[[Starlette], Any]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with living():
            yield
        end_children()  # whoever still waits for one would hold up the end

    return lifespan

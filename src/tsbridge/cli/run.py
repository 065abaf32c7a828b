"""The commands that stand in no group. Each imports what it needs when it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from tsbridge.cli.frame import AsJson, done, house, refuse, say, spare_the_collector


def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen; TSBRIDGE_HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="TSBRIDGE_PORT otherwise.")] = None,
    workers_inside: Annotated[
        bool, typer.Option("--workers-inside/--no-workers", help="Whether this process also works on what it hears.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """The service. On SQLite it brings the database to the newest schema first. Logs are JSON lines on standard error."""
    from tsbridge import log
    from tsbridge.settings.load import load
    from tsbridge.wiring import start

    spare_the_collector()
    settings = load()
    if not workers_inside and not _is_postgres(settings.database_url.get_secret_value()):
        refuse("--no-workers needs PostgreSQL: SQLite takes one process, so nobody would work on what is heard.")
    log.configure(settings.log_level)
    where, number = host or settings.host, settings.port if port is None else port
    say(as_json, {"host": where, "port": number}, [])
    done(start.serve(settings, where, number, workers_inside=workers_inside))


def worker(as_json: AsJson = False) -> None:
    """Workers alone: any number of them, on PostgreSQL. They answer how they are where TSBRIDGE_WORKER_PORT says."""
    from tsbridge import log
    from tsbridge.settings.load import load
    from tsbridge.wiring import start

    spare_the_collector()
    settings = load()
    if not _is_postgres(settings.database_url.get_secret_value()):
        refuse("tsbridge worker needs PostgreSQL; on SQLite `tsbridge serve` does the work itself.")
    log.configure(settings.log_level)
    done(start.work(settings))


def migrate(as_json: AsJson = False) -> None:
    """Bring the database to the newest schema. Again is fine."""
    from tsbridge.store import schema
    from tsbridge.wiring.clock_and_ids import salt
    from tsbridge.work.almanacs import Keeping

    with house(any_schema=True) as made:
        before = schema.current(made.database)
        revision = schema.migrate(made.database)
        Keeping(made.database, made.clock, made.ids, salt, made.settings.zone).keep()
    words = f"Schema {revision}: " + ("nothing to do." if before == revision else f"came from {before or 'an empty database'}.")
    say(as_json, {"before": before, "revision": revision}, [words])


def doctor(
    notify: Annotated[bool, typer.Option("--notify", help="Send everybody a test by each of their ways; its button proves it.")] = False,
    agent: Annotated[str | None, typer.Option(help="With --notify: only this agent of the roster.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say in plain words what is missing or wrong, and what to do about it. Exit code 1 when something is bad."""
    from tsbridge.cli.checkup import examine

    examine(notify, agent, as_json)


def retention(as_json: AsJson = False) -> None:
    """Say of each class how long it is kept, how much is due to go now, and how much went so far. Nothing goes by this."""
    from tsbridge.cli.retained import tell

    tell(as_json)


def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Leave everything running afterwards.")] = False,
    seed: Annotated[int, typer.Option(help="Another number, another weekend.")] = 7,
    tickets: Annotated[int, typer.Option(min=20, max=5_000)] = 300,
    calls: Annotated[int, typer.Option(min=10, max=5_000)] = 120,
) -> None:
    """A weekend of incidents against simulated vendors, on this machine alone."""
    from tsbridge.demo import run as show  # the simulators are no part of the running service

    raise typer.Exit(show.run(stay=stay, seed=seed, tickets=tickets, calls=calls))


def _is_postgres(url: str) -> bool:
    return url.startswith("postgresql")

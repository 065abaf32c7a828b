"""What a database must have before anything runs on it: the newest schema, the mode of write-back, a rulebook, the settings' roster."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable

from sqlalchemy import Connection

from tsbridge import ZONE_RULES, __version__
from tsbridge.core.ports import Clock, Ids
from tsbridge.settings.model import BadSettings, Settings
from tsbridge.store import rosters, rulebooks, schema, writemode
from tsbridge.store.datakeys import SETTING
from tsbridge.store.db import Database
from tsbridge.wiring.bundled import starter_path
from tsbridge.wiring.clock_and_ids import TimedIds, entropy, salt
from tsbridge.work.almanacs import Keeping

log = logging.getLogger("tsbridge.wiring.prepare")


class NotMigrated(Exception):
    """The database has an older schema, or none: `tsbridge migrate` has to run first."""


def require_schema(database: Database) -> None:
    """A database of our schema, which is written to no longer than it has that. Raises `NotMigrated` or `store.schema.SchemaTooNew`."""
    try:
        schema.check(database)
        database.only_on(schema.head())
    except schema.SchemaTooNew:
        raise
    except RuntimeError as refused:
        raise NotMigrated(str(refused)) from None


def begin_aside(settings: Settings, clock: Clock) -> Callable[[], bool]:
    """`prepare` in a copy of this process that ends with it: what migrating and publishing have to know, such as the holidays of all
    countries, would stay in memory for as long as the service lives. What is returned waits for it; False when something is in the way:
    here again it is told.
    """
    child = os.fork()  # nothing is open and no thread runs yet
    if child == 0:
        code = 1
        with (
            contextlib.suppress(BaseException),
            Database.open(settings.database_url.get_secret_value(), settings.seal_keys, settings.data_keys) as database,
        ):
            prepare(database, settings, clock)
            code = 0
        os._exit(code)
    return lambda: os.waitpid(child, 0)[1] == 0


def prepare(database: Database, settings: Settings, clock: Clock) -> None:
    """The newest schema (on PostgreSQL only `tsbridge migrate` changes it), the mode of write-back, and at least one rulebook.

    Raises `BadSettings` for secrets that can be guessed where nothing has run yet; what runs with them goes on, and `doctor` says so.
    """
    if database.dialect == "sqlite":
        schema.migrate(database)
    else:
        require_schema(database)
    if settings.guessable and not database.read_now(rulebooks.has_any):
        raise BadSettings(settings.guessable)
    database.seal_keys.ready()
    # before anything is heard: from here on a dry run is over, or goes on
    _say_what_we_are(database.write_now(lambda conn: writemode.enter(conn, settings.writeback, clock.now())))
    if database.data_keys.vault.newest is None:
        log.warning("what people said is not encrypted: there is no data key", extra={"setting": SETTING})
    version = publish_starter(database, settings, clock, TimedIds(clock, entropy))
    if version is not None:
        log.info("published the starter rulebook", extra={"version": version})
    if publish_first_roster(database, settings, clock, TimedIds(clock, entropy)) is not None:
        log.info("published the first roster", extra={"version": 1})
    Keeping(database, clock, TimedIds(clock, entropy), salt, settings.zone).keep()


def _say_what_we_are(mode: writemode.Mode) -> None:
    about = {"mode": mode.effective, "reason": mode.because}
    log.info("starting", extra={"version": __version__, "zone_rules": ZONE_RULES, **about})


def publish_starter(database: Database, settings: Settings, clock: Clock, ids: Ids) -> int | None:
    """Publish the starter rulebook as version 1 when there is none; returns the version, None when there was one already. It is on record.

    Raises `core.rules.language.RulebookError` for a file that is no rulebook.
    """
    if database.read_now(rulebooks.has_any):
        return None
    from tsbridge.acts.ledger import Ledger
    from tsbridge.core.rules.document import read
    from tsbridge.core.rules.read_calendars import of_rulebook
    from tsbridge.document_files import load_file

    path = starter_path(settings)
    document = load_file(path)
    entry = Ledger(clock, ids, entropy).entry("system")
    almanac = of_rulebook(document, settings.zone, entry.at.year)
    book, note = read(document, almanac), f"the starter rulebook, {path.name}"

    def write(conn: Connection) -> int | None:
        rulebooks.lock_first(conn)  # a service and its workers may be started at once
        if rulebooks.has_any(conn):
            return None
        version = rulebooks.publish(conn, document, book.hash, note, entry.at, entry.by, almanac=almanac)
        after = {"version": version, "hash": book.hash, "note": note, "almanac": almanac.hash}
        entry.change(conn, "rulebook.publish", "rulebook", None, after, also=[rule.key for rule in book.rules])
        return version

    return database.write_now(write)


def publish_first_roster(database: Database, settings: Settings, clock: Clock, ids: Ids) -> int | None:
    """Publish the settings' roster as version 1 when there is none; returns the version, None when there is nothing to do.

    Raises `roster.read_parts.RosterError` for a file that is no roster, `document_files.BadFile` for one that cannot be read.
    """
    if settings.roster is None or database.read_now(rosters.newest):
        return None
    from tsbridge.acts import rostering
    from tsbridge.acts.ledger import Ledger
    from tsbridge.document_files import load_file
    from tsbridge.roster.document import read as read_roster

    document = load_file(settings.roster, dates=True)
    roster = read_roster(document)
    note = f"the first roster, {settings.roster.name}"
    entry = Ledger(clock, ids, entropy).entry("system")

    def write(conn: Connection) -> int | None:
        try:
            return rostering.publish(conn, entry, document, roster, note, base=0)
        except rostering.Moved:  # a service and its workers may be started at once
            return None

    return database.write_now(write)

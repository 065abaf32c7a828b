"""A new data key: everything comes under it bit by bit, whatever happens meanwhile, and only then the old one may go."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import START
from tests.databases import Postgres, Sqlite
from tests.store.test_encryption import KEY, OTHER, PRIVATE, WORDS, decided, live, plain, spoil, whole
from tests.work.walk import ticket
from tsbridge.aes import Cipher
from tsbridge.store import datakeys, proof, rekeying
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.keyfile import UnusableKey
from tsbridge.store.moment_tables import moments

Fresh = Callable[..., AbstractContextManager[str]]
NEW = Cipher(KEY).id


def go_on(database: Database, now: datetime, rows: int = 200) -> datetime | None:
    return database.write_now(partial(rekeying.step, vault=database.data_keys.vault, now=now, looked_at=rows, rewritten=rows))


def through(database: Database, now: datetime = START, rows: int = 200) -> datetime:
    """On until nothing is left to do, an hour in an instant; when that was."""
    while (due := go_on(database, now, rows)) is not None:
        now = max(now, due)
    return now


def left(database: Database) -> list[str]:
    """Columns with something that is not under the newest key."""
    held = database.data_keys.vault
    return [str(column) for column in PRIVATE if not all(held.is_newest(one) for one in database.read_now(partial(plain, column=column)))]


def test_everything_comes_under_the_new_key_and_the_old_one_is_asked_for_until_then(fresh_url: Fresh) -> None:
    with fresh_url() as url:
        with Database.open(url, data_keys=[OTHER]) as database:
            live(database)
            before = database.read_now(decided)
        with Database.open(url, data_keys=[KEY, OTHER]) as database:
            go_on(database, START, rows=1)
            assert "moments.body" in left(database)
        with Database.open(url, data_keys=[KEY]) as without, pytest.raises(UnusableKey, match=Cipher(OTHER).id):
            without.write_now(lambda conn: None)
        with Database.open(url, data_keys=[KEY, OTHER]) as database:
            assert through(database, START, rows=2) - START >= rekeying.AGAIN, "a process that encrypts under the old one has ended by then"
            assert left(database) == []
            told = database.read_now(rekeying.progress)
            assert (told.done, told.behind, told.unreadable, told.rewritten > 10) == (True, rekeying.TABLES, 0, True)
        with Database.open(url, data_keys=[KEY]) as database:
            assert database.read_now(datakeys.on_record) == [NEW]
            assert database.read_now(decided) == before
            assert database.read_now(proof.verify)["ok"]
            assert go_on(database, START + timedelta(days=9)) is None


def test_what_was_kept_before_there_was_a_key_comes_under_it(postgres: Postgres) -> None:
    with postgres.fresh() as url:
        with Database.open(url) as database:
            live(database)
            before = database.read_now(decided)
        with Database.open(url, data_keys=[KEY]) as database:
            database.write_now(lambda conn: None)
            assert len(left(database)) == 5
            through(database)
            assert left(database) == []
            assert WORDS.encode() not in whole(database)
            assert database.read_now(decided) == before


def test_it_goes_on_while_others_write_under_the_old_key_and_where_it_was_stopped(postgres: Postgres) -> None:
    with postgres.fresh() as url, Database.open(url, data_keys=[OTHER, KEY]) as old:
        walk, now = live(old), START
        for told in (1, 2):
            with Database.open(url, data_keys=[KEY, OTHER]) as database:  # a new process after each
                while database.read_now(rekeying.progress).table != "moments":
                    now = max(now, go_on(database, now) or now)
                go_on(database, now, rows=2)
                # An old process hears more, behind the place where the other one is.
                walk.tell([ticket("created", 60 + told, str(5000 + told), person=str(told), text=f"{WORDS} again")])
                walk.work()
        with Database.open(url, data_keys=[KEY, OTHER]) as database:
            through(database, now)
            assert left(database) == []
        assert old.read_now(proof.verify)["ok"]
        assert len(set(old.read_now(lambda conn: conn.execute(select(moments.c.interaction)).scalars()))) == 4


def test_a_row_that_somebody_has_in_hand_is_left_for_the_next_time(postgres: Postgres) -> None:
    with postgres.fresh() as url, Database.open(url, data_keys=[OTHER]) as old, Database.open(url, data_keys=[KEY, OTHER]) as database:
        live(old)

        def held(conn: Any) -> None:
            conn.execute(select(moments.c.digest).with_for_update()).all()
            now = START
            while (due := go_on(database, now)) == now:
                pass
            assert due == now + rekeying.AGAIN
            assert left(database) == ["moments.body"]

        old.write_now(held)
        through(database, START + rekeying.AGAIN)
        assert left(database) == []


def test_a_row_that_was_tampered_with_is_counted_and_stops_nothing(sqlite_files: Sqlite) -> None:
    with sqlite_files.fresh() as url:
        with Database.open(url, data_keys=[OTHER]) as database:
            live(database)
            first = database.read_now(lambda conn: conn.execute(select(decisions.c.number).limit(1)).scalar_one())
            database.write_now(lambda conn: spoil(conn, "decisions", "seen", "number", first, OTHER))
        with Database.open(url, data_keys=[KEY, OTHER]) as database:
            through(database)
            told = database.read_now(rekeying.progress)
            assert (told.done, told.unreadable > 0, left(database)) == (True, True, ["decisions.seen"])


def test_a_key_in_a_file_is_renewed_there_and_the_old_one_stays_as_long_as_it_is_needed(sqlite_files: Sqlite) -> None:
    with sqlite_files.fresh() as url:
        with Database.open(url) as database:
            database.write_now(lambda conn: None)
            file = database.data_keys.file
            assert file is not None
            old = file.read_text().split()
            assert database.read_now(partial(database.data_keys.renew, secret=KEY)) == NEW
            assert file.read_text().split() == [KEY, *old]
            with Database.open(url) as command:  # beside a service that goes on as it began
                live(command)
            assert database.read_now(decided) != []
            assert file.stat().st_mode & 0o777 == 0o600
        with Database.open(url) as database:
            through(database)
            assert (left(database), database.read_now(datakeys.on_record)) == ([], [NEW])
            database.read_now(partial(database.data_keys.renew, secret=OTHER))
            assert file.read_text().split() == [OTHER, KEY], "what nothing is encrypted under goes"
        with Database.open(url, data_keys=[KEY]) as given, pytest.raises(UnusableKey, match="is in TSBRIDGE_DATA_KEY"):
            given.read_now(partial(given.data_keys.renew, secret="n" * 32))

"""The least that inbox to decision can cost: the driver itself claims, parses, inserts as many rows into the same tables, settles.

`python -m benchmarks.floor URL DONE`: `URL` is a prepared and filled database, `DONE` one in which the bridge has worked through the
same deliveries; the rows are those that it wrote. Nothing is read but the deliveries, nothing is judged. Prints CPU and yardstick in
nanoseconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy import make_url

from benchmarks.yardstick import Yardstick
from tsbridge.store import sqlite
from tsbridge.store.all_tables import metadata
from tsbridge.store.db import Database
from tsbridge.store.inbox_tables import BODY, counted
from tsbridge.store.vault import Vault

BATCH: Final = 50
CLAIM: Final = (
    "INSERT INTO inbox_claims (seq, claimed_by, lease_until, attempts, deaths) SELECT seq, {0}, {0}, 1, 0 FROM inbox "
    "WHERE status = 'pending' ORDER BY due_at, seq LIMIT {0}"
)
READ: Final = "SELECT i.seq, i.body FROM inbox_claims c JOIN inbox i ON i.seq = c.seq"
SETTLE: Final = "UPDATE inbox SET status = 'applied', settled_at = {0}, event_type = {0}, attempts = 1 WHERE seq = {0}"
END: Final = "DELETE FROM inbox_claims"


class Wrote(NamedTuple):
    """Rows of one table and how they are inserted."""

    insert: str
    rows: Sequence[Sequence[Any]]


class Driver(NamedTuple):
    """How one database's own driver is used; `transaction` begins and commits."""

    cursor: Any
    transaction: Callable[[], Any]
    mark: str


def run(url: str, done: str) -> dict[str, int]:
    read = make_url(url)
    with Database.open(url) as database:  # the bodies are encrypted
        database.read_now(lambda conn: None)
    vault = database.data_keys.vault
    opened = _sqlite if read.get_backend_name() == "sqlite" else _postgresql
    with opened(url) as (driver, texts), opened(done) as (other, _):
        wrote = _wrote(driver.cursor, other.cursor, driver.mark, texts)
        driver.cursor.execute("SELECT count(*) FROM inbox WHERE status = 'pending'")
        batches = -(-driver.cursor.fetchone()[0] // BATCH)
        yard, count, spent, began = Yardstick(), 0, 0, time.monotonic_ns()
        for number in range(batches):
            begun = time.process_time_ns()
            count += _batch(driver, vault, wrote, number, batches)
            spent += time.process_time_ns() - begun
            yard.lay_on()
        rows, wall = sum(len(one.rows) for one in wrote), time.monotonic_ns() - began
        return {"cpu_ns": spent, "wall_ns": wall, "yard_ns": int(1e3 * yard.us), "deliveries": count, "rows": rows}


def _batch(driver: Driver, vault: Vault, wrote: Sequence[Wrote], number: int, batches: int) -> int:
    cursor, claim, settle = driver.cursor, CLAIM.format(driver.mark), SETTLE.format(driver.mark)
    with driver.transaction():
        cursor.execute(claim, ("floor", 1, BATCH))
        cursor.execute(READ)
        claimed = cursor.fetchall()
    read = [(seq, json.loads(vault.read_bytes(BODY.place, body))) for seq, body in claimed]
    with driver.transaction():
        for insert, rows in wrote:
            cursor.executemany(insert, rows[len(rows) * number // batches : len(rows) * (number + 1) // batches])
        cursor.executemany(settle, [(1, data["type"], seq) for seq, data in read])
        cursor.execute(END)
    return len(read)


def _wrote(cursor: Any, other: Any, mark: str, texts: bool) -> list[Wrote]:
    """What stands in the one database and not in the other, table by table."""
    found = []
    for table in metadata.sorted_tables:
        if table is counted:  # the tables count themselves
            continue
        names = [column.name for column in table.columns]
        key = [names.index(column.name) for column in table.primary_key]
        columns = ", ".join(f'"{name}"' for name in names)
        shown = ", ".join(f'"{name}"::text' for name in names) if texts else columns
        as_put = not texts and table.dialect_options["sqlite"]["with_rowid"]
        order = "rowid" if as_put else ", ".join(f'"{column.name}"' for column in table.primary_key)
        ask = f"SELECT {shown} FROM {table.name} ORDER BY {order}"  # noqa: S608  # our own names
        cursor.execute(ask)
        stood = {tuple(row[n] for n in key) for row in cursor.fetchall()}
        other.execute(ask)
        if rows := [row for row in other.fetchall() if tuple(row[n] for n in key) not in stood]:
            values = ", ".join([mark] * len(names))
            # what the database's own triggers keep is there already
            found.append(Wrote(f"INSERT INTO {table.name} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING", rows))  # noqa: S608
    return found


@contextmanager
def _sqlite(url: str) -> Iterator[tuple[Driver, bool]]:
    connection = sqlite.library().connect(str(sqlite.path_of(make_url(url))), isolation_level=None)
    for pragma in ("journal_mode=WAL", *sqlite.PRAGMAS, sqlite.WRITER_CACHE):
        connection.execute(f"PRAGMA {pragma}")

    @contextmanager
    def transaction() -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")

    try:
        yield Driver(connection.cursor(), transaction, "?"), False
    finally:
        connection.close()


@contextmanager
def _postgresql(url: str) -> Iterator[tuple[Driver, bool]]:
    import psycopg

    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as connection:
        connection.prepare_threshold = 2
        yield Driver(connection.cursor(), connection.transaction, "%s"), True


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:3])))

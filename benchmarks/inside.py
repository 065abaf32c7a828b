"""What a benchmark runs in a process of its own, under this build or an earlier one (`benchmarks.builds`): so it uses only what both have.

`python -m benchmarks.inside WHAT …`: `prepare URL`, `fill URL STREAM COUNT OTHER SEED AT [PART PARTS]`, `work [--count] [--batch N]`,
`serve PORT`, `result URL`. One that works answers each line on its standard input with one of JSON: the CPU of its process, and
what was asked of the driver.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from benchmarks import deliveries

STREAMS: dict[str, Callable[[int, int, int, datetime], list[deliveries.Sent]]] = {
    "many": deliveries.many,
    "story": deliveries.one_story,
    "shuffled": deliveries.shuffled,
}
asked: Counter[str] = Counter()
"""Calls of the driver by kind: what is executed once or for many rows, and commits."""
opened: list[Any] = []
"""SQLite's connections, where they are counted."""


def _first(*names: str) -> Any:
    """The module of a build: what it is called now, or what it was called before."""
    for name in names:
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise ModuleNotFoundError(names[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    what = parser.add_subparsers(dest="what", required=True)
    for name in ("prepare", "result"):
        what.add_parser(name).add_argument("url")
    fill = what.add_parser("fill")
    fill.add_argument("url")
    fill.add_argument("stream", choices=tuple(STREAMS))
    for name in ("count", "other", "seed"):
        fill.add_argument(name, type=int)
    fill.add_argument("at", type=datetime.fromisoformat, help="until when; from when on, of a story")
    fill.add_argument("part", type=int, nargs="?", default=0, help="every so manieth delivery alone, from this one on")
    fill.add_argument("parts", type=int, nargs="?", default=1)
    work = what.add_parser("work")
    work.add_argument("--count", action="store_true")
    work.add_argument("--batch", type=int)
    what.add_parser("serve").add_argument("port", type=int)
    given = parser.parse_args()
    if given.what == "prepare":
        _prepare(given.url)
    elif given.what == "fill":
        sent = STREAMS[given.stream](given.count, given.other, given.seed, given.at)
        _keep(given.url, sent[given.part :: given.parts])
    elif given.what == "result":
        json.dump(_result(given.url), sys.stdout)
    elif given.what == "serve":
        _serve(given.port)
    else:
        _work(given.count, given.batch)


def _prepare(url: str) -> None:
    """The newest schema and the starter rulebook."""
    os.environ["TSBRIDGE_DATABASE_URL"] = url
    from tsbridge.store import schema
    from tsbridge.store.db import Database

    load = _first("tsbridge.settings.load", "tsbridge.settings").load
    SystemClock = _first("tsbridge.wiring.clock_and_ids", "tsbridge.wiring").SystemClock
    prepare = _first("tsbridge.wiring.prepare", "tsbridge.assembly").prepare

    with Database.open(url) as database:
        schema.migrate(database)
        prepare(database, load(), SystemClock())


def _keep(url: str, sent: list[deliveries.Sent]) -> None:
    """All in one transaction: whoever waits for them finds all of them. Prints when, in microseconds since 1970."""
    from tsbridge.store import inbox, wakeup
    from tsbridge.store.db import Database

    headers = {"x-zendesk-webhook-id": "01GK2T2F4", "x-zendesk-webhook-invocation-id": "01GK2T2F5"}
    kept = [inbox.Delivery(f"evt_{one.id}", "zendesk", f"id:{one.id}", one.received_at, headers, one.body) for one in sent]

    def keep(conn: Any) -> None:
        inbox.keep(conn, kept)
        wakeup.tell(conn, wakeup.INBOX)

    with Database.open(url) as database:
        database.write_now(keep)
        print(time.time_ns() // 1_000)


def _serve(port: int) -> None:
    from tsbridge import log
    from tsbridge.__main__ import spare_the_collector

    load = _first("tsbridge.settings.load", "tsbridge.settings").load
    start = _first("tsbridge.wiring.start", "tsbridge.assembly")

    threading.Thread(target=_answer, daemon=True).start()
    log.configure("info")
    spare_the_collector()
    start.serve(load(), "127.0.0.1", port, workers_inside=True)


def _work(count: bool, batch: int | None) -> None:
    from tsbridge import log
    from tsbridge.__main__ import spare_the_collector
    from tsbridge.work import ingest

    load = _first("tsbridge.settings.load", "tsbridge.settings").load
    start = _first("tsbridge.wiring.start", "tsbridge.assembly")
    if count:
        _count_calls()
    if batch is not None:
        ingest.BATCH = batch
        if hasattr(ingest, "fitting"):  # builds whose batches grow and shrink
            ingest.fitting = lambda many, took: batch
    threading.Thread(target=_answer, daemon=True).start()
    log.configure("info")
    spare_the_collector()
    start.work(load())


def _answer() -> None:
    for _ in sys.stdin:
        rows = sum(connection.total_changes for connection in opened)
        print(json.dumps({"cpu_ns": time.process_time_ns(), "rows": rows, **asked}), flush=True)


def _count_calls() -> None:
    """Counts at the driver itself: what goes past SQLAlchemy is counted, too."""
    import psycopg

    from tsbridge.store import sqlite

    driver = sqlite.library()

    class Cursor(driver.Cursor):  # type: ignore[name-defined,misc]
        def execute(self, *given: Any) -> Any:
            asked[_kind(given[0])] += 1
            return super().execute(*given)

        def executemany(self, statement: str, rows: Any) -> Any:
            asked["many"] += 1
            return super().executemany(statement, rows)

    class Connection(driver.Connection):  # type: ignore[name-defined,misc]
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def commit(self) -> None:
            if self.in_transaction:
                asked["commits"] += 1
            super().commit()

    connect = driver.connect

    def counting(*given: Any, **named: Any) -> Any:
        opened.append(connect(*given, **{"factory": Connection, **named}))
        return opened[-1]

    driver.connect = counting
    for kind in (psycopg.Cursor, psycopg.ServerCursor):
        _count_of(kind)
    commit = psycopg.Connection.commit

    def counted(self: Any) -> None:
        asked["commits"] += 1
        commit(self)

    psycopg.Connection.commit = counted  # type: ignore[method-assign]


def _count_of(cursor: Any) -> None:
    execute, many = cursor.execute, cursor.executemany

    def once(self: Any, statement: Any, *given: Any, **named: Any) -> Any:
        asked[_kind(statement)] += 1
        return execute(self, statement, *given, **named)

    def for_many(self: Any, *given: Any, **named: Any) -> Any:
        asked["many"] += 1
        return many(self, *given, **named)

    cursor.execute, cursor.executemany = once, for_many


def _kind(statement: Any) -> str:
    """Beginning and ending a transaction is no call that asks or writes something."""
    if not isinstance(statement, str):
        return "once"
    word = statement.lstrip()[:8].upper()
    return "commits" if word.startswith(("COMMIT", "END")) else "begins" if word.startswith("BEGIN") else "once"


def _result(url: str) -> dict[str, Any]:
    """What a run came to, in words that do not depend on the ids it drew, by part; and how many rows and decisions that took."""
    from sqlalchemy import BigInteger, select, text, type_coerce

    from tsbridge.core.moments import canonical_text
    from tsbridge.store import proof
    from tsbridge.store.db import Database
    from tsbridge.store.link_tables import handles
    from tsbridge.store.writing_tables import desired

    h = handles.c

    parts = {
        "cases": "SELECT id, status, severity, category, queue, acknowledged, opened_at, last_at, due_at, tags FROM cases",
        "links": "SELECT source, id, case_id, opened_at, last_at, link_rank, link_because, requester, thread FROM interactions",
        "handles": select(*(h.kind, h.value, h.source, h.interaction, h.role, type_coerce(h.opened_at, BigInteger), h.whose)),
        "decisions": "SELECT source, interaction, moment, event_id, case_id, event, severity, queue, matched, outcome FROM decisions "
        "WHERE superseded_by IS NULL AND NOT retracted AND moment NOT LIKE 'clock:%'",
        "wishes": select(desired.c.ticket, desired.c.case_id, desired.c.wish, desired.c.severity),
        "inbox": "SELECT id, status, reason, event_type FROM inbox",
    }

    def read(conn: Any) -> dict[str, Any]:
        named = {row.case_id: f"{row.source}:{row.id}" for row in conn.execute(text(_FOUNDERS))}
        known = re.compile("|".join(sorted(map(re.escape, named))) or "-")
        found: dict[str, Any] = {"digests": {}, "rows": {}}
        for part, statement in parts.items():
            rows = sorted(
                known.sub(lambda id: named[id[0]], json.dumps([canonical_text(one) if isinstance(one, dict) else one for one in row]))
                for row in conn.execute(text(statement) if isinstance(statement, str) else statement)
            )
            found["rows"][part] = len(rows)
            found["digests"][part] = [hashlib.sha256(row.encode()).hexdigest()[:16] for row in rows]
            if folder := os.environ.get("BENCH_KEEP"):
                with open(f"{folder}/{part}-{os.getpid()}", "w") as kept:
                    kept.write("\n".join(rows))
        found["decided"] = conn.execute(text("SELECT count(*) FROM decisions WHERE moment NOT LIKE 'clock:%'")).scalar()
        found["twice"] = conn.execute(text(_TWICE)).scalar()
        found["whole"] = proof.verify(conn)["ok"]
        return found

    with Database.open(url) as database:
        return database.read_now(read)


_TWICE = (
    "SELECT count(*) FROM (SELECT 1 FROM decisions WHERE revises IS NULL GROUP BY source, interaction, moment HAVING count(*) > 1) AS twice"
)
_FOUNDERS = "SELECT case_id, min(source) AS source, min(id) AS id FROM interactions WHERE case_id IS NOT NULL GROUP BY case_id"


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()

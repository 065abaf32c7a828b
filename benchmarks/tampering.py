"""Tamperings drawn over every table that the audit shows or searches, all found where they are; and how long a chain takes to prove."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import islice

from sqlalchemy import Connection, insert

from benchmarks.door import postgres_urls, sqlite_urls
from tests import tampering
from tests.clocks import SettableClock
from tsbridge.core.chain import GENESIS, link_hash
from tsbridge.store import proof, schema
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import chain

ENTRIES = 1_000_000
AT_ONCE = 5_000
AIM_S = 10.0


def run(times: int) -> bool:
    """Both databases; whether every tampering was found."""
    good = True
    for name, urls in (("SQLite", sqlite_urls), ("PostgreSQL", postgres_urls)):
        with urls() as fresh, Database.open(fresh()) as database:
            schema.migrate(database)
            tampering.filled(database, SettableClock())
            rng, did, missed = random.Random(1), Counter[str](), list[str]()  # noqa: S311
            began = time.perf_counter()
            while did.total() < times:
                for what, held, how in islice(tampering.each(rng), times - did.total()):
                    if (outcome := tampering.tampered(database, held, how, rng)) is not None:
                        did[held.table.name] += 1
                        missed += [] if outcome[0] & outcome[1] else [what]
            print(f"{name}: {did.total()} tamperings, {len(missed)} missed, in {time.perf_counter() - began:.0f} s")
            print("  " + ", ".join(f"{table} {count}" for table, count in sorted(did.items())))
            good &= not missed
    return good


def run_chain(entries: int = ENTRIES) -> bool:
    """The chain alone, of entries as large as those of decisions."""
    good = True
    for name, urls in (("SQLite", sqlite_urls), ("PostgreSQL", postgres_urls)):
        with urls() as fresh, Database.open(fresh()) as database:
            schema.migrate(database)
            previous = GENESIS
            for first in range(1, entries + 1, AT_ONCE):
                rows, previous = _rows(first, min(first + AT_ONCE, entries + 1), previous)
                database.write_now(lambda conn, rows=rows: _keep(conn, rows))  # type: ignore[misc]
            began = time.perf_counter()
            broken, count, _ = database.read_now(proof.walk)
            took = time.perf_counter() - began
            print(f"{name}: {count} entries proven in {took:.1f} s, {len(broken)} broken{'' if took <= AIM_S else '  MISSED'}")
            good &= not broken and count == entries and took <= AIM_S
    return good


def _rows(first: int, end: int, previous: str) -> tuple[list[dict[str, object]], str]:
    rows = []
    for seq in range(first, end):
        outcome = {"severity": seq % 4, "queue": "safety", "tags_added": ["ts_injury", "ts_sev1"], "tags_removed": [], "overruled": []}
        about = {"id": f"dec_{seq:026d}", "case_id": f"case_{seq // 5:026d}", "event_id": f"evt_{seq:026d}", "moment": f"{seq:064x}"}
        record = {
            **about,
            "type": "decision",
            "outcome": outcome,
            "rules": [["injury", "escalation"], ["to-safety", "routing"]],
            "seen": "0" * 64,
        }
        hashed = link_hash(seq, previous, record)
        rows.append({"seq": seq, "kind": "decision", "id": about["id"], "record": record, "previous_hash": previous, "hash": hashed})
        previous = hashed
    return rows, previous


def _keep(conn: Connection, rows: list[dict[str, object]]) -> None:
    conn.execute(insert(chain), rows)

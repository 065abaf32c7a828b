"""How many there are of what, by state, without counting rows.

The tables count themselves: triggers of the migrations add to `counted` in the transaction that changes a row. Each connection of
PostgreSQL adds in a lane of its own, as with `received`, so that nobody waits for another's commit. What is only ever kept (deliveries,
decisions, tellings, assignments) stays counted when its rows are not kept any longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select, text

from tsbridge.store.inbox_tables import counted

Counts = Mapping[tuple[str, str], int]
"""(kind, label) -> how many. Kinds: of deliveries the source, of parked wishes the reason, of open cases what `OpenCases` says, else
empty."""


class OpenCases(NamedTuple):
    """Open cases that are alike. `free`: how many of them nobody has in hand."""

    queue: str | None
    severity: int | None
    how_many: int
    free: int


_ALL: Final = select(counted.c.what, counted.c.kind, counted.c.label, func.sum(counted.c.count)).group_by(
    counted.c.what, counted.c.kind, counted.c.label
)
_FOLD: Final = text(
    "WITH gone AS (DELETE FROM counted WHERE (what, kind, label, lane) IN "
    "(SELECT what, kind, label, lane FROM counted WHERE lane >= 0 FOR UPDATE SKIP LOCKED) RETURNING what, kind, label, count) "
    "INSERT INTO counted (what, kind, label, lane, count) SELECT what, kind, label, -1, sum(count) FROM gone "
    "GROUP BY what, kind, label ORDER BY what, kind, label "
    "ON CONFLICT (what, kind, label, lane) DO UPDATE SET count = counted.count + excluded.count"
)


def load(conn: Connection) -> Mapping[str, Counts]:
    """By what is counted: delivery, decision, case, step, wish, telling, assignment."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for what, kind, label, count in conn.execute(_ALL):
        if count:
            found.setdefault(what, {})[kind, label] = int(count)
    return found


def by_label(counts: Counts) -> Mapping[str, int]:
    """Whatever their kind."""
    found: Counter[str] = Counter()
    for (_, label), count in counts.items():
        found[label] += count
    return found


def open_cases(counts: Counts) -> list[OpenCases]:
    """Of the counts of cases those that are open, by queue and severity: `<severity or -> free|held <queue>` is their kind."""
    found: dict[tuple[str | None, int | None], Counter[str]] = {}
    for (kind, label), count in counts.items():
        if label == "open":
            severity, hand, queue = kind.split(" ", 2)
            found.setdefault((queue or None, None if severity == "-" else int(severity)), Counter())[hand] += count
    return [OpenCases(queue, severity, counts.total(), counts["free"]) for (queue, severity), counts in found.items()]


def fold(conn: Connection) -> None:
    """Add up the lanes of connections, most of which are gone; SQLite has one lane."""
    if conn.dialect.name == "postgresql":
        conn.execute(_FOLD)

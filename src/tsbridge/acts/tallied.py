"""How many deliveries and wishes there are of each status: exact, and counted as they change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection

from tsbridge.store import counted
from tsbridge.store.counted import Counts

DUPLICATE = "duplicate"


def deliveries(conn: Connection) -> Mapping[tuple[str, str], int]:
    """By source and status; repeats are no deliveries of their own."""
    found = defaultdict[str, Counts](dict, counted.load(conn))["delivery"]
    return {place: count for place, count in found.items() if place[1] != DUPLICATE}


def wishes(conn: Connection) -> Mapping[str, int]:
    """By status."""
    found: Counter[str] = Counter()
    for (_, status), count in defaultdict[str, Counts](dict, counted.load(conn))["wish"].items():
        found[status] += count
    return found

"""Whether the roster's versions and its overrides are what the audit's changes say, both ways.

What no change tells of is found at seq 0: it stands nowhere in the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, select

from tsbridge.store import rosters as store
from tsbridge.store import version_proof
from tsbridge.store.change_log import by_subject
from tsbridge.store.roster_tables import overrides, rosters
from tsbridge.store.tolerant import columns

MADE: Final = "override.make"
REMOVED: Final = "override.remove"


def broken(conn: Connection) -> Iterator[dict[str, Any]]:
    """One entry for each version or override that differs from what was recorded, was never recorded, or is gone."""
    yield from version_proof.broken(conn, rosters, "roster", version_proof.ROSTER)
    yield from _overrides(conn)


def _overrides(conn: Connection) -> Iterator[dict[str, Any]]:
    made, removed = by_subject(conn, MADE), by_subject(conn, REMOVED)
    for row in conn.execute(select(*columns(overrides)).order_by(overrides.c.id)):
        change, removal = made.pop(row.id, None), removed.pop(row.id, None)
        if change is None:
            yield {"seq": 0, "why": "an override that was never recorded"}
            continue
        told = (change["after"], change["at"], change["actor"])
        if told != (store.recorded(store.kept(row).override), row.made_at, row.made_by):
            yield {"seq": change["seq"], "why": "the override differs from what was recorded"}
        ended = (None, None) if removal is None else (removal["at"], removal["actor"])
        if ended != (row.removed_at, row.removed_by):
            yield {"seq": (removal or change)["seq"], "why": "whether the override was removed differs from what was recorded"}
    for change in (*made.values(), *removed.values()):
        yield {"seq": change["seq"], "why": "the override of this change is gone"}

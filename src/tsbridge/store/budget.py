"""The rows that hold what all processes may ask of Zendesk: read freely, changed under their locks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tsbridge.core.budget import Budget, budget_from, budget_json
from tsbridge.core.reads import Reads, reads_from, reads_json
from tsbridge.store.tables import kept

NAME: Final = "zendesk_budget"
READS: Final = "zendesk_reads"
EXPORTS: Final = "zendesk_exports"
"""Pages of Zendesk's exports, which have a limit of their own."""


def load(conn: Connection) -> Budget:
    """The budget of updates as it is now."""
    return budget_from(conn.execute(select(kept.c.value).where(kept.c.name == NAME)).scalar_one_or_none())


def change(conn: Connection, how: Callable[[Budget], Budget]) -> Budget:
    """Change it, one process at a time; returns it as changed. Lock this before rows of `desired`, never after."""
    held = budget_from(_locked(conn, NAME, budget_json(Budget())))
    changed = how(held)
    if changed != held:
        _keep(conn, NAME, budget_json(changed))
    return changed


def reads(conn: Connection, name: str = READS) -> Reads:
    """What was read, as it is now: `READS` or `EXPORTS`."""
    return reads_from(conn.execute(select(kept.c.value).where(kept.c.name == name)).scalar_one_or_none())


def change_reads(conn: Connection, name: str, how: Callable[[Reads], Reads]) -> Reads:
    """Change it, one process at a time; returns it as changed. Lock the exports before the reads, and these before the updates."""
    held = reads_from(_locked(conn, name, reads_json(Reads())))
    changed = how(held)
    if changed != held:
        _keep(conn, name, reads_json(changed))
    return changed


def _locked(conn: Connection, name: str, at_first: Mapping[str, Any]) -> Any:
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(insert(kept).values(name=name, value=at_first).on_conflict_do_nothing())
    return conn.execute(select(kept.c.value).where(kept.c.name == name).with_for_update()).scalar_one()


def _keep(conn: Connection, name: str, value: Mapping[str, Any]) -> None:
    conn.execute(update(kept).where(kept.c.name == name).values(value=value))

"""The rows that hold what all processes may ask of Zendesk: read freely, changed under their locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.budget import Budget, budget_from, budget_json
from tsbridge.core.reads import Reads, reads_from, reads_json
from tsbridge.store import stored_values

NAME: Final = "zendesk_budget"
READS: Final = "zendesk_reads"
EXPORTS: Final = "zendesk_exports"
"""Pages of Zendesk's exports, which have a limit of their own."""


def load(conn: Connection) -> Budget:
    """The budget of updates as it is now."""
    return budget_from(stored_values.get(conn, NAME))


def change(conn: Connection, how: Callable[[Budget], Budget]) -> Budget:
    """Change it, one process at a time; returns it as changed. Lock this before rows of `desired`, never after."""
    held = budget_from(stored_values.lock(conn, NAME, budget_json(Budget())))
    changed = how(held)
    if changed != held:
        stored_values.put(conn, NAME, budget_json(changed))
    return changed


def reads(conn: Connection, name: str = READS) -> Reads:
    """What was read, as it is now: `READS` or `EXPORTS`."""
    return reads_from(stored_values.get(conn, name))


def change_reads(conn: Connection, name: str, how: Callable[[Reads], Reads]) -> Reads:
    """Change it, one process at a time; returns it as changed. Lock the exports before the reads, and these before the updates."""
    held = reads_from(stored_values.lock(conn, name, reads_json(Reads())))
    changed = how(held)
    if changed != held:
        stored_values.put(conn, name, reads_json(changed))
    return changed

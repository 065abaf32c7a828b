"""The row that holds what all processes may ask of Zendesk: read freely, changed under its lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tsbridge.core.budget import Budget, budget_from, budget_json
from tsbridge.store.tables import kept

NAME: Final = "zendesk_budget"


def load(conn: Connection) -> Budget:
    """As it is now."""
    return budget_from(conn.execute(select(kept.c.value).where(kept.c.name == NAME)).scalar_one_or_none())


def change(conn: Connection, how: Callable[[Budget], Budget]) -> Budget:
    """Change it, one process at a time; returns it as changed. Lock this before rows of `desired`, never after."""
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(insert(kept).values(name=NAME, value=budget_json(Budget())).on_conflict_do_nothing())
    held = budget_from(conn.execute(select(kept.c.value).where(kept.c.name == NAME).with_for_update()).scalar_one())
    changed = how(held)
    if changed != held:
        conn.execute(update(kept).where(kept.c.name == NAME).values(value=budget_json(changed)))
    return changed

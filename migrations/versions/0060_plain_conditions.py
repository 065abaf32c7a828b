"""Which deliveries are large is kept, and states are compared one by one: SQLite works less for each row that changes

In an index that asks for a length it takes each change for one that may fail, and keeps each page as it was; of a list of three or more
it makes a table with each row. A door of before keeps what is large among the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

WAITS = "status = 'pending' AND (reason IS NULL OR reason != 'read_alone')"
STATES = {
    "inbox": ("pending", "applied", "ignored", "quarantined", "dead"),
    "desired": ("waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run"),
}


def upgrade() -> None:
    op.add_column("inbox", sa.Column("large", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE inbox SET large = true WHERE status = 'pending' AND length(body) > 65536")
    is_, no, yes = ("IS", "0", "1") if _sqlite() else ("IS", "false", "true")
    _indexes(f"large {is_} {no}", f"large {is_} {yes}", "status != 'pending' AND status != 'quarantined' AND status != 'dead'")
    _check({table: (_listed(states), _one_by_one(states)) for table, states in STATES.items()})


def downgrade() -> None:
    _check({table: (_one_by_one(states), _listed(states)) for table, states in STATES.items()})
    _indexes("length(body) <= 65536", "length(body) > 65536", "status NOT IN ('pending', 'quarantined', 'dead')")
    op.drop_column("inbox", "large")


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _indexes(small: str, large: str, settled: str) -> None:
    for name, columns, which in (
        ("inbox_pending", ["source", "due_at", "seq"], f"{WAITS} AND {small}"),
        ("inbox_pending_large", ["source", "due_at", "seq"], f"{WAITS} AND {large}"),
        ("inbox_with_body", ["settled_at", "seq"], f"{settled} AND redacted_at IS NULL"),
    ):
        op.drop_index(name, "inbox")
        op.create_index(name, "inbox", columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def _listed(states: Sequence[str]) -> str:
    return f"status IN ({','.join(repr(state) for state in states)})"


def _one_by_one(states: Sequence[str]) -> str:
    return " OR ".join(f"status = {state!r}" for state in states)


def _check(instead: dict[str, tuple[str, str]]) -> None:
    """Say the same otherwise in the schema that SQLite keeps, as its page about ALTER TABLE has it for what is checked: no row is read."""
    if not _sqlite():
        return
    conn = op.get_bind()
    version = conn.exec_driver_sql("PRAGMA schema_version").scalar_one()
    conn.exec_driver_sql("PRAGMA writable_schema = ON")
    for table, (old, new) in instead.items():
        conn.exec_driver_sql("UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?", (old, new, table))
    conn.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    conn.exec_driver_sql("PRAGMA writable_schema = OFF")

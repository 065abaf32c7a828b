"""What is packed is compressed by Zstandard from now on; builds before read none of it, and are refused by this number

What is kept already stays as it is, and is read as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from tsbridge.store import vault
from tsbridge.store.packing import MARK, unpacked

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

PRIVATE = (
    *(("moments", "body"), ("texts", "body"), ("cases", "state"), ("checkpoints", "state"), ("decisions", "seen"), ("decisions", "held")),
    *(("changes", "before"), ("changes", "after"), ("desired", "wish"), ("desired", "plan"), ("intents", "plan"), ("erasures", "person")),
    *(("messages", "attempts"), ("rosters", "document"), ("drift", "wanted"), ("drift", "actual")),
)
STEP = 500


def upgrade() -> None:
    pass


def downgrade() -> None:
    """As builds before read it: not packed. What is hashed of it is the same."""
    held = vault.of(op.get_bind().dialect)
    for table, column in PRIVATE:
        _put(table, column, lambda place, kept: held.keep_text(place, held.read_json(place, kept)))
    _put("unsealed", "record", _unpacked)
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE chain DISABLE TRIGGER chain_rows_are_final")
        _put("chain", "record", _unpacked)
        op.execute("ALTER TABLE chain ENABLE TRIGGER chain_rows_are_final")
    else:
        op.execute("DROP TRIGGER chain_no_update")
        _put("chain", "record", _unpacked)
        final = "SELECT RAISE(ABORT, 'the audit chain is only ever added to')"
        op.execute(f"CREATE TRIGGER chain_no_update BEFORE UPDATE ON chain BEGIN {final}; END")


def _unpacked(_: str, kept: str) -> str:
    return unpacked(kept) if kept.startswith(MARK) else kept


def _put(name: str, column: str, read: Callable[[str, Any], Any]) -> None:
    conn = op.get_bind()
    table = sa.Table(name, sa.MetaData(), autoload_with=conn)
    key, kept = list(table.primary_key), table.c[column].label("kept")
    names = [f"of_{one.name}" for one in key]
    where = [one == sa.bindparam(named) for one, named in zip(key, names, strict=True)]
    put = sa.update(table).where(*where).values({column: sa.bindparam("plain")})
    after: tuple[Any, ...] = ()
    while True:
        further = [sa.tuple_(*key) > sa.tuple_(*(sa.literal(value) for value in after))] if after else []
        rows = conn.execute(sa.select(*key, kept).where(table.c[column].is_not(None), *further).order_by(*key).limit(STEP)).all()
        if not rows:
            return
        after = tuple(rows[-1][:-1])
        plain = [(dict(zip(names, row[:-1], strict=True)), read(f"{name}.{column}", row.kept), row.kept) for row in rows]
        if changed := [{**of, "plain": value} for of, value, was in plain if value != was]:
            conn.execute(put, changed)

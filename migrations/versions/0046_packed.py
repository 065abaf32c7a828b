"""What is kept with every delivery is packed from now on; whether a moment tells a subject stands beside it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tsbridge.store.packing import MARK, unpacked

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

PACKED = (("moments", "digest", "body"), ("decisions", "number", "seen"), ("unsealed", "number", "record"))
"""Tables, what tells their rows apart, what is packed of them; the chain besides."""
STEP = 500


def upgrade() -> None:
    # What is kept already stays as it is: it is read like what is packed.
    op.add_column("moments", sa.Column("tells_subject", sa.Boolean()))


def downgrade() -> None:
    for table, key, column in PACKED:
        _unpack(table, key, column)
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE chain DISABLE TRIGGER chain_rows_are_final")
        _unpack("chain", "seq", "record")
        op.execute("ALTER TABLE chain ENABLE TRIGGER chain_rows_are_final")
    else:
        op.execute("DROP TRIGGER chain_no_update")
        _unpack("chain", "seq", "record")
        final = "SELECT RAISE(ABORT, 'the audit chain is only ever added to')"
        op.execute(f"CREATE TRIGGER chain_no_update BEFORE UPDATE ON chain BEGIN {final}; END")
    op.drop_column("moments", "tells_subject")


def _unpack(name: str, key: str, column: str) -> None:
    """As builds before read it: what is hashed of it is the same."""
    conn, table = op.get_bind(), sa.table(name, sa.column(key), sa.column(column))
    found = sa.select(table.c[key].label("key"), table.c[column].label("kept")).where(table.c[column].like(f"{MARK}%"))
    put = sa.update(table).where(table.c[key] == sa.bindparam("of")).values({column: sa.bindparam("text")})
    while rows := conn.execute(found.limit(STEP)).all():
        conn.execute(put, [{"of": row.key, "text": unpacked(row.kept)} for row in rows])

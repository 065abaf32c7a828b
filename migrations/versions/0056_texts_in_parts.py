"""Of a long story the texts that came behind those that are kept stand in rows of their own

A long text written anew with each batch leaves its earlier forms lying until PostgreSQL takes their room back.
"""

# ruff: noqa: S608  # statements of the names below
from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

COLUMNS = {
    **{"source": sa.Text, "interaction": sa.Text, "at": sa.BigInteger, "place": sa.Text, "revision": sa.Integer, "count": sa.Integer},
    **{"digest": sa.Text, "body": sa.Text},
}
FURTHER = "SELECT 1 FROM texts t WHERE t.source = texts.source AND t.interaction = texts.interaction AND t.revision < texts.revision"


def upgrade() -> None:
    _key(("source", "interaction", "revision"))


def downgrade() -> None:
    op.execute(f"DELETE FROM texts WHERE EXISTS ({FURTHER})")  # what was told behind the first is read from the moments then
    _key(("source", "interaction"))


def _key(columns: Sequence[str]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("texts_pkey", "texts")
        op.create_primary_key("texts_pkey", "texts", list(columns))
        return
    op.rename_table("texts", "texts_before")
    op.create_table("texts", *(sa.Column(name, kind, primary_key=name in columns, nullable=False) for name, kind in COLUMNS.items()))
    op.execute(f"INSERT INTO texts SELECT {', '.join(COLUMNS)} FROM texts_before")
    op.drop_table("texts_before")

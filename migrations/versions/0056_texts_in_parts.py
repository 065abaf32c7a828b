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


def upgrade() -> None:
    _key(("source", "interaction", "revision"))


def downgrade() -> None:
    op.execute("DELETE FROM texts")  # they are made of the moments again
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

"""Who has which delivery stands in a table of its own

PostgreSQL writes a row anew, and its place in every index, to change a column of it. A delivery was written three times so, body and all:
kept, claimed, settled. No `fillfactor` mends that: of a page each row would need room for another, and what is settled never grows again.
"""

# ruff: noqa: S608  # statements of the names below
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

CLAIMED = "WHERE status = 'pending' AND claimed_by IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "inbox_claims",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("claimed_by", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
    )
    op.execute(f"INSERT INTO inbox_claims SELECT seq, claimed_by, lease_until, attempts, deaths FROM inbox {CLAIMED}")
    op.execute(f"UPDATE inbox SET attempts = attempts - 1 {CLAIMED}")
    op.drop_column("inbox", "claimed_by")
    op.drop_column("inbox", "lease_until")


def downgrade() -> None:
    op.add_column("inbox", sa.Column("claimed_by", sa.Text()))
    op.add_column("inbox", sa.Column("lease_until", sa.BigInteger()))
    op.execute(
        "UPDATE inbox SET claimed_by = c.claimed_by, lease_until = c.lease_until, attempts = c.attempts, deaths = c.deaths "
        "FROM inbox_claims c WHERE c.seq = inbox.seq"
    )
    op.drop_table("inbox_claims")

"""What in a delivery could not be taken as it was said"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbox", sa.Column("warnings", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("inbox", "warnings")

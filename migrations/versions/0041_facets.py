"""What the audit filters decisions by is summed up by blocks of them; decisions are counted"""

# ruff: noqa: S608  # statements of the names below
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

INTO = "INSERT INTO counted (what, kind, label, lane, count)"
ADD = "ON CONFLICT (what, kind, label, lane) DO UPDATE SET count = counted.count + excluded.count"


def upgrade() -> None:
    op.create_table(
        "decision_blocks",
        sa.Column("block", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("first_at", sa.BigInteger()),
        sa.Column("last_at", sa.BigInteger()),
    )
    op.create_table(
        "decision_facets",
        sa.Column("facet", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), primary_key=True),
        sa.Column("block", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
    )
    op.create_index("decisions_by_version", "decisions", ["rulebook_version", "number"])
    op.execute(f"{INTO} SELECT 'decision', '', '', 0, count(*) FROM decisions HAVING count(*) > 0")
    if op.get_bind().dialect.name == "postgresql":
        count = f"{INTO} SELECT 'decision', '', '', mod(pg_backend_pid(), 4096), count(*) FROM fresh HAVING count(*) > 0 {ADD}"
        op.execute(f"CREATE FUNCTION decisions_counted_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {count}; RETURN NULL; END $$")
        op.execute(
            "CREATE TRIGGER decisions_counted_insert AFTER INSERT ON decisions REFERENCING NEW TABLE AS fresh "
            "FOR EACH STATEMENT EXECUTE FUNCTION decisions_counted_insert()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER decisions_counted_insert AFTER INSERT ON decisions BEGIN {INTO} VALUES ('decision', '', '', 0, 1) {ADD}; END"
        )


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP TRIGGER decisions_counted_insert" + (" ON decisions" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION decisions_counted_insert()")
    op.execute("DELETE FROM counted WHERE what = 'decision'")
    op.drop_index("decisions_by_version", "decisions")
    op.drop_table("decision_facets")
    op.drop_table("decision_blocks")

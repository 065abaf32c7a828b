"""Decisions have a number of their own; their place in the chain comes afterwards"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

INDEXES = {
    "decisions_by_at": ["at"],
    "decisions_by_case": ["case_id"],
    "decisions_by_interaction": ["source", "interaction"],
    "decisions_by_moment": ["moment"],
}
"""Each with the order of the decisions behind it."""
KEPT = (
    *("id", "at", "recorded_at", "moment", "event_id", "event", "case_id", "source", "interaction", "channel", "rulebook_version"),
    *("mode", "severity", "queue", "agent", "outcome", "matched", "seen", "held", "salt", "revises", "superseded_by", "retracted"),
)
BESIDE = {"decision_rules": ("key", "kind"), "decision_tags": ("tag",)}
"""Beside each decision, and what they hold but whose they are."""


def upgrade() -> None:
    op.create_table(
        "unsealed",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    for table in BESIDE:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN seq TO number")
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE decisions RENAME COLUMN seq TO number")
        op.execute("CREATE SEQUENCE decisions_number_seq OWNED BY decisions.number")
        op.execute("SELECT setval('decisions_number_seq', (SELECT coalesce(max(number), 0) + 1 FROM decisions), false)")
        op.execute("ALTER TABLE decisions ALTER COLUMN number SET DEFAULT nextval('decisions_number_seq')")
        return
    kept = ", ".join(f'"{name}"' for name in KEPT)
    _made("decisions_made", sa.Column("number", sa.Integer(), autoincrement=True, nullable=False), sqlite_autoincrement=True)
    op.execute(f"INSERT INTO decisions_made (number, {kept}) SELECT seq, {kept} FROM decisions ORDER BY seq")  # noqa: S608
    _put("decisions_made", "number")


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT count(*) FROM unsealed")).scalar_one():
        raise RuntimeError("decisions wait for their seal, and the schema before has no place for them; let them be sealed first")
    kept = ", ".join(f'"{name}"' for name in KEPT)
    _made("decisions_made", sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False))
    places = ", ".join(f'd."{name}"' for name in KEPT)
    op.execute(f"INSERT INTO decisions_made (seq, {kept}) SELECT c.seq, {places} FROM decisions d JOIN chain c ON c.id = d.id")  # noqa: S608
    for table, columns in BESIDE.items():
        made, names, theirs = f"{table}_made", ", ".join(columns), ", ".join(f"t.{name}" for name in columns)
        held = [sa.Column(name, sa.Text(), nullable=False) for name in columns]
        op.create_table(
            made,
            *held,
            sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.PrimaryKeyConstraint(columns[0], "seq"),
        )
        of = f"{table} t JOIN decisions d ON d.number = t.number JOIN chain c ON c.id = d.id"
        op.execute(f"INSERT INTO {made} ({names}, seq) SELECT {theirs}, c.seq FROM {of}")  # noqa: S608
        op.drop_table(table)
        op.rename_table(made, table)
    _put("decisions_made", "seq")
    op.drop_table("unsealed")


def _made(name: str, key: sa.Column[int], **options: bool) -> None:
    """The table of decisions, under another name for now."""
    op.create_table(
        name,
        key,
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("moment", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("interaction", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("rulebook_version", sa.Integer(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("matched", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=True),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("revises", sa.Text(), nullable=True),
        sa.Column("superseded_by", sa.Text(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(key.name),
        sa.UniqueConstraint("id"),
        **options,
    )


def _put(name: str, key: str) -> None:
    """It takes the place of the one that was, with its indexes."""
    op.drop_table("decisions")
    op.rename_table(name, "decisions")
    for index, columns in INDEXES.items():
        op.create_index(index, "decisions", [*columns, key], unique=False)
    op.create_index("decisions_by_event", "decisions", ["event_id"], unique=False)

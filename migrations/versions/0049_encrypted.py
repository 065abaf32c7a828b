"""What is personal is encrypted from now on, where there is a data key; builds before read none of it, and are refused by this number"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from tsbridge.store import datakeys, identities, vault

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

JSON = (
    *(("moments", "body"), ("texts", "body"), ("cases", "state"), ("checkpoints", "state"), ("decisions", "seen"), ("decisions", "held")),
    *(("changes", "before"), ("changes", "after"), ("desired", "wish"), ("desired", "plan"), ("intents", "plan")),
    *(("messages", "attempts"), ("rosters", "document"), ("drift", "wanted"), ("drift", "actual")),
)
TEXTS = (("moments", "withdrawn_because"), ("overrides", "why"), ("link_keys", "secret"), ("feed_links", "secret"))
IDENTITIES = (("handles", "value"), ("acquaintances", "value"), ("acquaintances", "other_value"))
BYTES = (("inbox", "body"), ("recordings_wanted", "body"))
STEP = 500


def upgrade() -> None:
    """What is kept already is read as it is, and encrypted step by step (`work.rekeying`); what people are found by at once (`datakeys`),
    and again after a way back."""
    if datakeys.identities_are_plain(op.get_bind(), now=False):
        identities.encrypt_all(op.get_bind(), vault.of(op.get_bind().dialect))


def downgrade() -> None:
    held = vault.of(op.get_bind().dialect)
    for columns, read in ((JSON, held.read_json), (TEXTS, held.read_text), (BYTES, held.read_bytes)):
        for table, column in columns:
            _as_before(table, column, read)
    datakeys.identities_are_plain(op.get_bind(), now=True)
    for table, column in IDENTITIES:
        _as_before(table, column, lambda _, kept: held.read_identity(kept))


def _as_before(name: str, column: str, read: Callable[[str, Any], Any]) -> None:
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

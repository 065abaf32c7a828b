"""What Alembic runs. The connection comes from `tsbridge.store.schema`, with its transaction open and its lock taken."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import TypeDecorator

from tsbridge.store.all_tables import metadata


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Migrations name the database's own types, so that they stay what they were when our types change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{type(item.impl).__name__}()"
    return False


connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("run migrations with `tsbridge migrate`")
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_item=render_item,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

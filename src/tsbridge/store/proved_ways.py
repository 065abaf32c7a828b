"""When each way was last seen to reach each person: they pressed the button of a message that came by it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from tsbridge.store.roster_tables import way_proofs as table
from tsbridge.store.statements import insert_into


def prove(conn: Connection, agent: str, way: str, at: datetime) -> None:
    """The way reached them; the newest time stays."""
    made = insert_into(conn, table).values(agent=agent, way=way, proved_at=at)
    newer = made.excluded.proved_at > table.c.proved_at
    conn.execute(made.on_conflict_do_update(index_elements=["agent", "way"], set_={"proved_at": made.excluded.proved_at}, where=newer))


def proofs(conn: Connection) -> dict[tuple[str, str], datetime]:
    """By agent and way, when it was last seen to reach them; those never seen to are left out."""
    return {(row.agent, row.way): row.proved_at for row in conn.execute(select(table).order_by(table.c.agent, table.c.way))}

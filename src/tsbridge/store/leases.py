"""Who works, and the leases of those who are gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from tsbridge.core.moments import instant_text
from tsbridge.store import stored_values
from tsbridge.store.inbox_tables import inbox_claims
from tsbridge.store.notice_tables import messages
from tsbridge.store.replay_tables import replays
from tsbridge.store.service_tables import kept, workers
from tsbridge.store.statements import insert_into
from tsbridge.store.writing_tables import desired

HELD: Final[tuple[tuple[Any, str | None], ...]] = ((inbox_claims, None), (desired, "sending"), (replays, "running"), (messages, "sending"))
"""Tables whose rows are claimed, and the status of a row that is; None for a table of claims."""


def alone(worker: str) -> str:
    """The name by which a worker claims what it reads alone."""
    return f"{worker}-alone"


def beat(conn: Connection, worker: str) -> Mapping[str, int]:
    """Say that this worker lives. Returns how often each that is not known to be gone has said so."""
    made = insert_into(conn, workers).values(name=worker, beats=1)
    conn.execute(made.on_conflict_do_update(index_elements=["name"], set_={"beats": workers.c.beats + 1}))
    return beats(conn)


def beats(conn: Connection) -> Mapping[str, int]:
    """How often each worker that is not known to be gone has said that it lives."""
    return {row.name: row.beats for row in conn.execute(select(workers.c.name, workers.c.beats))}


def end_of(conn: Connection, worker: str, now: datetime) -> int:
    """A worker is gone: its leases and turns end; returns how many leases. Its claims stay on the rows, as in `end_all`."""
    ended = 0
    for table, status in HELD:
        claimed = [] if status is None else [table.c.status == status]
        theirs = (table.c.claimed_by.in_((worker, alone(worker))), table.c.lease_until > now)
        ended += conn.execute(update(table).where(*claimed, *theirs).values(lease_until=now)).rowcount
    _end_turns(conn, now, worker)
    conn.execute(delete(workers).where(workers.c.name == worker))
    return ended


def end_all(conn: Connection, now: datetime) -> int:
    """End every lease and turn that is still running; returns how many leases. Only for one who knows that no other worker is alive.

    The claims stay on the rows, so a delivery that killed its worker is still known as one.
    """
    ended = 0
    for table, _ in HELD:
        ended += conn.execute(update(table).where(table.c.lease_until > now).values(lease_until=now)).rowcount
    _end_turns(conn, now, None)
    conn.execute(delete(workers))
    return ended


def _end_turns(conn: Connection, now: datetime, worker: str | None) -> None:
    """End the turns (`stored_values.take_turn`) that this worker has, or that anybody has."""
    for name, value in conn.execute(select(kept.c.name, kept.c.value)).all():
        if isinstance(value, dict) and value.keys() == stored_values.TURN and worker in (None, value["by"]):
            stored_values.put(conn, name, {"by": "", "until": instant_text(now)})

"""Case rows: the state after the newest moment, and the few columns that lists filter by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tsbridge.core.casestate import CaseState
from tsbridge.core.casestate_json import from_json, to_json
from tsbridge.core.moments import Value
from tsbridge.core.story import due_at
from tsbridge.store import workload
from tsbridge.store.statements import parts
from tsbridge.store.tables import cases, escalations, interactions

# Statements of the hot path are built once: building one costs more than running it.
_STATE: Final = select(cases.c.state).where(cases.c.id == bindparam("of_id"))
_LIVES: Final = select(func.min(interactions.c.opened_at), func.max(interactions.c.last_at)).where(
    interactions.c.case_id == bindparam("of_id")
)
_KEPT: Final = tuple(c.name for c in cases.c if c.name not in ("id", "revision"))
_SAVE: Final = (
    update(cases).where(cases.c.id == bindparam("of_id")).values(revision=cases.c.revision + 1, **{name: bindparam(name) for name in _KEPT})
)
_ADD: Final = insert(cases)
_FORGET_STEPS: Final = delete(escalations).where(escalations.c.case_id == bindparam("of_id"))
_ADD_STEPS: Final = insert(escalations)


def state(conn: Connection, case_id: str) -> CaseState | None:
    """The state behind the newest moment judged; None also while there is none, so that the story is judged from its start."""
    row = conn.execute(_STATE, {"of_id": case_id}).first()
    return from_json(row.state) if row is not None and row.state else None


def known(conn: Connection, case_id: str) -> bool:
    return conn.execute(select(cases.c.id).where(cases.c.id == case_id)).first() is not None


def in_hand(conn: Connection, case_id: str) -> bool:
    """Whether somebody has the case."""
    return bool(conn.execute(select(cases.c.acknowledged).where(cases.c.id == case_id)).scalar_one_or_none())


def facts_of(conn: Connection, tickets: Mapping[str, str]) -> dict[str, Mapping[str, Value]]:
    """What was last heard of each of these tickets, given the case of each; those of which nothing was are left out."""
    found: dict[str, Mapping[str, Value]] = {}
    wanted = sorted(set(tickets.values()))
    states: dict[str, CaseState] = {}
    for part in parts(wanted):
        rows = conn.execute(select(cases.c.id, cases.c.state).where(cases.c.id.in_(part)))
        states.update({row.id: from_json(row.state) for row in rows})
    for ticket, case_id in tickets.items():
        track = states[case_id].tracks.get(f"zendesk:{ticket}") if case_id in states else None
        if track is not None:
            found[ticket] = track.facts
    return found


def save(conn: Connection, case_id: str, now: CaseState) -> bool:
    """Keep the state as the case's newest; returns whether there was none of it before. Of a case that nothing counts for any more, the
    lives of its members tell when it was."""
    opened_at, last_at = now.opened_at, now.last_at
    if opened_at is None:
        opened_at, last_at = conn.execute(_LIVES, {"of_id": case_id}).one()
    held = now.shown_holder()
    taken = now.in_hand
    values = {
        "status": "resolved" if now.resolved or now.opened_at is None else "open",
        "severity": now.severity,
        "category": now.category,
        "queue": now.queue,
        "assignee": None if held is None else held.id,
        "agent": None if held is None else held.agent,
        "assigned_because": None if held is None else held.because,
        "acknowledged": taken is not None,
        "acknowledged_at": taken and taken.at,
        "acknowledged_by": taken and taken.by,
        "acknowledged_way": taken and taken.way,
        "opened_at": opened_at,
        "last_at": last_at,
        "due_at": due_at(now),
        "tags": sorted(now.tags),
        "state": to_json(now),
        "judged_to": now.judged_to,
    }
    new = conn.execute(_SAVE, {"of_id": case_id, **values}).rowcount == 0
    if new:
        conn.execute(_ADD, {"id": case_id, "revision": 0, **values})
    return new


def dissolve(conn: Connection, case_id: str) -> None:
    """The case has no members any more: its interactions are in other cases, which its id goes on resolving to."""
    conn.execute(delete(cases).where(cases.c.id == case_id))
    conn.execute(delete(escalations).where(escalations.c.case_id == case_id))
    workload.save(conn, case_id, ())


def save_escalations(conn: Connection, case_id: str, rows: Sequence[Mapping[str, object]], *, first: bool) -> None:
    """Replace the case's escalation steps, rows as `core.steps` makes them. `first`: it has none yet."""
    if not first:
        conn.execute(_FORGET_STEPS, {"of_id": case_id})
    if rows:
        conn.execute(_ADD_STEPS, [{"case_id": case_id, **row} for row in rows])


def due(conn: Connection, now: datetime, limit: int) -> list[str]:
    """Cases whose due time has come, the oldest first."""
    rows = conn.execute(select(cases.c.id).where(cases.c.due_at <= now).order_by(cases.c.due_at, cases.c.id).limit(limit))
    return [row.id for row in rows]


def still_due(conn: Connection, case_ids: Sequence[str], now: datetime) -> list[str]:
    """Those of these cases whose due time has come, the oldest first."""
    among = (cases.c.id.in_(case_ids), cases.c.due_at <= now)
    return list(conn.execute(select(cases.c.id).where(*among).order_by(cases.c.due_at, cases.c.id)).scalars())


def put_off(conn: Connection, case_id: str, until: datetime) -> None:
    """The case is not due before `until`, or until it is judged."""
    conn.execute(update(cases).where(cases.c.id == case_id).values(due_at=until))


def next_due(conn: Connection) -> datetime | None:
    row = conn.execute(select(cases.c.due_at).where(cases.c.due_at.is_not(None)).order_by(cases.c.due_at).limit(1)).first()
    return None if row is None else row.due_at


def lock(conn: Connection, case_ids: Sequence[str]) -> None:
    """One worker at a time per case (PostgreSQL; SQLite has one writer anyway). In order of id, so that nobody waits in a circle."""
    if conn.dialect.name == "postgresql" and case_ids:
        conn.execute(select(cases.c.id).where(cases.c.id.in_(case_ids)).order_by(cases.c.id).with_for_update())

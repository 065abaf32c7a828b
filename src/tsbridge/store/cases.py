"""Case rows: the state after the newest moment, and the few columns that lists filter by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, update

from tsbridge.core.casestate import CaseState
from tsbridge.core.casestate_json import from_json, text
from tsbridge.core.due import due_at
from tsbridge.core.moments import Value
from tsbridge.store import checkpoints, workload
from tsbridge.store.case_tables import cases
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.link_tables import interactions
from tsbridge.store.statements import Delete, Insert, Keyed, parts

# Statements of the hot path are built once: building one costs more than running it.
_STATE: Final = select(cases.c.state).where(cases.c.id == bindparam("of_id"))
_LIVES: Final = select(func.min(interactions.c.opened_at), func.max(interactions.c.last_at)).where(
    interactions.c.case_id == bindparam("of_id")
)
_COLUMNS: Final = tuple(c.name for c in cases.c)
_SAVE: Final = Insert(
    cases,
    _COLUMNS,
    on_conflict="(id) DO UPDATE SET revision = cases.revision + 1, "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in ("id", "revision")),
    text_of=("state",),
)
_STATES: Final = Keyed(cases, ("id",), ("id", "state"))
_DISSOLVE: Final = Delete(cases, ("id",))
_FORGET_STEPS: Final = Delete(escalations, ("case_id",))
_STEP: Final = tuple(c.name for c in escalations.c)
_IN_ORDER: Final = itemgetter(*_STEP)
_ADD_STEPS: Final = Insert(escalations, _STEP)


def state(conn: Connection, case_id: str) -> CaseState | None:
    """The state behind the newest moment judged; None also while there is none, so that the story is judged from its start."""
    row = conn.execute(_STATE, {"of_id": case_id}).first()
    return from_json(row.state) if row is not None and row.state else None


def facts_of(conn: Connection, tickets: Mapping[str, str]) -> dict[str, Mapping[str, Value]]:
    """What was last heard of each of these tickets, given the case of each; those of which nothing was are left out."""
    found: dict[str, Mapping[str, Value]] = {}
    wanted = sorted(set(tickets.values()))
    states: dict[str, CaseState] = {}
    for part in parts(wanted):
        rows = conn.execute(select(cases.c.id, cases.c.state).where(cases.c.id.in_(part)))
        states.update({row.id: from_json(row.state) for row in rows if row.state})
    for ticket, case_id in tickets.items():
        track = states[case_id].tracks.get(f"zendesk:{ticket}") if case_id in states else None
        if track is not None:
            found[ticket] = track.facts
    return found


def states(conn: Connection, case_ids: Iterable[str]) -> dict[str, CaseState]:
    """`state` of many cases; those that have none are left out."""
    return {id_: from_json(state) for id_, state in _STATES.rows(conn, sorted(case_ids)) if state}


def save(conn: Connection, states: Mapping[str, CaseState]) -> None:
    """Keep states as the newest ones of their cases. Of a case that nothing counts for any more, the lives of its members tell when it
    was."""
    _SAVE.all(conn, [_row(conn, case_id, states[case_id]) for case_id in sorted(states)])


def _row(conn: Connection, case_id: str, now: CaseState) -> tuple[object, ...]:
    opened_at, last_at = now.opened_at, now.last_at
    if opened_at is None:
        opened_at, last_at = conn.execute(_LIVES, {"of_id": case_id}).one()
    worst = now.worst
    held, taken = now.shown_holder(worst), now.taken_of(worst)
    return (
        case_id,
        "resolved" if now.resolved or now.opened_at is None else "open",
        worst.severity,
        worst.category,
        worst.queue,
        None if held is None else held.id,
        None if held is None else held.agent,
        None if held is None else held.because,
        taken is not None,
        taken and taken.at,
        taken and taken.by,
        taken and taken.way,
        opened_at,
        last_at,
        due_at(now),
        sorted(now.tags),
        text(now),
        now.judged_to,
        0,
        None,
    )


def dissolve(conn: Connection, case_ids: Iterable[str]) -> None:
    """These cases have no members any more: their interactions are in other cases, which their ids go on resolving to."""
    gone = [(case_id,) for case_id in sorted(case_ids)]
    _DISSOLVE.all(conn, gone)
    _FORGET_STEPS.all(conn, gone)
    checkpoints.forget(conn, {case_id: "" for (case_id,) in gone})
    workload.save(conn, dict.fromkeys((case_id for (case_id,) in gone), ()))


def save_escalations(conn: Connection, steps: Mapping[str, Sequence[Mapping[str, object]]], new: Set[str]) -> None:
    """Replace the escalation steps of cases, rows as `core.steps` makes them. `new`: cases that have none yet."""
    _FORGET_STEPS.all(conn, [(case_id,) for case_id in sorted(steps.keys() - new)])
    _ADD_STEPS.all(conn, [_IN_ORDER({"case_id": c, **row}) for c, rows in sorted(steps.items()) for row in rows])


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

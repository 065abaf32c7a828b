"""States of cases that are kept to go back to, when a moment comes late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from tsbridge.core.casestate import CaseState
from tsbridge.core.casestate_json import from_json, to_json
from tsbridge.store.case_tables import checkpoints
from tsbridge.store.statements import Delete, Insert

_BEFORE: Final = (
    select(checkpoints.c.state)
    .where(checkpoints.c.case_id == bindparam("of_id"), checkpoints.c.place < bindparam("before"))
    .order_by(checkpoints.c.place.desc())
    .limit(1)
)
_FORGET: Final = Delete(checkpoints, ("case_id",), behind="place")
_KEEP: Final = Insert(checkpoints, ("case_id", "place", "state"), on_conflict="(case_id, place) DO UPDATE SET state = excluded.state")


def before(conn: Connection, case_id: str, place: str) -> CaseState | None:
    """The newest state kept of a case that lies before a place of its story; None when none does."""
    kept = conn.execute(_BEFORE, {"of_id": case_id, "before": place}).scalar()
    return None if kept is None else from_json(kept)


def forget(conn: Connection, behind: Mapping[str, str]) -> None:
    """What lies behind a place of each of these cases' stories is judged anew."""
    _FORGET.all(conn, sorted(behind.items()))


def keep(conn: Connection, states: Iterable[tuple[str, CaseState]]) -> None:
    """Keep states of cases, to go back to."""
    rows: Sequence[tuple[str, str, object]] = [(case_id, state.judged_to, to_json(state)) for case_id, state in states]
    _KEEP.all(conn, rows)

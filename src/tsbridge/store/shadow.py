"""The shadow: a second rulebook that is asked about everything and decides nothing. One row says which, one per decision compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select

from tsbridge.core.moments import Interaction, instant_text, read_instant
from tsbridge.core.replay import Compared, Stand
from tsbridge.store import stored_values
from tsbridge.store.chain import head
from tsbridge.store.decision_tables import chain, decisions
from tsbridge.store.link_tables import interactions
from tsbridge.store.replay_tables import shadow_decisions
from tsbridge.store.statements import insert_into

NAME: Final = "shadow"
RULEBOOK: Final = "shadow_rulebook"
"""Under which its document is kept: large, and asked for once, while the rest changes with every page."""
KEEP: Final = 100_000
"""Compared decisions that are kept; the oldest go."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """`start`: the last decision before it was switched on; `cursor`: the last one compared."""

    hash: str
    started_at: datetime
    started_by: str
    start: int
    cursor: int


def find(conn: Connection) -> Shadow | None:
    row = stored_values.get(conn, NAME)
    return None if row is None else Shadow(**{**row, "started_at": read_instant(row["started_at"])})


def document_of(conn: Connection) -> Any:
    """The rulebook of the shadow."""
    return stored_values.get(conn, RULEBOOK)


def begin(conn: Connection, document: Any, hash: str, at: datetime, by: str) -> Shadow:
    """Shadow with this rulebook from now on; what another one was compared with is forgotten."""
    end(conn)
    last = head(conn)["seq"]
    shadow = Shadow(hash, at, by, last, last)
    stored_values.put(conn, RULEBOOK, document)
    _keep(conn, shadow, last)
    return shadow


def end(conn: Connection) -> bool:
    """Stop, and forget the comparison. False when there was none."""
    there = find(conn) is not None
    stored_values.forget(conn, NAME)
    stored_values.forget(conn, RULEBOOK)
    conn.execute(delete(shadow_decisions))
    return there


def fresh(conn: Connection, after: int, limit: int) -> list[tuple[int, str]]:
    """Live decisions sealed behind `after`: their place in the audit, and the case each belongs to today.

    By their places, which are given when a decision is there for all to see: of those that come by number one may come late.
    """
    rows = conn.execute(
        select(chain.c.seq, interactions.c.case_id)
        .join(decisions, decisions.c.id == chain.c.id)
        .join(interactions, (interactions.c.source == decisions.c.source) & (interactions.c.id == decisions.c.interaction))
        .where(chain.c.seq > after, decisions.c.mode == "live")
        .order_by(chain.c.seq)
        .limit(limit)
    )
    return [(row.seq, row.case_id) for row in rows]


def advance(conn: Connection, shadow: Shadow, cursor: int, compared: Sequence[tuple[str, int, Compared]]) -> bool:
    """Keep what was compared: case, place in the audit, result. False when the shadow is another by now."""
    now = find(conn)
    if now is None or (now.hash, now.start, now.cursor) != (shadow.hash, shadow.start, shadow.cursor):
        return False
    for case_id, seq, one in compared:
        row = {
            "case_id": case_id,
            "ticket": one.subject.id if one.subject.source == "zendesk" else None,
            "decision_id": one.decision_id,
            "at": one.at,
            "before": one.before.to_json(),
            "after": one.after.to_json(),
            "changed": one.changed,
        }
        conn.execute(insert_into(conn, shadow_decisions).values(seq=seq, **row).on_conflict_do_update(index_elements=["seq"], set_=row))
    _keep(conn, shadow, cursor)
    conn.execute(delete(shadow_decisions).where(shadow_decisions.c.seq <= cursor - KEEP))
    return True


def counts(conn: Connection) -> tuple[int, int]:
    """Decisions compared, and how many came out otherwise."""
    changed = func.count().filter(shadow_decisions.c.changed.is_(True))
    row = conn.execute(select(func.count(), changed).select_from(shadow_decisions)).one()
    return int(row[0]), int(row[1])


def by_case(conn: Connection) -> Iterator[tuple[str, list[Compared]]]:
    """Everything compared, case by case, each case's decisions in the order of their moments."""
    held: list[Compared] = []
    case: str | None = None
    for row in conn.execute(select(shadow_decisions).order_by(shadow_decisions.c.case_id, shadow_decisions.c.at, shadow_decisions.c.seq)):
        if case is not None and row.case_id != case:
            yield case, held
            held = []
        case = row.case_id
        subject = Interaction("zendesk" if row.ticket else "talkdesk", row.ticket or "")
        before, after = Stand.from_json(row.before), Stand.from_json(row.after)
        held.append(Compared(row.decision_id, str(row.seq), row.at, subject, before, after, row.changed, mismatch=False))
    if case is not None:
        yield case, held


def moves(conn: Connection, limit: int, after: int) -> list[dict[str, Any]]:
    """Decisions that the shadow would have made otherwise, oldest first."""
    query = select(shadow_decisions).where(shadow_decisions.c.changed.is_(True), shadow_decisions.c.seq > after)
    return [dict(row._mapping) for row in conn.execute(query.order_by(shadow_decisions.c.seq).limit(limit))]


def _keep(conn: Connection, shadow: Shadow, cursor: int) -> None:
    stored_values.put(
        conn,
        NAME,
        {
            "hash": shadow.hash,
            "started_at": instant_text(shadow.started_at),
            "started_by": shadow.started_by,
            "start": shadow.start,
            "cursor": cursor,
        },
    )

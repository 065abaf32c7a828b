"""Notices: that somebody is to be told, kept in the transaction that judged so, until nobody need be told any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, or_, select, update

from tsbridge.core.moments import Interaction
from tsbridge.core.notices import ACKNOWLEDGED, OVER, REVISED, End, Kept, Notice
from tsbridge.store.notice_tables import notices, notifications
from tsbridge.store.statements import Keyed, parts


class _Row(NamedTuple):
    id: str
    asking: str
    source: str
    interaction: str
    asked_by: str
    target: str
    at: datetime
    version: int
    severity: int | None
    category: str | None
    queue: str | None
    in_hand: bool
    late: bool
    ahead: bool
    over_because: str | None


_EVER: Final = Keyed(notices, ("source", "interaction"), _Row._fields)
_OPEN: Final = Keyed(notices, ("case_id",), ("case_id", *_Row._fields), "t.over_at IS NULL")
_ADD: Final = insert(notices)


def standing(conn: Connection, case_ids: Iterable[str]) -> dict[str, list[Kept]]:
    """By case its notices that are not over; cases without any are left out."""
    found: dict[str, list[Kept]] = {}
    for case_id, *row in _OPEN.rows(conn, sorted(case_ids)):
        found.setdefault(case_id, []).append(kept(_Row(*row)))
    return found


def of(conn: Connection, subjects: Iterable[Interaction]) -> list[Kept]:
    """All notices that these interactions ever asked for, the oldest first."""
    rows = [_Row(*row) for row in _EVER.rows(conn, sorted(subjects))]
    return [kept(row) for row in sorted(rows, key=lambda row: (row.at, row.id))]


def rows_standing(conn: Connection, ids: Sequence[str]) -> list[Any]:
    """Rows of those of these notices that are not over."""
    found: list[Any] = []
    for part in parts(ids):
        mine = (notices.c.id.in_(part), notices.c.over_at.is_(None))
        found += conn.execute(select(notices).where(*mine).order_by(notices.c.id)).all()
    return found


def rehome(conn: Connection, case_id: str, ids: Sequence[str]) -> None:
    """These notices are of this case now: what they were asked for joined or left it."""
    for part in parts(ids):
        moved = update(notices).where(notices.c.id.in_(part), notices.c.case_id != case_id)
        if conn.execute(moved.values(case_id=case_id)).rowcount:
            conn.execute(update(notifications).where(notifications.c.notice.in_(part)).values(case_id=case_id))


def add(conn: Connection, case_id: str, fresh: Sequence[Notice], now: datetime, *, ahead: bool = False) -> list[str]:
    """Keep new notices; they are due at once. `ahead`: of a step whose time has not come. Returns their ids, in order.

    One that was revised stands again: who was told of it was told. A clock that was ahead may have had a step come before its time, and
    a moment that is withdrawn gives back what it had taken. One whose notice went to what asked earlier gets another one.
    """
    if not fresh:
        return []
    askings, ids = [notice.asking for notice in fresh], [notice.id for notice in fresh]
    known = or_(notices.c.asking.in_(askings), notices.c.id.in_(ids))
    rows = conn.execute(select(notices.c.asking, notices.c.id, notices.c.over_because).where(known)).all()
    revised = {row.asking: row.id for row in rows if row.asking in askings and row.over_because == REVISED}
    if revised:
        again = {"case_id": case_id, "over_at": None, "over_because": None, "due_at": now}
        conn.execute(update(notices).where(notices.c.id.in_(list(revised.values()))).values(**again))
    given_away = {row.id for row in rows if row.asking not in askings}
    found = {one.asking: revised.get(one.asking) or (f"ntc_{one.asking[24:48]}" if one.id in given_away else one.id) for one in fresh}
    if new := [{**_row(case_id, one, now, ahead=ahead), "id": found[one.asking]} for one in fresh if one.asking not in revised]:
        conn.execute(_ADD, new)
    return [found[one.asking] for one in fresh]


def move(conn: Connection, id: str, notice: Notice) -> None:
    """Something else asks for a notice now; what was told stays told."""
    values = {"asking": notice.asking, "at": notice.at, "source": notice.interaction.source, "interaction": notice.interaction.id}
    about = {"severity": notice.severity, "category": notice.category, "queue": notice.queue, "version": notice.version, "ahead": False}
    conn.execute(update(notices).where(notices.c.id == id).values(**values, **about))


def stand_again(conn: Connection, ids: Sequence[str], now: datetime) -> None:
    """These are not over after all. Who was told of them was told; what was taken back before it went out may go."""
    for part in parts(ids):
        again = {"over_at": None, "over_because": None, "acknowledged_by": None, "due_at": now}
        conn.execute(update(notices).where(notices.c.id.in_(part)).values(**again))
        theirs = (notifications.c.notice.in_(part), notifications.c.kind == "step")
        conn.execute(update(notifications).where(*theirs).values(acknowledged_at=None))
        taken_back = (notifications.c.status == "superseded", notifications.c.reason.in_(OVER))
        conn.execute(update(notifications).where(*theirs, *taken_back).values(reason=REVISED))


def close(conn: Connection, ids: Sequence[str], end: End, now: datetime) -> None:
    """These notices are over: what of them still waits is never sent. An acknowledgement is told to all who were told."""
    by = None if end.by is None else f"{end.by.kind}:{end.by.id or ''}"
    values: dict[str, Any] = {"over_at": end.at, "over_because": end.because, "due_at": None}
    acknowledged = end.because == ACKNOWLEDGED
    if acknowledged:
        values |= {"acknowledged_by": by, "due_at": now}
    for part in parts(ids):
        conn.execute(update(notices).where(notices.c.id.in_(part)).values(**values))
        theirs = (notifications.c.notice.in_(part), notifications.c.kind == "step")
        ends = {"status": "superseded", "reason": end.because}
        conn.execute(update(notifications).where(*theirs, notifications.c.status == "waiting").values(**ends))
        if acknowledged:
            conn.execute(update(notifications).where(*theirs).values(acknowledged_at=end.at))


def kept(row: Any) -> Kept:
    """A row of the table as a value."""
    notice = Notice(
        row.asking,
        Interaction(row.source, row.interaction),
        row.asked_by,
        row.target,
        row.at,
        row.version,
        row.severity,
        row.category,
        row.queue,
        row.in_hand,
        row.late,
    )
    return Kept(row.id, notice, row.ahead, row.over_because)


def _row(case_id: str, notice: Notice, now: datetime, *, ahead: bool) -> Mapping[str, Any]:
    return {
        "id": notice.id,
        "asking": notice.asking,
        "case_id": case_id,
        "source": notice.interaction.source,
        "interaction": notice.interaction.id,
        "asked_by": notice.by,
        "target": notice.target,
        "version": notice.version,
        "at": notice.at,
        "asked_at": now,
        "severity": notice.severity,
        "category": notice.category,
        "queue": notice.queue,
        "late": notice.late,
        "in_hand": notice.in_hand,
        "ahead": ahead,
        "due_at": now,
    }

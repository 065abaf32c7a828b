"""Notices: that somebody is to be told, kept in the transaction that judged so, until nobody need be told any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select, update

from tsbridge.core.moments import Interaction
from tsbridge.core.notices import ACKNOWLEDGED, OVER, REVISED, End, Kept, Notice
from tsbridge.store.notice_tables import notices, notifications
from tsbridge.store.statements import Insert, Keyed, Update, parts


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
_KNOWN: Final = ("asking", "id", "over_because")
_BY_ASKING: Final = Keyed(notices, ("asking",), _KNOWN)
_BY_ID: Final = Keyed(notices, ("id",), _KNOWN)
_ADD: Final = Insert(
    notices,
    (
        *("id", "asking", "case_id", "source", "interaction", "asked_by", "target", "version", "at", "asked_at"),
        *("severity", "category", "queue", "late", "in_hand", "ahead", "due_at"),
    ),
)
_OVER: Final = ("over_at", "over_because", "due_at")
_CLOSE: Final = Update(notices, _OVER, ("id",))
_ACKNOWLEDGE: Final = Update(notices, (*_OVER, "acknowledged_by"), ("id",))
_TAKE_BACK: Final = Update(notifications, ("status", "reason"), ("notice",), "notifications.kind = 'step' AND status = 'waiting'")
_ACKNOWLEDGE_TELLINGS: Final = Update(notifications, ("acknowledged_at",), ("notice",), "notifications.kind = 'step'")
_REHOME: Final = Update(notices, ("case_id",), ("id",), "notices.case_id <> v.column1")
_REHOME_TELLINGS: Final = Update(notifications, ("case_id",), ("notice",))


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
    here = [(case_id, id_) for id_ in ids]
    if _REHOME.all(conn, here):
        _REHOME_TELLINGS.all(conn, here)


def add(conn: Connection, fresh: Sequence[tuple[str, Notice]], now: datetime, *, ahead: bool = False) -> list[str]:
    """Keep new notices, each with its case; they are due at once. `ahead`: of steps whose time has not come. Returns their ids, in order.

    One that was revised stands again: who was told of it was told. A clock that was ahead may have had a step come before its time, and
    a moment that is withdrawn gives back what it had taken. One whose notice went to what asked earlier gets another one.
    """
    if not fresh:
        return []
    askings = {notice.asking for _, notice in fresh}
    rows = {*_BY_ASKING.rows(conn, sorted(askings)), *_BY_ID.rows(conn, sorted({notice.id for _, notice in fresh}))}
    revised = {asking: id_ for asking, id_, over in rows if asking in askings and over == REVISED}
    given_away = {id_ for asking, id_, _ in rows if asking not in askings}
    found = [revised.get(one.asking) or (f"ntc_{one.asking[24:48]}" if one.id in given_away else one.id) for _, one in fresh]
    for (case_id, one), id_ in zip(fresh, found, strict=True):
        if one.asking in revised:
            again = {"case_id": case_id, "over_at": None, "over_because": None, "due_at": now}
            conn.execute(update(notices).where(notices.c.id == id_).values(**again))
    new = ((id_, *one) for id_, one in zip(found, fresh, strict=True) if one[1].asking not in revised)
    _ADD.all(conn, [_row(*one, now, ahead=ahead) for one in new])
    return found


def move(conn: Connection, id: str, notice: Notice) -> None:
    """Something else asks for a notice now; what was told stays told."""
    values = {
        "asking": notice.asking,
        "asked_by": notice.by,
        "at": notice.at,
        "source": notice.interaction.source,
        "interaction": notice.interaction.id,
    }
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
    if end.because == ACKNOWLEDGED:
        _ACKNOWLEDGE.all(conn, [(end.at, end.because, now, by, id_) for id_ in ids])
        _ACKNOWLEDGE_TELLINGS.all(conn, [(end.at, id_) for id_ in ids])
    else:
        _CLOSE.all(conn, [(end.at, end.because, None, id_) for id_ in ids])
    _TAKE_BACK.all(conn, [("superseded", end.because, id_) for id_ in ids])


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


def _row(id: str, case_id: str, notice: Notice, now: datetime, *, ahead: bool) -> tuple[Any, ...]:
    """In the order of `_ADD`."""
    where, asked = notice.interaction, (notice.by, notice.target, notice.version, notice.at, now)
    about = (notice.severity, notice.category, notice.queue, notice.late, notice.in_hand)
    return (id, notice.asking, case_id, where.source, where.id, *asked, *about, ahead, now)

"""Who was told what, when, by which way, with what answer, and why: as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, false, func, or_, select, update

from tsbridge.core.moments import read_instant
from tsbridge.core.notices import Asker
from tsbridge.store.notice_tables import duty_notices, messages, notice_answers, notices, notifications
from tsbridge.store.outgoing import TO_SEND, WORST_FIRST

Row = RowMapping
NOBODY: Final = ("nobody_on_call", "nobody_reached")
"""Reasons of a telling that had nobody to go to."""
_NOTICE: Final = (
    *(notices.c.asked_by, notices.c.target, notices.c.at, notices.c.severity, notices.c.category, notices.c.queue),
    func.coalesce(notices.c.late, false()).label("late"),
    notices.c.acknowledged_by,
    func.coalesce(notices.c.asked_at, duty_notices.c.at, type_=notices.c.at.type).label("asked_at"),
    func.coalesce(notices.c.over_at, duty_notices.c.over_at, type_=notices.c.at.type).label("over_at"),
    func.coalesce(notices.c.over_because, duty_notices.c.over_because).label("over_because"),
    *(duty_notices.c.body.label("news"), duty_notices.c.because.label("changed")),
)
_MESSAGE: Final = (messages.c.status.label("message_status"), messages.c.due_at, messages.c.attempts, messages.c.why)


def rows() -> Select[Any]:
    """Tellings with the notice and the message of each."""
    joined = notifications.outerjoin(notices, notices.c.id == notifications.c.notice)
    joined = joined.outerjoin(duty_notices, duty_notices.c.id == notifications.c.notice)  # of one of the two
    return select(notifications, *_NOTICE, *_MESSAGE).select_from(
        joined.outerjoin(messages, messages.c.id == notifications.c.message)  # one that had nobody to go to has none
    )


def listed(
    conn: Connection,
    limit: int,
    after: str | None = None,
    *,
    case_id: str | None = None,
    status: str | None = None,
    agent: str | None = None,
) -> Sequence[Row]:
    """The newest first, by id."""
    query = rows()
    for column, value in ((notifications.c.case_id, case_id), (notifications.c.status, status), (notifications.c.agent, agent)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(notifications.c.id < after)
    return conn.execute(query.order_by(notifications.c.id.desc()).limit(limit)).mappings().all()


def one(conn: Connection, id: str) -> Row | None:
    return conn.execute(rows().where(notifications.c.id == id)).mappings().one_or_none()


def answer(conn: Connection, id: str | None) -> Any:
    """Whom a notice meant and why, as it was when they were told."""
    return None if id is None else conn.execute(select(notice_answers.c.body).where(notice_answers.c.id == id)).scalar_one_or_none()


def attempts(row: Row) -> list[tuple[datetime, str]]:
    """The attempts of a telling's message, when and with what answer, since the telling was put into it."""
    tried = [(read_instant(at), answer) for at, answer in row["attempts"] or ()]
    return [one for one in tried if one[0] >= row["made_at"]]


def waits(row: Row) -> list[tuple[datetime, str, datetime]]:
    """What a telling waited for: since when, what, until when."""
    waited = [(read_instant(at), why, read_instant(until)) for at, why, until in row["why"] or ()]
    return [one for one in waited if one[2] >= row["made_at"]]


def carried(conn: Connection, message: str) -> list[tuple[str, str | None, datetime]]:
    """The cases that a message tells of: id, the policy that asked (None: a rule), when. What waits behind it, for the same person by
    the same way, is told of, too: a page that is opened later shows more."""
    row = conn.execute(select(messages.c.agent, messages.c.way, messages.c.made_at).where(messages.c.id == message)).first()
    if row is None:
        return []
    behind = select(messages.c.id).where(
        messages.c.agent == row.agent, messages.c.way == row.way, TO_SEND, messages.c.made_at >= row.made_at
    )
    mine = (notifications.c.kind == "step", or_(notifications.c.message == message, notifications.c.message.in_(behind)))
    joined = select(notifications.c.case_id, notices.c.asked_by, notices.c.at).join(notices, notices.c.id == notifications.c.notice)
    found: dict[str, tuple[str, str | None, datetime]] = {}
    for case_id, by, at in conn.execute(joined.where(*mine).order_by(*WORST_FIRST)):
        found.setdefault(case_id, (case_id, Asker.by(by).policy, at))
    return list(found.values())


def message_cases(conn: Connection, message: str | None) -> list[str]:
    """The cases that one message carried."""
    if message is None:
        return []
    rows = conn.execute(select(notifications.c.case_id).where(notifications.c.message == message).order_by(notifications.c.id))
    return [case_id for case_id in dict.fromkeys(rows.scalars()) if case_id]


def retry(conn: Connection, row: Row, now: datetime) -> bool:
    """Have a telling tried once more, at once. False when there is nothing to try: it arrived, or its notice is over."""
    if row["over_at"] is not None or row["status"] not in ("failed", "waiting") or row["message_status"] == "sending":
        return False
    if row["message"] is None:
        conn.execute(update(duty_notices).where(duty_notices.c.id == row["notice"]).values(due_at=now))
        conn.execute(update(notices).where(notices.c.id == row["notice"]).values(due_at=now))
        return True
    again = {"status": "waiting", "due_at": now, "tries": 0}
    conn.execute(update(messages).where(messages.c.id == row["message"]).values(**again))
    conn.execute(update(notifications).where(notifications.c.id == row["id"]).values(status="waiting", reason=None, failed=False))
    return True


def overdue_since(conn: Connection) -> datetime | None:
    """Since when what should have been looked at, or sent, by now waits. What failed and is tried again counts from its start."""
    tried = select(func.min(messages.c.made_at, type_=messages.c.made_at.type)).where(TO_SEND, messages.c.tries > 0)
    waits = select(func.min(messages.c.due_at, type_=messages.c.due_at.type)).where(TO_SEND)
    looks = select(func.min(notices.c.due_at, type_=notices.c.due_at.type)).where(notices.c.due_at.is_not(None))
    news = select(func.min(duty_notices.c.due_at, type_=notices.c.due_at.type)).where(duty_notices.c.due_at.is_not(None))
    return min((at for query in (tried, waits, looks, news) if (at := conn.execute(query).scalar()) is not None), default=None)

"""News of duties: that somebody is to be told that their coming duty is another than it was, until they are.

Callers hold `notifications.lock`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Integer, and_, bindparam, exists, insert, or_, select, update

from tsbridge.store import stored_values
from tsbridge.store.notice_tables import duty_notices, messages, notifications
from tsbridge.store.statements import Fixed, parts

KNOWN: Final = "duties_known"
_DUE: Final = Fixed(
    select(duty_notices)
    .where(duty_notices.c.due_at <= bindparam("now", type_=duty_notices.c.due_at.type))
    .order_by(duty_notices.c.due_at, duty_notices.c.id)
    .limit(bindparam("most", type_=Integer))
)


def known(conn: Connection) -> Any:
    """What duties were last compared by; None before the first time."""
    return stored_values.get(conn, KNOWN) or None


def lock_known(conn: Connection) -> Any:
    """As `known`, held until the transaction ends."""
    return stored_values.lock(conn, KNOWN, {}) or None


def put_known(conn: Connection, what: Any) -> None:
    stored_values.put(conn, KNOWN, what)


def add(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        conn.execute(insert(duty_notices), rows)


def untold(conn: Connection, agents: Collection[str]) -> list[Any]:
    """What these agents were not told yet and cannot have got, the oldest first."""
    found: list[Any] = []
    wanted = sorted(agents)
    may_have_gone = exists().where(
        notifications.c.notice == duty_notices.c.id,
        messages.c.id == notifications.c.message,
        or_(messages.c.status == "sending", messages.c.sealed),
    )
    for part in parts(wanted):
        mine = and_(duty_notices.c.agent.in_(part), duty_notices.c.over_at.is_(None), ~may_have_gone)
        found += conn.execute(select(duty_notices).where(mine).order_by(duty_notices.c.at, duty_notices.c.id)).all()
    return found


def due(conn: Connection, now: datetime, limit: int) -> list[Any]:
    """Rows to look at."""
    return _DUE.named(conn, now=now, most=limit)


def standing(conn: Connection, ids: Sequence[str]) -> list[Any]:
    """Rows of those that are not over."""
    found: list[Any] = []
    for part in parts(ids):
        mine = (duty_notices.c.id.in_(part), duty_notices.c.over_at.is_(None))
        found += conn.execute(select(duty_notices).where(*mine).order_by(duty_notices.c.id)).all()
    return found


def looked(conn: Connection, ids: Sequence[str]) -> None:
    """There is nothing more to do for these until something happens."""
    for part in parts(ids):
        conn.execute(update(duty_notices).where(duty_notices.c.id.in_(part)).values(due_at=None))


def close(conn: Connection, ids: Iterable[str], because: str, now: datetime) -> None:
    """These are over; what of them still waits is never sent."""
    wanted = sorted(set(ids))
    for part in parts(wanted):
        mine = (duty_notices.c.id.in_(part), duty_notices.c.over_at.is_(None))
        conn.execute(update(duty_notices).where(*mine).values(over_at=now, over_because=because, due_at=None))
        waiting = (notifications.c.notice.in_(part), notifications.c.status == "waiting")
        conn.execute(update(notifications).where(*waiting).values(status="superseded", reason=because))


def inside(conn: Connection, message: str) -> list[Mapping[str, Any]]:
    """What a message tells, as far as it still has to be told: notification and notice of each."""
    about = (duty_notices.c.body, duty_notices.c.first_at, duty_notices.c.last_at, duty_notices.c.at)
    columns = (notifications.c.id, notifications.c.kind, notifications.c.notice, *about)
    joined = select(*columns).join(duty_notices, duty_notices.c.id == notifications.c.notice)
    mine = (notifications.c.message == message, notifications.c.status == "waiting")
    return [dict(row._mapping) for row in conn.execute(joined.where(*mine).order_by(duty_notices.c.at, notifications.c.id))]

"""Messages on their way to people: what goes to one person by one way at once, claimed, sent, settled.

What is planned and claimed is planned under one lock (`notifications.lock`), so that several workers never send twice nor more than is
allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Integer, and_, bindparam, case, func, insert, literal_column, or_, select, update

from tsbridge.core.moments import instant_text
from tsbridge.core.paging import NO_SEVERITY, WINDOW
from tsbridge.core.ports import CLOCKS_APART
from tsbridge.store.notice_tables import duty_notices, messages, notices, notifications
from tsbridge.store.statements import Fixed, parts

CASES: Final = "cases"
DUTY: Final = "duty"
"""What a message is about: cases, or its reader's own duty. It is the kind of what is told, too."""
ASKS: Final = notifications.c.kind.in_(("step", DUTY))
"""Tellings that have to reach somebody."""
TO_SEND: Final = messages.c.status.in_([literal_column("'waiting'"), literal_column("'sending'")])
"""Written out, not bound: only then SQLite finds the index of what is to be sent."""
FREE: Final = case((messages.c.lease_until > messages.c.due_at, messages.c.lease_until), else_=messages.c.due_at)
"""When a message may be taken: when it is due, or when the lease of whoever has it ends."""
_NOW: Final = bindparam("now", type_=messages.c.due_at.type)
_DUE_MESSAGES: Final = Fixed(
    select(messages)
    .where(TO_SEND, messages.c.due_at <= _NOW, or_(messages.c.lease_until.is_(None), messages.c.lease_until <= _NOW))
    .order_by(messages.c.severity, messages.c.due_at, messages.c.id)
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message one worker has for the time of its lease, with the rows of what stands in it. `again`: it may have arrived already."""

    id: str
    agent: str | None
    way: str
    made_at: datetime
    tries: int
    severity: int
    items: tuple[Mapping[str, Any], ...]
    again: bool
    worker: str
    about: str = CASES


def bundle(conn: Connection, agent: str | None, way: str, about: str, *, hush: bool) -> Any:
    """The message to this person by this way that more may still be put into; None when there is none."""
    to = (messages.c.agent == (agent or ""), messages.c.way == way, messages.c.about == about)
    mine = (*to, messages.c.hush.is_(hush), messages.c.sealed.is_(False))
    return conn.execute(select(messages).where(*mine, messages.c.status == "waiting").order_by(messages.c.made_at).limit(1)).first()


def begin(
    conn: Connection,
    id: str,
    agent: str | None,
    way: str,
    now: datetime,
    due_at: datetime,
    severity: int,
    *,
    hush: bool,
    why: Any,
    about: str = CASES,
) -> None:
    """A new message; what stands in it follows."""
    said = {"status": "waiting", "severity": severity, "made_at": now, "due_at": due_at, "why": why}
    fresh = {"attempts": [], "sealed": False, "tries": 0}
    conn.execute(insert(messages).values(id=id, agent=agent or "", way=way, hush=hush, about=about, **said, **fresh))


def hasten(conn: Connection, id: str, due_at: datetime, severity: int) -> None:
    """A message goes earlier, since something worse or new was put into it; after that its tries count anew."""
    conn.execute(update(messages).where(messages.c.id == id).values(due_at=due_at, severity=severity, tries=0))


def wait_for(conn: Connection, id: str, until: datetime, severity: int, why: Any) -> None:
    """A message waits, and says what for."""
    conn.execute(update(messages).where(messages.c.id == id).values(due_at=until, severity=severity, why=why, status="waiting"))


def lately(conn: Connection, agent: str | None, way: str, now: datetime, about: str | None = None) -> list[datetime]:
    """When messages (about `about` alone) went to this person by this way that arrived, or may have, within the window.

    What is dated later went by a clock that was ahead, and holds nothing back."""
    lately = (messages.c.left_at > now - WINDOW, messages.c.left_at <= now + CLOCKS_APART)
    mine = (messages.c.agent == (agent or ""), messages.c.way == way, *lately)
    query = select(messages.c.left_at).where(*mine).order_by(messages.c.left_at)
    return list(conn.execute(query if about is None else query.where(messages.c.about == about)).scalars())


WORST_FIRST: Final = (
    func.coalesce(notices.c.severity, NO_SEVERITY),
    case((notices.c.asked_by.startswith("policy:"), 0), else_=1),
    notices.c.at,
    notifications.c.id,
)
"""The order of what one message tells: of one case a policy's step, which has a next one, stands before what a rule asked."""


def due_messages(conn: Connection, now: datetime, limit: int) -> list[Any]:
    """Rows of messages that may go, severe ones first; those that another worker has are left alone."""
    return _DUE_MESSAGES.named(conn, now=now, most=limit)


def inside(conn: Connection, message: str) -> list[Mapping[str, Any]]:
    """What a message is about, as far as it still has to be told: notification and notice of each, a policy's before a rule's."""
    columns = (
        *(notifications.c.id, notifications.c.kind, notifications.c.notice, notifications.c.case_id, notices.c.severity),
        *(notices.c.category, notices.c.queue, notices.c.asked_by, notices.c.late, notices.c.acknowledged_by, notices.c.source),
        *(notices.c.interaction, notices.c.at),
    )
    joined = select(*columns).join(notices, notices.c.id == notifications.c.notice)
    mine = (notifications.c.message == message, notifications.c.status == "waiting")
    return [dict(row._mapping) for row in conn.execute(joined.where(*mine).order_by(*WORST_FIRST))]


def take(conn: Connection, row: Any, worker: str, now: datetime, lease: timedelta) -> None:
    """A message goes on its way. One that a worker had before and never settled may have arrived: nothing is added to it any more."""
    values: dict[str, Any] = {"status": "sending", "claimed_by": worker, "lease_until": now + lease, "left_at": now}
    if row.status == "sending":
        values |= {"sealed": True, "attempts": [*row.attempts, [instant_text(now), "no answer: whoever sent it ended"]]}
    conn.execute(update(messages).where(messages.c.id == row.id).values(**values))


def put_back(conn: Connection, worker: str, until: datetime) -> None:
    """What a worker took until then, of which it never heard that it was committed, waits as before: none of it was sent."""
    mine = (messages.c.status == "sending", messages.c.claimed_by == worker, messages.c.lease_until == until)
    left_at = case((messages.c.sealed, messages.c.left_at), else_=None)
    conn.execute(update(messages).where(*mine).values(status="waiting", claimed_by=None, lease_until=None, left_at=left_at))


def drop(conn: Connection, id: str) -> None:
    """Nothing of a message has to be told any more."""
    conn.execute(update(messages).where(messages.c.id == id).values(status="superseded", claimed_by=None, lease_until=None))


def settle(
    conn: Connection,
    sent: Outgoing,
    now: datetime,
    answer: str,
    *,
    status: str,
    due_at: datetime | None = None,
    sealed: bool = False,
) -> list[str] | None:
    """Note how an attempt ended: `sent`, `failed`, or `waiting` for another one at `due_at`.

    `sealed`: it may have arrived. Returns the notices to be told by somebody's next way; None when another worker has the message.
    """
    mine = and_(messages.c.id == sent.id, messages.c.claimed_by == sent.worker)
    row = conn.execute(select(messages).where(mine)).first()
    if row is None:
        return None
    values: dict[str, Any] = {"status": status, "attempts": [*row.attempts, [instant_text(now), answer]][-50:]}
    values |= {"claimed_by": None, "lease_until": None, "sealed": row.sealed or sealed}
    if status == "sent":
        values |= {"sent_at": now}
    else:
        values |= {"tries": row.tries + 1, "left_at": row.left_at if row.sealed or sealed else None}
    if due_at is not None:
        values["due_at"] = due_at
    conn.execute(update(messages).where(mine).values(**values))
    for part in parts(sent.items):
        tellings = notifications.c.id.in_([item["id"] for item in part])
        theirs = [item["notice"] for item in part]
        if status == "sent":
            conn.execute(update(notifications).where(tellings).values(status="sent", reason=None, sent_at=now))
            _told(conn, theirs, sent)
            if sent.about == DUTY:
                news = (duty_notices.c.id.in_(theirs), duty_notices.c.over_at.is_(None))
                conn.execute(update(duty_notices).where(*news).values(over_at=now, over_because="told", due_at=None))
            # Acknowledged while it was on its way: whoever gets it is told who has the case.
            over = (notices.c.id.in_(theirs), notices.c.over_because == "acknowledged")
            conn.execute(update(notices).where(*over).values(due_at=now))
        else:
            ends = {"status": "failed", "reason": answer} if status == "failed" else {}
            conn.execute(update(notifications).where(tellings, notifications.c.status == "waiting").values(failed=True, **ends))
    return [] if status == "sent" else sorted({item["notice"] for item in sent.items if item["kind"] in ("step", DUTY)})


def _told(conn: Connection, ids: Sequence[str], sent: Outgoing) -> None:
    """Who was told by one way need not be told by the others that are still tried."""
    if sent.agent is not None:
        theirs = (notifications.c.notice.in_(ids), ASKS, notifications.c.agent == sent.agent, notifications.c.status == "waiting")
        conn.execute(update(notifications).where(*theirs).values(status="superseded", reason="told_by_another_way"))

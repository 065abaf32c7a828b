"""Messages on their way to people, and what became of them for each notice they carry.

A message is what goes to one person by one way at once; a notification is one notice's telling by one. What is planned and claimed is
planned under one lock, so that several workers never send twice nor more than is allowed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Integer, and_, bindparam, case, func, insert, literal_column, or_, select, union_all, update

from tsbridge.core.moments import canonical, instant_text
from tsbridge.core.notices import REVISED
from tsbridge.core.paging import NO_SEVERITY, WINDOW, Try
from tsbridge.core.ports import CLOCKS_APART
from tsbridge.store import stored_values
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.notice_tables import duty_notices, messages, notice_answers, notices, notifications
from tsbridge.store.statements import Fixed, Insert, Keyed, Update, parts

LOCK: Final = "paging"
CASES: Final = "cases"
DUTY: Final = "duty"
"""What a message is about: cases, or its reader's own duty. It is the kind of what is told, too."""
ASKS: Final = notifications.c.kind.in_(("step", DUTY))
"""Tellings that have to reach somebody."""
TO_SEND: Final = messages.c.status.in_([literal_column("'waiting'"), literal_column("'sending'")])
"""Written out, not bound: only then SQLite finds the index of what is to be sent."""
_FREE: Final = case((messages.c.lease_until > messages.c.due_at, messages.c.lease_until), else_=messages.c.due_at)


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


def lock(conn: Connection) -> None:
    """One plans at a time: the caps on messages hold by this."""
    stored_values.lock(conn, LOCK, {})


_NEXT: Final = Fixed(
    union_all(
        select(func.min(notices.c.due_at, type_=notices.c.due_at.type)).where(notices.c.due_at.is_not(None)),
        select(func.min(duty_notices.c.due_at, type_=notices.c.due_at.type)).where(duty_notices.c.due_at.is_not(None)),
        select(func.min(_FREE, type_=messages.c.due_at.type)).where(TO_SEND),
    )
)
_NOW: Final = bindparam("now", type_=messages.c.due_at.type)
_MOST: Final = bindparam("most", type_=Integer)
_DUE_NOTICES: Final = Fixed(
    select(notices)
    .where(notices.c.due_at <= _NOW)
    .order_by(func.coalesce(notices.c.severity, NO_SEVERITY), notices.c.due_at, notices.c.id)
    .limit(_MOST)
)
_DUE_MESSAGES: Final = Fixed(
    select(messages)
    .where(TO_SEND, messages.c.due_at <= _NOW, or_(messages.c.lease_until.is_(None), messages.c.lease_until <= _NOW))
    .order_by(messages.c.severity, messages.c.due_at, messages.c.id)
    .limit(_MOST)
)
_COLUMNS: Final = tuple(notifications.c.keys())
_ADD: Final = Insert(notifications, _COLUMNS)
_KEEP: Final = Insert(notice_answers, ("id", "body"), "(id) DO NOTHING")
_LOOKED_AT: Final = Update(notices, ("answer", "due_at"), ("id",))
_NOBODY: Final = Keyed(notifications, ("notice",), ("notice", "reason"), "t.way IS NULL")
_STEPS: Final = Keyed(
    notices,
    ("source", "interaction"),
    ("source", "interaction", "asked_by", "at", "ahead", "over_at"),
    "substr(t.asked_by, 1, 7) = 'policy:'",
)


def next_due(conn: Connection) -> datetime | None:
    """When the next notice has to be looked at, or the next message may go."""
    return min((at for (at,) in _NEXT.rows(conn) if at is not None), default=None)


def due_notices(conn: Connection, now: datetime, limit: int) -> list[Any]:
    """Rows of notices to look at, severe ones first."""
    return _DUE_NOTICES.named(conn, now=now, most=limit)


def look_again(conn: Connection, ids: Sequence[str], at: datetime | None) -> None:
    """When these notices are looked at next."""
    for part in parts(ids):
        conn.execute(update(notices).where(notices.c.id.in_(part)).values(due_at=at))


def look_now(conn: Connection, now: datetime) -> None:
    """Whom nobody could be told about is asked for at once, not when it would be asked again."""
    conn.execute(update(notices).where(notices.c.due_at > now, notices.c.over_at.is_(None)).values(due_at=now))


def id_of(answer: Mapping[str, Any]) -> str:
    """The id of an answer: whom a target meant, and why. The same one has the same."""
    return "ans_" + hashlib.sha256(canonical(answer)).hexdigest()[:24]


def keep_answers(conn: Connection, by_id: Mapping[str, Mapping[str, Any]]) -> None:
    _KEEP.all(conn, sorted(by_id.items()))


def answers(conn: Connection, ids: Iterable[str | None]) -> dict[str, Any]:
    wanted = sorted({id_ for id_ in ids if id_ is not None})
    found: dict[str, Any] = {}
    for part in parts(wanted):
        rows = conn.execute(select(notice_answers).where(notice_answers.c.id.in_(part)))
        found.update({row.id: row.body for row in rows})
    return found


def looked_at(conn: Connection, rows: Sequence[tuple[str, datetime | None, str]]) -> None:
    """Of notices: the answer that says whom each meant, when it is looked at next, its id."""
    _LOOKED_AT.all(conn, rows)


def tries(conn: Connection, ids: Sequence[str]) -> dict[str, list[Try]]:
    """What was tried for each of these notices so far, in order. What was taken back before it went out was not."""
    found: dict[str, list[Try]] = {id_: [] for id_ in ids}
    for part in parts(ids):
        mine = (notifications.c.notice.in_(part), ASKS)
        rows = conn.execute(select(notifications).where(*mine).order_by(notifications.c.made_at, notifications.c.id))
        for row in rows:
            if row.way is not None and (row.status, row.reason) != ("superseded", REVISED):
                found[row.notice].append(Try(row.agent, row.way, row.status, row.failed))
    return found


def nobody_said(conn: Connection, ids: Sequence[str]) -> dict[str, set[str | None]]:
    """The reasons that were already given for each of these notices that nobody could be told."""
    found: dict[str, set[str | None]] = {id_: set() for id_ in ids}
    for notice, reason in _NOBODY.rows(conn, ids):
        found[notice].add(reason)
    return found


class Steps:
    """Which steps of policies ask for notices, or did, of some interactions."""

    def __init__(self, conn: Connection, rows: Iterable[Any]) -> None:
        """Of those that these rows are about."""
        self._asked: dict[tuple[str, str, str], list[tuple[datetime, bool]]] = defaultdict(list)
        for *of_it, at, ahead, over_at in _STEPS.rows(conn, sorted({(row.source, row.interaction) for row in rows})):
            self._asked[*of_it].append((at, ahead and over_at is None))

    def told_before(self, row: Any, policy: str, step: int) -> bool:
        """Whether an earlier step of the same escalation told somebody, or tried to."""
        return any(at <= row.at for index in range(1, min(step, 1_000)) for at, _ in self._of(row, f"policy:{policy}/{index}"))

    def stands(self, row: Any, by: str) -> bool:
        """Whether a notice of this step stands already for what `row` is about."""
        return any(ahead or at >= row.at for at, ahead in self._of(row, by))

    def ahead(self, row: Any, by: str) -> None:
        """One is made for what `row` is about."""
        self._asked[row.source, row.interaction, by].append((row.at, True))

    def _of(self, row: Any, by: str) -> Sequence[tuple[datetime, bool]]:
        return self._asked.get((row.source, row.interaction, by), ())


def add(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep new ones; what a row does not say is null."""
    _ADD.all(conn, [tuple([row.get(name) for name in _COLUMNS]) for row in rows])


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


def next_steps(conn: Connection, wanted: Iterable[str]) -> dict[tuple[str, str], datetime]:
    """When the next step of each policy comes, by case and policy, for these cases."""
    cases = sorted(set(wanted))
    found: dict[tuple[str, str], datetime] = {}
    for part in parts(cases):
        armed = (escalations.c.case_id.in_(part), escalations.c.status == "armed")
        rows = conn.execute(
            select(escalations.c.case_id, escalations.c.policy, func.min(escalations.c.due_at, type_=escalations.c.due_at.type))
            .where(*armed)
            .group_by(escalations.c.case_id, escalations.c.policy)
        )
        found.update({(case_id, policy): at for case_id, policy, at in rows})
    return found


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


def told(conn: Connection, notice: str) -> list[tuple[str | None, str]]:
    """Who was told of a notice, by which way."""
    mine = (notifications.c.notice == notice, notifications.c.kind == "step", notifications.c.status == "sent")
    rows = conn.execute(select(notifications.c.agent, notifications.c.way).where(*mine).order_by(notifications.c.sent_at))
    return [(row.agent, row.way) for row in rows]


def told_of_taking(conn: Connection, case_id: str, since: datetime) -> set[tuple[str | None, str | None]]:
    """Who was, or is about to be, told since then that somebody has the case."""
    mine = (notifications.c.case_id == case_id, notifications.c.kind == "acknowledged", notifications.c.made_at >= since)
    return {(row.agent, row.way) for row in conn.execute(select(notifications.c.agent, notifications.c.way).where(*mine))}


def told_at(conn: Connection, case_id: str) -> datetime | None:
    """When the last message about a case was sent."""
    newest = func.max(notifications.c.sent_at, type_=notifications.c.sent_at.type)
    return conn.execute(select(newest).where(notifications.c.case_id == case_id)).scalar()

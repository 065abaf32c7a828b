"""Who is to be told of what, and what became of it for each notice: a notification is one notice's telling by one message (`outgoing`)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Integer, bindparam, func, select, union_all, update

from tsbridge.core.moments import canonical
from tsbridge.core.notices import REVISED
from tsbridge.core.paging import NO_SEVERITY, Try
from tsbridge.store import stored_values
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.notice_tables import duty_notices, messages, notice_answers, notices, notifications
from tsbridge.store.outgoing import ASKS, FREE, TO_SEND
from tsbridge.store.statements import Fixed, Insert, Keyed, Update, parts

LOCK: Final = "paging"


def lock(conn: Connection) -> None:
    """One plans at a time: the caps on messages hold by this."""
    stored_values.lock(conn, LOCK, {})


_NEXT: Final = Fixed(
    union_all(
        select(func.min(notices.c.due_at, type_=notices.c.due_at.type)).where(notices.c.due_at.is_not(None)),
        select(func.min(duty_notices.c.due_at, type_=notices.c.due_at.type)).where(duty_notices.c.due_at.is_not(None)),
        select(func.min(FREE, type_=messages.c.due_at.type)).where(TO_SEND),
    )
)
_MOST: Final = bindparam("most", type_=Integer)
_DUE_NOTICES: Final = Fixed(
    select(notices)
    .where(notices.c.due_at <= bindparam("now", type_=notices.c.due_at.type))
    .order_by(func.coalesce(notices.c.severity, NO_SEVERITY), notices.c.due_at, notices.c.id)
    .limit(bindparam("most", type_=Integer))
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

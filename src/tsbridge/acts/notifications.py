"""Who was told what, when, by which way, with what answer; and why them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from tsbridge.acts.errors import Conflict, need
from tsbridge.acts.ledger import Entry
from tsbridge.acts.shape import From, To, of_row
from tsbridge.core.duty_changes import Handover, News
from tsbridge.core.moments import read_instant
from tsbridge.core.notices import Asker
from tsbridge.store import notification_log

Status = Literal["waiting", "sent", "failed", "superseded"]


@dataclass(frozen=True, slots=True)
class Attempt:
    at: datetime
    answer: str


@dataclass(frozen=True, slots=True)
class Waited:
    at: datetime
    step: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Notification:
    """`to` is null where nobody was there to be told, and for a way that is told itself; `case_id` where `kind` is `duty`: somebody's own
    coming duty is another than it was."""

    id: str
    case_id: str | None
    policy: str | None
    step: int | None
    rule: str | None
    kind: Literal["step", "acknowledged", "duty"]
    target: str | None
    to: str | None
    way: str | None
    status: Status
    reason: str | None
    severity: int | None
    late: bool
    asked_at: datetime
    due_at: datetime | None
    attempts: tuple[Attempt, ...]
    why: tuple[Waited, ...]
    message_id: str | None
    sent_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True)
class Over:
    at: datetime
    because: str
    by: str | None


@dataclass(frozen=True, slots=True)
class Why:
    step: str
    says: str


@dataclass(frozen=True, slots=True)
class Meant:
    """Somebody who is told, or without an `agent` a way that is told itself."""

    agent: str | None
    ways: tuple[str, ...]
    because: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class PassedOver:
    agent: str
    because: str


@dataclass(frozen=True, slots=True)
class WhyTold:
    """Whom the rule meant at the instant of telling: those told at once, the backups, and why not everybody else."""

    at: datetime
    target: str
    queue: str | None
    severity: int | None
    earlier_step: bool
    roster_version: int | None
    overrides: tuple[str, ...]
    first: tuple[Meant, ...]
    backups: tuple[Meant, ...]
    others: tuple[PassedOver, ...]
    gap: str | None


@dataclass(frozen=True, slots=True)
class TakesOver:
    agent: str
    until: datetime


@dataclass(frozen=True, slots=True)
class DutyPiece:
    name: str
    start: From
    end: To
    before: tuple[str, ...]
    after: tuple[TakesOver, ...]
    instead: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DutyNews:
    """What somebody was told of their own duty, and what changed it."""

    changed: tuple[str, ...]
    gained: tuple[DutyPiece, ...]
    lost: tuple[DutyPiece, ...]


@dataclass(frozen=True, slots=True)
class NotificationWhole(Notification):
    cases: tuple[str, ...]
    over: Over | None
    because: WhyTold | DutyNews | None


def listed(
    conn: Connection,
    limit: int,
    after: str | None = None,
    *,
    case_id: str | None = None,
    status: str | None = None,
    agent: str | None = None,
) -> list[Notification]:
    """Tellings, the newest first. `after`: the id of the last one seen."""
    return [shown(row) for row in notification_log.listed(conn, limit, after, case_id=case_id, status=status, agent=agent)]


def show(conn: Connection, notification_id: str) -> NotificationWhole:
    """One telling with the whole why, as it was known then. Raises `NotFound`."""
    row = need(notification_log.one(conn, notification_id), "notification")
    over = None
    if row["over_at"] is not None:
        by = None if row["acknowledged_by"] is None else row["acknowledged_by"].partition(":")[2] or None
        over = Over(row["over_at"], row["over_because"], by)
    why: WhyTold | DutyNews | None
    if row["news"] is None:
        why = _why_told(notification_log.answer(conn, row["answer"]))
    else:
        news = News.from_json(row["news"])
        why = DutyNews(tuple(row["changed"]), _pieces(news.gained), _pieces(news.lost))
    return of_row(
        NotificationWhole, row, **_told(row), cases=tuple(notification_log.message_cases(conn, row["message"])), over=over, because=why
    )


def retry(conn: Connection, entry: Entry, notification_id: str) -> None:
    """Have told once more, at once, what failed or waits. Raises `NotFound`, `Conflict`."""
    row = need(notification_log.one(conn, notification_id), "notification")
    if not notification_log.retry(conn, row, entry.at):
        raise Conflict("This one arrived, is on its way, or is over; only failed and waiting ones can be tried again.")
    was = {"status": row["status"], "reason": row["reason"]}
    entry.change(conn, "notification.retry", notification_id, was, {"status": "waiting"})


def shown(row: notification_log.Row) -> Notification:
    """A telling as it was kept."""
    return of_row(Notification, row, **_told(row))


def _told(row: notification_log.Row) -> dict[str, Any]:
    rule, policy, step = Asker.by(row["asked_by"] or "")
    return {
        "case_id": row["case_id"] or None,
        "policy": policy,
        "step": step,
        "rule": rule,
        "to": row["agent"],
        "due_at": row["due_at"] if row["status"] == "waiting" else None,
        "attempts": tuple(Attempt(at, answer) for at, answer in notification_log.attempts(row)),
        "why": tuple(Waited(at, why, until) for at, why, until in notification_log.waits(row)),
        "message_id": row["message"],
    }


def _why_told(answer: Any) -> WhyTold | None:
    if answer is None:
        return None
    why = {who: tuple(Why(step, says) for step, says in links) for who, links in answer["because"]}

    def meant(people: Sequence[Any]) -> tuple[Meant, ...]:
        return tuple(Meant(agent, tuple(ways), why.get(agent if agent is not None else ways[0], ())) for agent, ways in people)

    return WhyTold(
        read_instant(answer["at"]),
        *(answer["target"], answer["queue"], answer["severity"], answer["again"], answer["roster"], tuple(answer["overrides"])),
        *(meant(answer["first"]), meant(answer["backups"])),
        tuple(PassedOver(agent, says) for agent, says in answer["others"]),
        answer["gap"],
    )


def _pieces(handovers: Sequence[Handover]) -> tuple[DutyPiece, ...]:
    return tuple(
        DutyPiece(
            one.piece.name,
            one.piece.start,
            one.piece.end,
            one.before,
            tuple(TakesOver(agent, until) for agent, until in one.after),
            one.instead,
        )
        for one in handovers
    )

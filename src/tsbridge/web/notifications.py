"""Who was told what, when, by which way, with what answer; and why them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from tsbridge.core.moments import read_instant
from tsbridge.core.notices import Asker
from tsbridge.core.times import time_text
from tsbridge.store import told
from tsbridge.web.auth import Supervisor
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import Id, Word
from tsbridge.web.pages import Paged
from tsbridge.web.problems import Problem, not_found
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/notifications", tags=["notifications"])

Status = Literal["waiting", "sent", "failed", "superseded"]


@routes.get("")
async def list_notifications(
    desk: Made, by: Supervisor, page: Paged, case: Word = None, status: Annotated[Status | None, Query()] = None, agent: Word = None
) -> dict[str, Any]:
    """Tellings, the newest first. `to` is null where nobody was there to be told, and for a way that is told itself; `case_id` where the
    `kind` is `duty`: somebody's own coming duty is another than it was."""
    after = page.after_text("notifications")
    rows = await desk.database.read(lambda conn: told.listed(conn, page.limit + 1, after, case_id=case, status=status, agent=agent))
    return page.answer("notifications", rows, lambda row: (row["id"],), notification_item)


@routes.get("/{notification_id}")
async def show_notification(desk: Made, by: Supervisor, notification_id: Id) -> dict[str, Any]:
    """One telling with the whole why, as it was known when they were told: whom the rule meant, why them, why not the others."""
    return await _whole(desk, notification_id)


@routes.post("/{notification_id}/retry")
async def retry_notification(desk: Made, by: Supervisor, notification_id: Id) -> dict[str, Any]:
    """Tell once more, at once, what failed or waits; 409 for what arrived, is on its way, or need not be told any more."""
    entry = desk.entry(by.name)

    def write(conn: Connection) -> bool | None:
        row = told.one(conn, notification_id)
        if row is None:
            return None
        if not told.retry(conn, row, entry.at):
            return False
        was = {"status": row["status"], "reason": row["reason"]}
        entry.change(conn, "notification.retry", notification_id, was, {"status": "waiting"})
        return True

    done = await desk.database.write(write, urgent=True)
    if done is None:
        raise not_found("notification")
    if not done:
        raise Problem(409, "This one arrived, is on its way, or is over; only failed and waiting ones can be tried again.")
    desk.wake_writer()
    return await _whole(desk, notification_id)


def notification_item(row: told.Row) -> dict[str, Any]:
    rule, policy, step = Asker.by(row["asked_by"] or "")
    return {
        "id": row["id"],
        "case_id": row["case_id"] or None,
        "policy": policy,
        "step": step,
        "rule": rule,
        "kind": row["kind"],
        "target": row["target"],
        "to": row["agent"],
        "way": row["way"],
        "status": row["status"],
        "reason": row["reason"],
        "severity": row["severity"],
        "late": row["late"],
        "asked_at": time_text(row["asked_at"]),
        "due_at": time_text(row["due_at"]) if row["status"] == "waiting" else None,
        "attempts": [{"at": time_text(at), "answer": answer} for at, answer in told.attempts(row)],
        "why": [{"at": time_text(at), "step": why, "until": time_text(until)} for at, why, until in told.waits(row)],
        "message_id": row["message"],
        "sent_at": time_text(row["sent_at"]),
        "acknowledged_at": time_text(row["acknowledged_at"]),
    }


async def _whole(desk: Desk, notification_id: str) -> dict[str, Any]:
    def read(conn: Connection) -> dict[str, Any] | None:
        row = told.one(conn, notification_id)
        if row is None:
            return None
        over = None if row["over_at"] is None else {"at": time_text(row["over_at"]), "because": row["over_because"]}
        if over is not None:
            over["by"] = None if row["acknowledged_by"] is None else row["acknowledged_by"].partition(":")[2] or None
        cases = told.message_cases(conn, row["message"])
        why = because(told.answer(conn, row["answer"])) if row["news"] is None else {"changed": row["changed"], **_news(row["news"])}
        return {**notification_item(row), "cases": cases, "over": over, "because": why}

    found = await desk.database.read(read)
    if found is None:
        raise not_found("notification")
    return found


def _news(news: Any) -> dict[str, Any]:
    """What somebody was told of their own duty."""

    def shown(one: Any) -> dict[str, Any]:
        after = [{"agent": other["agent"], "until": time_text(read_instant(other["until"]))} for other in one["after"]]
        return {**one, "from": time_text(read_instant(one["from"])), "to": time_text(read_instant(one["to"])), "after": after}

    return {part: [shown(one) for one in news[part]] for part in ("gained", "lost")}


def because(answer: Any) -> dict[str, Any] | None:
    """Whom the rule meant at the instant of telling: those told at once, the backups, and why not everybody else."""
    if answer is None:
        return None
    why = {who: [{"step": step, "says": says} for step, says in links] for who, links in answer["because"]}

    def shown(to: Any) -> dict[str, Any]:
        agent, ways = to
        return {"agent": agent, "ways": ways, "because": why.get(agent if agent is not None else ways[0], [])}

    return {
        "at": time_text(read_instant(answer["at"])),
        "target": answer["target"],
        "queue": answer["queue"],
        "severity": answer["severity"],
        "earlier_step": answer["again"],
        "roster_version": answer["roster"],
        "overrides": answer["overrides"],
        "first": [shown(to) for to in answer["first"]],
        "backups": [shown(to) for to in answer["backups"]],
        "others": [{"agent": agent, "because": says} for agent, says in answer["others"]],
        "gap": answer["gap"],
    }

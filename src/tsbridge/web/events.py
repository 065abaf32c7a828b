"""The inbox as people see it: what was heard, what became of it, and another try for what got stuck."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from tsbridge.store import inbox, views, wakeup
from tsbridge.web.auth import Ops
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import Id
from tsbridge.web.pages import Paged
from tsbridge.web.problems import Problem, not_found
from tsbridge.web.route import DeskRoute
from tsbridge.web.shapes import event_item

routes = APIRouter(route_class=DeskRoute, prefix="/v1/events", tags=["events"])

Status = Literal["pending", "applied", "ignored", "quarantined", "dead"]
RETRIED = ("quarantined", "dead", "ignored")


@routes.get("")
async def list_events(
    desk: Made,
    by: Ops,
    page: Paged,
    status: Annotated[Status | None, Query()] = None,
    source: Annotated[Literal["zendesk", "talkdesk"] | None, Query()] = None,
) -> dict[str, Any]:
    """Deliveries, newest first, quarantine and dead letters included."""
    after = page.after_number("events")
    rows = await desk.database.read(lambda conn: views.events(conn, page.limit + 1, after, status, source))
    return page.answer("events", rows, lambda row: (row["seq"],), event_item)


@routes.get("/{event_id}")
async def show_event(desk: Made, by: Ops, event_id: Id) -> dict[str, Any]:
    """One delivery with its bytes as they came, the moments it told and the decisions it led to."""
    return await _event(desk, event_id)


@routes.post("/{event_id}/retry")
async def retry_event(desk: Made, by: Ops, event_id: Id) -> dict[str, Any]:
    """Work on a quarantined, dead or ignored delivery once more; 409 for one that is done or still waiting."""
    entry = desk.entry(by.name)

    def write(conn: Connection) -> str | None:
        row = views.event(conn, event_id)
        if row is None or row["status"] not in RETRIED:
            return None if row is None else str(row["status"])
        inbox.retry(conn, event_id, entry.at)
        wakeup.tell(conn, wakeup.INBOX)
        entry.change(conn, "event.retry", event_id, {"status": row["status"], "reason": row["reason"]}, {"status": "pending"})
        return "retried"

    became = await desk.database.write(write, urgent=True)
    if became is None:
        raise not_found("event")
    if became != "retried":
        raise Problem(409, f"This event is {became}; only quarantined, dead and ignored ones can be tried again.")
    desk.wake()
    return await _event(desk, event_id)


async def _event(desk: Desk, event_id: str) -> dict[str, Any]:
    def read(conn: Connection) -> dict[str, Any] | None:
        row = views.event(conn, event_id)
        if row is None:
            return None
        moments, decisions = views.event_results(conn, event_id)
        body: bytes = row["body"]
        return {
            **event_item(row),
            "headers": row["headers"],
            "body": {"text": body.decode("utf-8", "replace"), "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()},
            "moments": moments,
            "decisions": decisions,
        }

    shown = await desk.database.read(read)
    if shown is None:
        raise not_found("event")
    return shown

"""Escalation steps: armed, paused, fired, passed over, acknowledged, stopped."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from tsbridge.store import views
from tsbridge.web.auth import Supervisor, Viewer
from tsbridge.web.cases import Noted, done
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import Id, Word
from tsbridge.web.pages import Paged, instant_of, instant_part
from tsbridge.web.problems import not_found
from tsbridge.web.route import DeskRoute
from tsbridge.web.shapes import escalation_item

routes = APIRouter(route_class=DeskRoute, prefix="/v1/escalations", tags=["escalations"])

Status = Literal["armed", "due", "paused", "fired", "passed", "acknowledged", "stopped"]


@routes.get("")
async def list_escalations(
    desk: Made, by: Viewer, page: Paged, status: Annotated[Status | None, Query()] = None, case: Word = None
) -> dict[str, Any]:
    """Steps of policies, the latest due first. A step is `due` while its time has come and it has not fired yet."""
    last = page.after("escalations", int, str)
    after = None if last is None else (instant_of(last[0]), str(last[1]))
    now = desk.clock.now()
    rows = await desk.database.read(lambda conn: views.escalation_list(conn, page.limit + 1, after, status, case, now))
    return page.answer("escalations", rows, lambda row: (instant_part(row["due_at"]), row["id"]), lambda row: escalation_item(row, now))


@routes.post("/{escalation_id}/acknowledge")
async def acknowledge_escalation(desk: Made, by: Supervisor, escalation_id: Id, body: Noted | None = None) -> dict[str, Any]:
    """Acknowledge the case that this step is about."""
    step = await _step(desk, escalation_id)
    await done(desk, desk.cases.acknowledge(step["case_id"], by.name, body.note if body else None))
    return escalation_item(await _step(desk, escalation_id), desk.clock.now())


async def _step(desk: Desk, escalation_id: str) -> views.Row:
    row = await desk.database.read(lambda conn: views.escalation(conn, escalation_id))
    if row is None:
        raise not_found("escalation")
    return row

"""Escalation steps: armed, paused, fired, passed over, acknowledged, stopped."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from tsbridge.store import agents, steps, views
from tsbridge.web.auth import Supervisor, Viewer
from tsbridge.web.cases import Noted, done
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import Id, NumberQuery, Word, whole_number
from tsbridge.web.pages import Paged, instant_part
from tsbridge.web.problems import not_found
from tsbridge.web.route import DeskRoute
from tsbridge.web.shapes import step_item

routes = APIRouter(route_class=DeskRoute, prefix="/v1/escalations", tags=["escalations"])

Status = Literal["armed", "due", "paused", "fired", "passed", "acknowledged", "stopped"]
State = Literal["overdue", "unacknowledged", "nobody"]
Order = Literal["latest", "soonest"]


@routes.get("")
async def list_escalations(
    desk: Made,
    by: Viewer,
    page: Paged,
    order: Annotated[Order, Query()] = "latest",
    state: Annotated[State | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    case: Word = None,
    severity: NumberQuery = None,
    queue: Word = None,
    agent: Word = None,
) -> dict[str, Any]:
    """Steps of policies, the latest due first, or the soonest. A step is `due` while its time has come and it has not fired yet.

    `state`: `overdue` steps; `unacknowledged` ones, to come or fired, of what nobody has in hand; `nobody`: fired, and still nobody has it.
    `agent`: those of which this agent was told, by their key in the roster or their Zendesk id.
    """
    name = "escalations" if order == "latest" else "escalations_soonest"
    after = page.after_instant(name)
    number = None if severity is None else whole_number("query", "severity", severity, 1, 99)
    now = desk.clock.now()

    def read(conn: Connection) -> tuple[list[views.Row], steps.About]:
        who = None if agent is None else agents.keys(conn).get(agent, agent)
        wanted = steps.Filter(status, state, case, number, queue, who)
        rows = steps.listed(conn, wanted, now, page.limit + 1, after, soonest=order == "soonest")
        return rows, steps.about(conn, rows)

    rows, about = await desk.database.read(read)
    return page.answer(name, rows, lambda row: (instant_part(row["due_at"]), row["id"]), lambda row: step_item(row, now, about))


@routes.post("/{escalation_id}/acknowledge")
async def acknowledge_escalation(desk: Made, by: Supervisor, escalation_id: Id, body: Noted | None = None) -> dict[str, Any]:
    """Acknowledge the case that this step is about."""
    step = await _step(desk, escalation_id)
    await done(desk, desk.cases.acknowledge(step["case_id"], by.name, body.note if body else None))
    return await _step(desk, escalation_id)


async def _step(desk: Desk, escalation_id: str) -> dict[str, Any]:
    def read(conn: Connection) -> dict[str, Any] | None:
        row = views.escalation(conn, escalation_id)
        return None if row is None else step_item(row, desk.clock.now(), steps.about(conn, [row]))

    found = await desk.database.read(read)
    if found is None:
        raise not_found("escalation")
    return found

"""Escalation steps: armed, paused, fired, passed over, acknowledged, stopped."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from tsbridge.acts import casework, escalations
from tsbridge.acts.escalations import EscalationShown
from tsbridge.store.steps import Filter
from tsbridge.web.cases import Noted
from tsbridge.web.inputs import Id, NumberQuery, Word, whole_number
from tsbridge.web.pages import Listed, Paged, instant_part
from tsbridge.web.problems import refuses
from tsbridge.web.roles import Supervisor, Viewer
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/escalations", tags=["escalations"])

Order = Literal["latest", "soonest"]


@routes.get("")
async def list_escalations(
    services: Made,
    by: Viewer,
    page: Paged,
    order: Annotated[Order, Query()] = "latest",
    state: Annotated[escalations.State | None, Query()] = None,
    status: Annotated[escalations.Status | None, Query()] = None,
    case: Word = None,
    severity: NumberQuery = None,
    queue: Word = None,
    agent: Word = None,
) -> Listed[EscalationShown]:
    """Steps of policies, the latest due first, or the soonest. A step is `due` while its time has come and it has not fired yet.

    `state`: `overdue` steps; `unacknowledged` ones, to come or fired, of what nobody has in hand; `nobody`: fired, and still nobody has it.
    `agent`: those of which this agent was told, by their key in the roster or their Zendesk id.
    """
    name = "escalations" if order == "latest" else "escalations_soonest"
    number = None if severity is None else whole_number("query", "severity", severity, 1, 99)
    wanted, soonest = Filter(status, state, case, number, queue, agent), order == "soonest"
    found = await services.ask(
        escalations.listed,
        wanted,
        services.clock.now(),
        page.limit + 1,
        page.after_instant(name),
        soonest=soonest,
        restricted=services.restricted,
    )
    return page.of(name, found, lambda step: (instant_part(step.due_at), step.id))


@routes.post("/{escalation_id}/acknowledge", responses=refuses(409))
async def acknowledge_escalation(services: Made, by: Supervisor, escalation_id: Id, body: Noted | None = None) -> EscalationShown:
    """Acknowledge the case that this step is about."""
    step = await services.ask(escalations.show, escalation_id, services.clock.now(), services.restricted)
    await services.edit(by.name, casework.acknowledge, step.case_id, body.note if body else None)
    return await services.ask(escalations.show, escalation_id, services.clock.now(), services.restricted)

"""The inbox as people see it: what was heard, what became of it, and another try for what got stuck."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from tsbridge.acts import events
from tsbridge.acts.callers import Caller
from tsbridge.acts.events import Event, EventWhole
from tsbridge.store import views
from tsbridge.web.inputs import Id
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.problems import refuses
from tsbridge.web.roles import Ops
from tsbridge.web.route import ApiRoute, Made
from tsbridge.web.services import Services

routes = APIRouter(route_class=ApiRoute, prefix="/v1/events", tags=["events"])


@routes.get("")
async def list_events(
    services: Made,
    by: Ops,
    page: Paged,
    status: Annotated[events.Status | None, Query()] = None,
    source: Annotated[events.Source | None, Query()] = None,
) -> Listed[Event]:
    """Deliveries, newest first, quarantine and dead letters included."""
    found = await services.ask(events.listed, page.limit + 1, page.after_number("events"), status, source)
    return page.of("events", found, lambda event: (event.seq,))


@routes.get("/{event_id}")
async def show_event(services: Made, by: Ops, event_id: Id) -> EventWhole:
    """One delivery with its bytes as they came, the moments it told and the decisions it led to. That somebody read about a
    severe or restricted case is put on record."""
    return await _shown(services, by, event_id)


@routes.post("/{event_id}/retry", responses=refuses(409))
async def retry_event(services: Made, by: Ops, event_id: Id) -> EventWhole:
    """Work on a quarantined, dead or ignored delivery once more; 409 for one that is done or still waiting."""
    await services.act(by, events.retry, event_id)
    services.wake()
    return await _shown(services, by, event_id)


async def _shown(services: Services, by: Caller, event_id: str) -> EventWhole:
    found = await services.ask(events.show, event_id)
    for about in await services.ask(views.cases_of_event, event_id) or [event_id]:
        await services.looked(by, about, "delivery")
    return found

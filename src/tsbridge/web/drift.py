"""Drift: what tickets read against what we saw to, with the cause and when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from tsbridge.acts import writebacks
from tsbridge.acts.writebacks import DriftItem
from tsbridge.web.inputs import Word
from tsbridge.web.pages import Listed, Paged, instant_part
from tsbridge.web.roles import Supervisor
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/drift", tags=["drift"])

Cause = Annotated[writebacks.Cause | None, Query(description="Only differences with this cause.")]


@routes.get("")
async def list_drift(services: Made, by: Supervisor, page: Paged, ticket: Word = None, cause: Cause = None) -> Listed[DriftItem]:
    """Differences that stand, newest first. `policy`: `accept` leaves it, `heal` writes it again, `ask` is for you to settle."""
    found = await services.ask(writebacks.drifted, page.limit + 1, page.after_instant("drift"), ticket, cause)
    return page.of("drift", found, lambda one: (instant_part(one.found_at), one.id))

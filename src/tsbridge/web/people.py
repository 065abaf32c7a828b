"""People who are to be forgotten: what there is of them, that it goes, and the certificates of those who were."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from tsbridge.acts import erasing
from tsbridge.acts.erasing import Erasure, ErasurePlan
from tsbridge.web.inputs import Id
from tsbridge.web.pages import Listed, Paged, instant_part
from tsbridge.web.roles import Admin
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["people"])

AT_ONCE: Final = timedelta(seconds=10)
"""How long an answer waits for an erasure to be done."""

Somebody = Annotated[str, Path(min_length=1, max_length=320, pattern=r"^[^\x00-\x1f\x7f\ufffd]+$")]
"""An e-mail address, a phone number, the id of a Zendesk user or of a Talkdesk contact."""
PlanOnly = Annotated[Literal["true", "false"], Query(alias="plan")]


@routes.delete("/people/{person}", responses={202: {"model": Erasure, "description": "It is begun, and goes on by itself."}})
async def erase_person(
    services: Made, by: Admin, response: Response, person: Somebody, plan_only: PlanOnly = "false"
) -> ErasurePlan | Erasure:
    """Forget a person. With `plan=true` nothing goes: what there is of them, by table. Else the erasure, with its certificate when it is
    done; 202 while it goes on. 404 where nobody is known by that, or more than one person can have."""
    asked = erasing.named(person)
    if plan_only == "true":
        return await services.ask(erasing.plan, asked)
    id_ = await services.act(by, erasing.begin, services.ids, asked)
    services.gate.security.saw("erased")
    until = services.clock.now() + AT_ONCE
    while await services.forget() and services.clock.now() < until:
        continue
    found = await services.ask(erasing.show, id_)
    if found.status != "done":
        response.status_code = 202
    response.headers["Location"] = f"/v1/erasures/{id_}"
    return found


@routes.get("/erasures")
async def list_erasures(services: Made, by: Admin, page: Paged) -> Listed[Erasure]:
    """Who was forgotten, newest first: when, by whom, how much, never who it was."""
    found = await services.ask(erasing.listed, page.limit + 1, page.after_instant("erasures"))
    return page.of("erasures", found, lambda one: (instant_part(one.asked_at), one.id))


@routes.get("/erasures/{erasure_id}")
async def show_erasure(services: Made, by: Admin, erasure_id: Id) -> Erasure:
    """How far it is; its certificate once it is done."""
    return await services.ask(erasing.show, erasure_id)

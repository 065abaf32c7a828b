"""Overrides: swaps, extra shifts and time off, which a supervisor makes in a second. Never a new version of the roster."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from tsbridge.acts import overriding
from tsbridge.acts.errors import Conflict, Invalid
from tsbridge.acts.overriding import OverrideShown, Wanted
from tsbridge.store import rosters as store
from tsbridge.web.inputs import Body, Id, Line, Time, TimeQuery, Word, query_time
from tsbridge.web.pages import Listed, Paged, instant_part
from tsbridge.web.problems import refuses
from tsbridge.web.roles import Supervisor, Viewer
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/overrides", tags=["roster"])

Why = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*$")]


class NewOverride(Body):
    """From `from` (included) to `to` (excluded). `oncall`: `agent` has `rotation`, or answers for `queue`, instead of `instead_of` or of
    whoever would; `shift`: `agent` works; `off`: `agent` is away. Agents by key, or by the number of their Zendesk user."""

    kind: Literal["oncall", "shift", "off"]
    agent: Line | int
    instead_of: Line | int | None = None
    rotation: Line | None = None
    queue: Line | None = None
    since: Time = Field(alias="from")
    until: Time = Field(alias="to")
    why: Why


@routes.get("")
async def list_overrides(
    services: Made,
    by: Viewer,
    page: Paged,
    agent: Word = None,
    since: Annotated[TimeQuery, Query(alias="from", description="Those that hold some time from here on.")] = None,
    until: Annotated[TimeQuery, Query(alias="to", description="Those that hold some time before.")] = None,
) -> Listed[OverrideShown]:
    """Overrides, the latest start first; past and removed ones as well, with who did what when."""
    start, end = query_time("from", since), query_time("to", until)
    rows = await services.ask(store.listed, page.limit + 1, page.after_instant("overrides"), agent=agent, since=start, until=end)
    return page.of("overrides", [overriding.shown(row) for row in rows], lambda one: (instant_part(one.start), one.id))


@routes.post("", status_code=201, responses=refuses(409))
async def make_override(services: Made, by: Supervisor, body: NewOverride, response: Response) -> OverrideShown:
    """Keep an override. 409 without a roster; 422 when it names nobody, or another one of its kind says who has the same at the time."""
    wanted = Wanted(body.kind, body.agent, body.since, body.until, body.why, body.instead_of, body.rotation, body.queue)
    try:
        made = await services.act(by, overriding.make, services.roster, services.ids.new("ovr"), wanted)
    except store.Overlapping as found:
        words = f"The override {found.id} says who has this at that time; remove it first, or leave its time out."
        raise Invalid({"/from": words}, "override") from None
    except store.TooMany:
        raise Conflict(f"There are {store.MOST} overrides that are not over; what lasts belongs into the roster.") from None
    response.headers["Location"] = f"/v1/overrides/{made.id}"
    return made


@routes.get("/{override_id}")
async def show_override(services: Made, by: Viewer, override_id: Id) -> OverrideShown:
    """One override, also when it is over or was removed."""
    return await services.ask(overriding.show, override_id)


@routes.delete("/{override_id}", responses=refuses(409))
async def remove_override(services: Made, by: Supervisor, override_id: Id) -> OverrideShown:
    """Take an override away; what it did until now stays done, and it stays on record. 409 when it is over or was removed."""
    return await services.act(by, overriding.remove, override_id)

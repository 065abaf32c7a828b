"""Overrides: swaps, extra shifts and time off, which a supervisor makes in a second. Never a new version of the roster."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from tsbridge.acts import rostering
from tsbridge.core.roster import Override
from tsbridge.core.times import time_text
from tsbridge.store import rosters as store
from tsbridge.web.auth import Supervisor, Viewer
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import Body, Id, Line, Time, TimeQuery, Word, query_time
from tsbridge.web.pages import Paged, instant_part
from tsbridge.web.problems import Problem, error, not_found
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/overrides", tags=["roster"])

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
    desk: Made,
    by: Viewer,
    page: Paged,
    agent: Word = None,
    since: Annotated[TimeQuery, Query(alias="from", description="Those that hold some time from here on.")] = None,
    until: Annotated[TimeQuery, Query(alias="to", description="Those that hold some time before.")] = None,
) -> dict[str, Any]:
    """Overrides, the latest start first; past and removed ones as well, with who did what when."""
    before = page.after_instant("overrides")
    start, end = query_time("from", since), query_time("to", until)
    rows = await desk.database.read(lambda conn: store.listed(conn, page.limit + 1, before, agent=agent, since=start, until=end))
    return page.answer("overrides", rows, lambda row: (instant_part(row.override.start), row.override.id), override_item)


@routes.post("", status_code=201)
async def make_override(desk: Made, by: Supervisor, body: NewOverride, response: Response) -> dict[str, Any]:
    """Keep an override. 409 without a roster; 422 when it names nobody, or another one of its kind says who has the same at the time."""
    now = desk.clock.now()
    rota, book = await desk.database.read(lambda conn: (desk.roster.now(conn, now), rostering.rulebook_of(conn)))
    if rota is None:
        raise Problem(409, "There is no roster yet: publish one first.")
    roster = rota.roster
    one = Override(
        desk.ids.new("ovr"),
        body.kind,
        rostering.key_of(roster, body.agent),
        body.since,
        body.until,
        body.why.strip(),
        None if body.instead_of is None else rostering.key_of(roster, body.instead_of),
        body.rotation,
        body.queue,
    )
    _refuse(rostering.faulty(one, roster, book, now))
    try:
        made = await desk.database.write(partial(rostering.override, one=one, entry=desk.entry(by.name)), urgent=True)
    except store.Overlapping as found:
        _refuse({"from": f"The override {found.id} says who has this at that time; remove it first, or leave its time out."})
        raise
    except store.TooMany:
        raise Problem(409, f"There are {store.MOST} overrides that are not over; what lasts belongs into the roster.") from None
    response.headers["Location"] = f"/v1/overrides/{one.id}"
    return override_item(made)


@routes.get("/{override_id}")
async def show_override(desk: Made, by: Viewer, override_id: Id) -> dict[str, Any]:
    """One override, also when it is over or was removed."""
    return override_item(await _one(desk, override_id))


@routes.delete("/{override_id}")
async def remove_override(desk: Made, by: Supervisor, override_id: Id) -> dict[str, Any]:
    """Take an override away; what it did until now stays done, and it stays on record. 409 when it is over or was removed."""
    found = await _one(desk, override_id)
    if found.removed_at is not None or found.override.end <= desk.clock.now():
        raise Problem(409, "This override is over; there is nothing to remove.")
    gone = await desk.database.write(partial(rostering.remove, id=override_id, entry=desk.entry(by.name)), urgent=True)
    if gone is None:
        raise Problem(409, "This override was removed meanwhile.")
    return override_item(gone)


def override_item(made: store.Made) -> dict[str, Any]:
    one = made.override
    return {
        "id": one.id,
        "kind": one.kind,
        "agent": one.agent,
        "instead_of": one.instead_of,
        "rotation": one.rotation,
        "queue": one.queue,
        "from": time_text(one.start),
        "to": time_text(one.end),
        "why": one.why,
        "made_at": time_text(made.made_at),
        "made_by": made.made_by,
        "removed_at": time_text(made.removed_at),
        "removed_by": made.removed_by,
    }


async def _one(desk: Desk, id: str) -> store.Made:
    found = await desk.database.read(lambda conn: store.override(conn, id))
    if found is None:
        raise not_found("override")
    return found


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        errors = [error("body", f"#/{name}", words, "override") for name, words in wrong.items()]
        raise Problem(422, "The request is not valid.", errors=errors)

"""Open cases judged anew by the live rulebook: what would change, and, when asked, changed. Both are jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field

from tsbridge.acts import rejudging
from tsbridge.acts.rejudging import RejudgeMove, RejudgeShown, RejudgeWhole
from tsbridge.store.rejudges import Filter
from tsbridge.store.versions import BIGGEST_VERSION
from tsbridge.web.inputs import Body, Id, Line, Prose, Time
from tsbridge.web.pages import Listed, Paged, instant_part
from tsbridge.web.problems import invalid, refuses
from tsbridge.web.roles import Ops
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/cases/rejudge", tags=["cases"])


class OpenCases(Body):
    """Which of the open cases; all that is named must hold. `from` (inclusive) and `to`: when they were opened. `rule`, `version`: one of
    their decisions in force was by it. `person` as in `GET /v1/cases`.
    """

    ticket: Line | None = None
    call: Line | None = None
    person: Line | None = None
    queue: Line | None = None
    severity: int | None = Field(default=None, ge=1, le=99)
    category: Line | None = None
    rule: Line | None = None
    version: int | None = Field(default=None, ge=1, le=BIGGEST_VERSION)
    since: Time | None = Field(default=None, alias="from")
    until: Time | None = Field(default=None, alias="to")
    status: Literal["open"] = "open"


class NewRejudge(Body):
    """`apply`: change the cases, not only tell. `notify`: what is asked for anew is told, and steps that are overdue fire. `version`: the
    live one that this is meant for; another one refuses."""

    filter: OpenCases = OpenCases()
    apply: bool = False
    notify: bool = False
    note: Prose | None = None
    version: int | None = Field(default=None, ge=1, le=BIGGEST_VERSION)


@dataclass(frozen=True, slots=True)
class RejudgeMade:
    id: str


@routes.post("", status_code=202, responses=refuses(409))
async def start_rejudge(services: Made, by: Ops, response: Response, body: NewRejudge | None = None) -> RejudgeMade:
    """Queue a plan, or with `apply` the change itself. It steps aside for live work. 409 when another `version` is live."""
    asked = body or NewRejudge()
    wanted = asked.filter
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise invalid("body", "#/filter/to", "Expected a time that is not before `from`.")
    named = {name: getattr(wanted, name) for name in ("ticket", "call", "queue", "severity", "category", "rule", "version")}
    cases = Filter(**named, opened_from=wanted.since, opened_to=wanted.until)
    how = {name: getattr(asked, name) for name in ("apply", "notify", "note", "version")}
    id_ = await services.act(by, rejudging.start, services.ids, cases, person=wanted.person, **how)
    services.wake_replay()
    response.headers["Location"] = f"/v1/cases/rejudge/{id_}"
    return RejudgeMade(id_)


@routes.get("")
async def list_rejudges(services: Made, by: Ops, page: Paged) -> Listed[RejudgeShown]:
    """Plans and changes, newest first, without what they found."""
    found = await services.ask(rejudging.listed, page.limit + 1, page.after_instant("rejudges"))
    return page.of("rejudges", found, lambda job: (instant_part(job.created_at), job.id))


@routes.get("/{rejudge_id}")
async def show_rejudge(services: Made, by: Ops, rejudge_id: Id) -> RejudgeWhole:
    """How far it is, and what would change, or was changed, so far."""
    return await services.ask(rejudging.show, rejudge_id, services.zone)


@routes.delete("/{rejudge_id}", status_code=204, responses=refuses(409))
async def cancel_rejudge(services: Made, by: Ops, rejudge_id: Id) -> None:
    """Stop it; what was changed so far stays. 409 when it is over."""
    await services.act(by, rejudging.cancel, rejudge_id)


@routes.get("/{rejudge_id}/moves")
async def list_rejudge_moves(services: Made, by: Ops, rejudge_id: Id, page: Paged) -> Listed[RejudgeMove]:
    """Every case that is otherwise by the live rulebook, in the order of their ids."""
    name = f"rejudge:{rejudge_id}"
    found = await services.ask(rejudging.moves, rejudge_id, page.limit + 1, page.after_number(name) or 0)
    return page.of(name, found, lambda move: (move.seq,))

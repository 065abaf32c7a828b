"""Cases: what belongs together, where it stands and why; and what people do to them and to the moments of their stories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from sqlalchemy import Connection

from tsbridge.acts import cases, casework, escalations, queues, timeline
from tsbridge.acts.cases import Case
from tsbridge.acts.casework import CaseSplit, Withdrawn
from tsbridge.acts.escalations import Escalation
from tsbridge.acts.explained import Explained, explained
from tsbridge.acts.people import handles_of
from tsbridge.acts.queues import AssignmentShown
from tsbridge.acts.shape import like
from tsbridge.acts.timeline import TimelineEntry
from tsbridge.core.moments import Interaction
from tsbridge.store import routing, views
from tsbridge.store.views import CaseFilter
from tsbridge.web.explained import Nearby
from tsbridge.web.inputs import Body, Id, Line, NumberQuery, Prose, Word, whole_number
from tsbridge.web.pages import Listed, Paged, instant_of, instant_part
from tsbridge.web.problems import invalid, refuses
from tsbridge.web.roles import Supervisor, Viewer
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["cases"])

SETTINGS: Final = ("severity", "category", "queue", "assignee", "priority")
LOOK_BACK: Final = 200
"""How many decisions of a case are looked through for the ones that set what stands."""


class Noted(Body):
    note: Prose | None = None


class Note(Body):
    note: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]


class Assignment(Body):
    agent: Line
    note: Prose | None = None


class Merge(Body):
    """`case_id`: the other case, whose interactions come over."""

    case_id: Line


class Part(Body):
    source: Literal["zendesk", "talkdesk"]
    id: Line


class Split(Body):
    """`interaction`: the one that leaves."""

    interaction: Part


@dataclass(frozen=True, slots=True)
class SetBy:
    value: Any
    decision_id: str
    since: datetime
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseExplained:
    id: str
    case: Case
    set_by: dict[str, SetBy | None]
    decision: Explained | None
    escalations: list[Escalation]
    assignments: list[AssignmentShown]


@dataclass(frozen=True, slots=True)
class CaseAssigned(Case):
    zendesk_asked: bool


@routes.get("/cases")
async def list_cases(
    services: Made,
    by: Viewer,
    page: Paged,
    ticket: Word = None,
    call: Word = None,
    person: Word = None,
    queue: Word = None,
    severity: NumberQuery = None,
    status: Annotated[Literal["open", "resolved"] | None, Query()] = None,
) -> Listed[Case]:
    """Cases, newest first. `person` is an e-mail address, a phone number, or the id of a Zendesk user or Talkdesk contact."""
    wanted = CaseFilter(
        ticket=ticket,
        call=call,
        people=handles_of(person) if person else (),
        queue=queue,
        status=status,
        severity=None if severity is None else whole_number("query", "severity", severity, 1, 99),
    )
    found = await services.ask(cases.listed, wanted, page.limit + 1, page.after_instant("cases"))
    return page.of("cases", found, lambda case: (instant_part(case.opened_at), case.id))


@routes.get("/cases/{case_id}")
async def show_case(services: Made, by: Viewer, case_id: Id) -> Case:
    """One case. An id that went into another case by a merge leads there."""
    return await services.ask(cases.show, case_id)


@routes.get("/cases/{case_id}/timeline")
async def case_timeline(services: Made, by: Viewer, page: Paged, case_id: Id) -> Listed[TimelineEntry]:
    """What happened, what was concluded, what people did, who was told, and what falls due; oldest first.

    What was withdrawn stands there as such. That somebody read a severe case is put on record.
    """
    last = page.after("timeline", int, int, str)
    after = None if last is None else (instant_of(last[0]), int(last[1]), str(last[2]))
    found = await services.ask(timeline.of_case, case_id, page.limit + 1, after, services.reader(by))
    await services.looked(by, case_id, "timeline")

    def key(entry: TimelineEntry) -> tuple[int, int, str]:
        at, rank, id_ = timeline.place(entry)
        return instant_part(at), rank, id_

    return page.of("timeline", found, key)


@routes.get("/cases/{case_id}/explain")
async def explain_case(services: Made, by: Viewer, case_id: Id, near: Nearby) -> CaseExplained:
    """Why the case stands where it stands: its links, the decision that set each value, the latest one explained, and to whom the desk
    gave it, with everybody else and why not. That somebody read a severe case is put on record."""
    now = services.clock.now()

    def explain(conn: Connection) -> CaseExplained:
        case = cases.show(conn, case_id)
        decisions = routing.decisions_of_case(conn, case.id, LOOK_BACK)
        return CaseExplained(
            case.id,
            case,
            {name: _set_by(name, decisions) for name in SETTINGS},
            explained(conn, services.live, decisions[0]["id"], near, services.reader(by)) if decisions else None,
            escalations.of_case(conn, case.id, now, LOOK_BACK),
            queues.given(conn, case.id, LOOK_BACK),
        )

    found = await services.ask(explain)
    await services.looked(by, found.id, "explanation")
    return found


@routes.post("/cases/{case_id}/acknowledge", responses=refuses(409))
async def acknowledge_case(services: Made, by: Supervisor, case_id: Id, body: Noted | None = None) -> Case:
    """Somebody has it in hand. Policies that stop when a case is acknowledged do so."""
    return await services.edit(by.name, casework.acknowledge, case_id, body.note if body else None)


@routes.post("/cases/{case_id}/resolve", responses=refuses(409))
async def resolve_case(services: Made, by: Supervisor, case_id: Id, body: Noted | None = None) -> Case:
    """The case is over as far as the desk is concerned; time wakes it no more."""
    return await services.edit(by.name, casework.resolve, case_id, body.note if body else None)


@routes.post("/cases/{case_id}/note", responses=refuses(409))
async def note_case(services: Made, by: Supervisor, case_id: Id, body: Note) -> Case:
    """Write a note on the case's timeline and, as an internal one, on its ticket."""
    return await services.edit(by.name, casework.note, case_id, body.note)


@routes.post("/cases/{case_id}/assign", responses=refuses(409))
async def assign_case(services: Made, by: Supervisor, case_id: Id, body: Assignment) -> Case | CaseAssigned:
    """Give the case to an agent, by their key in the roster or by a Zendesk user's id; that user is written to the case's tickets.

    An id has to be that of an agent. `zendesk_asked` is false when Zendesk could not be asked who that is: then a refusal of Zendesk's
    parks the part by name.
    """
    is_id = body.agent.isascii() and body.agent.isdigit()
    known = await services.names.is_agent(body.agent) if is_id else None
    if known is False:
        raise invalid("body", "#/agent", "Expected the id of an agent or admin who is active at Zendesk.", code="unknown_agent")
    case = await services.edit(by.name, casework.assign, case_id, body.agent, body.note)
    if not is_id:
        return case
    return like(CaseAssigned, case, zendesk_asked=known is not None)


@routes.post("/cases/{case_id}/merge", responses=refuses(409))
async def merge_case(services: Made, by: Supervisor, case_id: Id, body: Merge) -> Case:
    """Bring the interactions of another case into this one. Undone by `split`."""
    return await services.edit(by.name, casework.merge, case_id, body.case_id)


@routes.post("/cases/{case_id}/split", responses=refuses(409))
async def split_case(services: Made, by: Supervisor, case_id: Id, body: Split) -> CaseSplit:
    """Take one interaction out of the case. Answers with the case that stays; `split_off` names where the other went."""
    return await services.edit(by.name, casework.split, case_id, Interaction(body.interaction.source, body.interaction.id))


class Withdrawal(Body):
    """`reason`: stands in the audit and on the timeline; the moment's words do not."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00\ufffd]*[^\s\x00\ufffd][^\x00\ufffd]*$")]


@routes.post("/moments/{moment_id}/withdraw")
async def withdraw_moment(services: Made, by: Supervisor, moment_id: Id, body: Withdrawal) -> Withdrawn:
    """Take a wrong moment out of its story: it stays on record, the case is judged again without it. Done twice, the first stands."""
    return await services.edit(by.name, casework.withdraw, moment_id, body.reason)


def _set_by(name: str, decisions: list[views.Row]) -> SetBy | None:
    """The decision since which `name` stands as it stands now; decisions come latest first, outcomes say what stood after each."""
    if not decisions or decisions[0]["outcome"].get(name) is None:
        return None
    value = decisions[0]["outcome"][name]
    since = decisions[0]
    for row in decisions[1:]:
        if row["outcome"].get(name) != value:
            break
        since = row
    return SetBy(value, since["id"], since["at"], tuple(key for key, _ in since["matched"]))

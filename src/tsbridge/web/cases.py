"""Cases: what belongs together, where it stands and why; and what people do to them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from sqlalchemy import Connection

from tsbridge.core.moments import Interaction
from tsbridge.core.ports import Refusal
from tsbridge.core.times import time_text
from tsbridge.store import agents, assignments, routing, views
from tsbridge.store import steps as steps_of
from tsbridge.web.auth import Supervisor, Viewer
from tsbridge.web.desk import Desk, Made
from tsbridge.web.explained import Nearby, explained
from tsbridge.web.inputs import Body, Id, Line, NumberQuery, Prose, Word, whole_number
from tsbridge.web.notifications import notification_item
from tsbridge.web.pages import Key, Paged, instant_of, instant_part
from tsbridge.web.problems import Problem, invalid, not_found
from tsbridge.web.route import DeskRoute
from tsbridge.web.shapes import assignment_item, case_item, escalation_item, moment_item

routes = APIRouter(route_class=DeskRoute, prefix="/v1/cases", tags=["cases"])

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


@routes.get("")
async def list_cases(
    desk: Made,
    by: Viewer,
    page: Paged,
    ticket: Word = None,
    call: Word = None,
    person: Word = None,
    queue: Word = None,
    severity: NumberQuery = None,
    status: Annotated[Literal["open", "resolved"] | None, Query()] = None,
) -> dict[str, Any]:
    """Cases, newest first. `person` is an e-mail address, a phone number, or the id of a Zendesk user or Talkdesk contact."""
    wanted = views.CaseFilter(
        ticket=ticket,
        call=call,
        people=person_handles(person) if person else (),
        queue=queue,
        status=status,
        severity=None if severity is None else whole_number("query", "severity", severity, 1, 99),
    )
    after = page.after_instant("cases")

    def read(conn: Connection) -> tuple[list[views.Row], Any, Any]:
        rows = views.case_list(conn, wanted, page.limit + 1, after)
        return rows, views.interactions_of(conn, [row["id"] for row in rows]), agents.keys(conn)

    rows, interactions, keys = await desk.database.read(read)
    return page.answer("cases", rows, _case_key, lambda row: case_item(row, interactions[row["id"]], keys))


@routes.get("/{case_id}")
async def show_case(desk: Made, by: Viewer, case_id: Id) -> dict[str, Any]:
    """One case. An id that went into another case by a merge leads there."""
    return await _case(desk, case_id)


@routes.get("/{case_id}/timeline")
async def case_timeline(desk: Made, by: Viewer, page: Paged, case_id: Id) -> dict[str, Any]:
    """What happened, what was concluded, what people did, who was told, and what falls due; oldest first.

    What was withdrawn stands there as such.
    """
    last = page.after("timeline", int, int, str)
    after = None if last is None else (instant_of(last[0]), int(last[1]), str(last[2]))

    def read(conn: Connection) -> list[views.Entry] | None:
        row = views.case(conn, case_id)
        return None if row is None else views.timeline(conn, row["id"], page.limit + 1, after)

    entries = await desk.database.read(read)
    if entries is None:
        raise not_found("case")
    return page.answer("timeline", entries, lambda entry: (instant_part(entry.at), entry.rank, entry.id), _entry)


@routes.get("/{case_id}/explain")
async def explain_case(desk: Made, by: Viewer, case_id: Id, near: Nearby) -> dict[str, Any]:
    """Why the case stands where it stands: its links, the decision that set each value, the latest one explained, and to whom the desk
    gave it, with everybody else and why not."""

    def read(conn: Connection) -> Any:
        row = views.case(conn, case_id)
        if row is None:
            return None
        decisions = routing.decisions_of_case(conn, row["id"], LOOK_BACK)
        latest = explained(conn, desk.live, decisions[0]["id"], near) if decisions else None
        steps = steps_of.listed(conn, steps_of.Filter(case_id=row["id"]), desk.clock.now(), LOOK_BACK)
        given = assignments.of_case(conn, row["id"], LOOK_BACK)
        keys = agents.keys(conn)
        shown = case_item(row, views.interactions_of(conn, [row["id"]])[row["id"]], keys)
        return (shown, decisions, latest, [escalation_item(step, desk.clock.now(), keys) for step in steps], given)

    found = await desk.database.read(read)
    if found is None:
        raise not_found("case")
    case, decisions, latest, steps, given = found
    return {
        "id": case["id"],
        "case": case,
        "set_by": {name: _set_by(name, decisions) for name in SETTINGS},
        "decision": latest,
        "escalations": steps,
        "assignments": [assignment_item(row) for row in given],
    }


@routes.post("/{case_id}/acknowledge")
async def acknowledge_case(desk: Made, by: Supervisor, case_id: Id, body: Noted | None = None) -> dict[str, Any]:
    """Somebody has it in hand. Policies that stop when a case is acknowledged do so."""
    return await done(desk, desk.cases.acknowledge(case_id, by.name, body.note if body else None))


@routes.post("/{case_id}/resolve")
async def resolve_case(desk: Made, by: Supervisor, case_id: Id, body: Noted | None = None) -> dict[str, Any]:
    """The case is over as far as the desk is concerned; time wakes it no more."""
    return await done(desk, desk.cases.resolve(case_id, by.name, body.note if body else None))


@routes.post("/{case_id}/note")
async def note_case(desk: Made, by: Supervisor, case_id: Id, body: Note) -> dict[str, Any]:
    """Write a note on the case's timeline and, as an internal one, on its ticket."""
    return await done(desk, desk.cases.note(case_id, by.name, body.note))


@routes.post("/{case_id}/assign")
async def assign_case(desk: Made, by: Supervisor, case_id: Id, body: Assignment) -> dict[str, Any]:
    """Give the case to an agent, by their key in the roster or by a Zendesk user's id; that user is written to the case's tickets.

    An id has to be that of an agent. `zendesk_asked` is false when Zendesk could not be asked who that is: then a refusal of Zendesk's
    parks the part by name.
    """
    if not (body.agent.isascii() and body.agent.isdigit()):
        return await done(desk, desk.cases.assign(case_id, by.name, body.agent, body.note))
    known = await desk.names.is_agent(body.agent)
    if known is False:
        raise invalid("body", "#/agent", "Expected the id of an agent or admin who is active at Zendesk.", code="unknown_agent")
    case = await done(desk, desk.cases.assign(case_id, by.name, body.agent, body.note))
    return {**case, "zendesk_asked": known is not None}


@routes.post("/{case_id}/merge")
async def merge_case(desk: Made, by: Supervisor, case_id: Id, body: Merge) -> dict[str, Any]:
    """Bring the interactions of another case into this one. Undone by `split`."""
    return await done(desk, desk.cases.merge(case_id, body.case_id, by.name))


@routes.post("/{case_id}/split")
async def split_case(desk: Made, by: Supervisor, case_id: Id, body: Split) -> dict[str, Any]:
    """Take one interaction out of the case. Answers with the case that stays; `split_off` names where the other went."""
    there = Interaction(body.interaction.source, body.interaction.id)
    split_off = (await done(desk, desk.cases.split(case_id, there, by.name)))["id"]
    return {**await _case(desk, case_id), "split_off": split_off}


async def done(desk: Desk, edit: Awaitable[str]) -> dict[str, Any]:
    """The case after a person's edit."""
    try:
        case_id = await edit
    except LookupError:
        raise not_found("case") from None
    except Refusal as refusal:
        raise Problem(409, refusal.detail) from None
    desk.wake_writer()
    return await _case(desk, case_id)


def person_handles(person: str) -> tuple[tuple[str, str], ...]:
    """What `person` may be as a handle of `core.moments`."""
    if "@" in person:
        return (("email", person.strip().lower()),)
    import phonenumbers

    found = [("zendesk_user", person), ("talkdesk_contact", person)]
    try:
        number = phonenumbers.parse(person if person.startswith("+") else "+" + person.lstrip())
        found.append(("phone", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)))
    except phonenumbers.NumberParseException:
        pass
    return tuple(found)


async def _case(desk: Desk, case_id: str) -> dict[str, Any]:
    def read(conn: Connection) -> dict[str, Any] | None:
        row = views.case(conn, case_id)
        return None if row is None else case_item(row, views.interactions_of(conn, [row["id"]])[row["id"]], agents.keys(conn))

    shown = await desk.database.read(read)
    if shown is None:
        raise not_found("case")
    return shown


def _case_key(row: views.Row) -> Key:
    return (instant_part(row["opened_at"]), row["id"])


def _entry(entry: views.Entry) -> dict[str, Any]:
    return {"id": entry.id, "kind": entry.kind, "at": time_text(entry.at), **_ENTRIES[entry.kind](entry.row)}


def _moment(row: views.Row) -> dict[str, Any]:
    body = row["body"]
    told = {name: body[name] for name in ("facts", "changes", "texts", "names", "at_known")}
    actor = dict(zip(("kind", "id", "email"), body["actor"], strict=False))
    return {**moment_item(row), "actor": actor, **told}


def _decision(row: views.Row) -> dict[str, Any]:
    return {
        "event": row["event"],
        "interaction": {"source": row["source"], "id": row["interaction"]},
        "rulebook_version": row["rulebook_version"],
        "rules": [{"key": key, "kind": kind} for key, kind in row["matched"]],
        "outcome": row["outcome"],
        "superseded_by": row["superseded_by"],
    }


def _change(row: views.Row) -> dict[str, Any]:
    return {name: row[name] for name in ("actor", "action", "before", "after")}


def _step(row: views.Row) -> dict[str, Any]:
    return {"policy": row["policy"], "step": row["step"], "status": row["status"]}


def _telling(row: views.Row) -> dict[str, Any]:
    names = ("policy", "step", "rule", "kind", "to", "way", "status", "reason", "late")
    item = notification_item(row)
    return {"telling" if name == "kind" else name: item[name] for name in names}


_ENTRIES: Final = {"moment": _moment, "decision": _decision, "change": _change, "escalation": _step, "notification": _telling}


def _set_by(name: str, decisions: list[views.Row]) -> dict[str, Any] | None:
    """The decision since which `name` stands as it stands now; decisions come latest first, outcomes say what stood after each."""
    if not decisions or decisions[0]["outcome"].get(name) is None:
        return None
    value = decisions[0]["outcome"][name]
    since = decisions[0]
    for row in decisions[1:]:
        if row["outcome"].get(name) != value:
            break
        since = row
    return {"value": value, "decision_id": since["id"], "since": time_text(since["at"]), "rules": [key for key, _ in since["matched"]]}

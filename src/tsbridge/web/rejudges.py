"""Open cases judged anew by the live rulebook: what would change, and, when asked, changed. Both are jobs."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Connection

from tsbridge.acts.people import handles_of
from tsbridge.core.ports import Refusal
from tsbridge.core.replay import Tally
from tsbridge.core.times import time_text
from tsbridge.store import rejudges, replays
from tsbridge.store.rejudges import ask, end
from tsbridge.store.replays import Job, TooManyOpen
from tsbridge.store.versions import BIGGEST_VERSION
from tsbridge.web.auth import Ops
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import Body, Id, Line, Prose, Time
from tsbridge.web.pages import Paged, instant_part
from tsbridge.web.problems import Problem, busy, invalid, not_found, refuses
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/cases/rejudge", tags=["cases"])


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


@routes.post("", status_code=202, responses=refuses(409))
async def start_rejudge(desk: Made, by: Ops, response: Response, body: NewRejudge | None = None) -> dict[str, Any]:
    """Queue a plan, or with `apply` the change itself. It steps aside for live work. 409 when another `version` is live."""
    wanted = body or NewRejudge()
    if wanted.filter.since is not None and wanted.filter.until is not None and wanted.filter.since > wanted.filter.until:
        raise invalid("body", "#/filter/to", "Expected a time that is not before `from`.")
    people = handles_of(wanted.filter.person) if wanted.filter.person else None
    now, salt = desk.clock.now(), desk.salt()

    def write(conn: Connection) -> str:
        return ask(
            conn,
            chosen(conn, wanted.filter, people),
            ids=desk.ids,
            at=now,
            by=by.name,
            salt=salt,
            apply=wanted.apply,
            notify=wanted.notify,
            note=wanted.note,
            version=wanted.version,
        )

    try:
        id_ = await desk.database.write(write, urgent=True)
    except Refusal as refusal:
        raise Problem(409, refusal.detail) from None
    except TooManyOpen as full:
        raise busy(full) from None
    desk.wake_replay()
    response.headers["Location"] = f"/v1/cases/rejudge/{id_}"
    return {"id": id_}


@routes.get("")
async def list_rejudges(desk: Made, by: Ops, page: Paged) -> dict[str, Any]:
    """Plans and changes, newest first, without what they found."""
    before = page.after_instant("rejudges")
    rows = await desk.database.read(lambda conn: replays.listed(conn, page.limit + 1, before, rejudges=True))
    return page.answer("rejudges", rows, lambda job: (instant_part(job.created_at), job.id), shown)


@routes.get("/{rejudge_id}")
async def show_rejudge(desk: Made, by: Ops, rejudge_id: Id) -> dict[str, Any]:
    """How far it is, and what would change, or was changed, so far."""
    job = await _job(desk, rejudge_id)
    return {**shown(job), "summary": summary(job, desk.zone)}


@routes.delete("/{rejudge_id}", status_code=204, responses=refuses(409))
async def cancel_rejudge(desk: Made, by: Ops, rejudge_id: Id) -> None:
    """Stop it; what was changed so far stays. 409 when it is over."""
    salt, now = desk.salt(), desk.clock.now()

    def write(conn: Connection) -> bool | None:
        job = replays.find(conn, rejudge_id)
        if job is None or job.rejudge is None:
            return None
        return end(conn, job, "cancelled", None, ids=desk.ids, at=now, by=by.name, salt=salt)

    done = await desk.database.write(write, urgent=True)
    if done is None:
        raise not_found("rejudge")
    if not done:
        raise Problem(409, "This rejudge is over already.")


@routes.get("/{rejudge_id}/moves")
async def list_rejudge_moves(desk: Made, by: Ops, rejudge_id: Id, page: Paged) -> dict[str, Any]:
    """Every case that is otherwise by the live rulebook, in the order of their ids."""
    await _job(desk, rejudge_id)
    name = f"rejudge:{rejudge_id}"
    after = page.after_number(name) or 0
    rows = await desk.database.read(lambda conn: replays.moves(conn, rejudge_id, page.limit + 1, after))
    return page.answer(name, rows, lambda row: (row["seq"],), move)


def chosen(conn: Connection, wanted: OpenCases, people: tuple[tuple[str, str], ...] | None) -> rejudges.Filter:
    """The filter as a job keeps it: a person by the cases they have now. Raises the 422 for one who has too many."""
    among = None if people is None else rejudges.of_person(conn, people)
    if people is not None and among is None:
        raise invalid("body", "#/filter/person", f"Expected a person with at most {rejudges.MOST_OF_A_PERSON} open cases.")
    named = {name: getattr(wanted, name) for name in ("ticket", "call", "queue", "severity", "category", "rule", "version")}
    return rejudges.Filter(**named, opened_from=wanted.since, opened_to=wanted.until, among=among)


def move(row: dict[str, Any]) -> dict[str, Any]:
    """A case as it stands, and as it stands by the live rulebook; of its wishes only those that differ."""
    before, after = dict(row["before"]), dict(row["after"])
    was, wished = before.pop("wishes"), after.pop("wishes")
    tickets = [ticket for ticket in sorted({*was, *wished}) if was.get(ticket) != wished.get(ticket)]
    return {
        "id": f"{row['replay_id']}:{row['seq']}",
        "case_id": row["case_id"],
        "ticket": row["ticket"],
        "at": time_text(row["at"]),
        "from": before,
        "to": after,
        "wishes": [{"ticket": ticket, "from": was.get(ticket), "to": wished.get(ticket)} for ticket in tickets],
    }


def shown(job: Job) -> dict[str, Any]:
    asked = {name: job.rejudge[name] for name in ("version", "apply", "notify", "note")}
    return {
        "id": job.id,
        "status": job.status,
        "reason": job.reason,
        "done": job.done,
        "total": job.total,
        **asked,
        "filter": job.rejudge["filter"],
        "created_at": time_text(job.created_at),
        "created_by": job.created_by,
        "finished_at": time_text(job.finished_at),
    }


def summary(job: Job, zone: tzinfo) -> dict[str, Any]:
    counted = job.summary or Tally(zone).summary()
    moves = {name: counted[name] for name in ("changed", "queue_moves", "severity_moves", "tag_moves", "escalations")}
    return {"cases": counted["decisions"], **moves}


async def _job(desk: Desk, rejudge_id: str) -> Job:
    job = await desk.database.read(lambda conn: replays.find(conn, rejudge_id))
    if job is None or job.rejudge is None:
        raise not_found("rejudge")
    return job

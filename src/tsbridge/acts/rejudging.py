"""Open cases judged anew by the live rulebook: what would change, and, when asked, changed. Both are jobs, worked on by `work.rejudge`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from tsbridge.acts.errors import Conflict, Invalid, NotFound, TooMuch
from tsbridge.acts.ledger import Entry
from tsbridge.acts.moves import EscalationMoves, QueueMove, SeverityMove, StandShown, TagMove
from tsbridge.acts.people import handles_of
from tsbridge.acts.shape import Place, like
from tsbridge.core.ports import Ids
from tsbridge.core.replay import Tally
from tsbridge.store import rejudges, replays, rulebooks
from tsbridge.store.rejudges import Asked, Filter
from tsbridge.store.replays import Job


class RejudgeFilter(TypedDict):
    """As a job keeps it. `among`: a person's cases, who is not named."""

    ticket: NotRequired[str]
    call: NotRequired[str]
    queue: NotRequired[str]
    severity: NotRequired[int]
    category: NotRequired[str]
    rule: NotRequired[str]
    version: NotRequired[int]
    opened_from: NotRequired[str]
    opened_to: NotRequired[str]
    among: NotRequired[list[str]]


@dataclass(frozen=True, slots=True)
class RejudgeSummary:
    """`cases`: that were looked at; `changed`: that are otherwise by the live rulebook."""

    cases: int
    changed: int
    queue_moves: list[QueueMove]
    severity_moves: list[SeverityMove]
    escalations: EscalationMoves
    tag_moves: list[TagMove]


@dataclass(frozen=True, slots=True)
class RejudgeShown:
    id: str
    status: Literal["queued", "running", "done", "cancelled", "failed"]
    reason: str | None
    done: int
    total: int
    version: int
    apply: bool
    notify: bool
    note: str | None
    filter: RejudgeFilter
    created_at: datetime
    created_by: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RejudgeWhole(RejudgeShown):
    summary: RejudgeSummary


class CaseStand(StandShown):
    category: str | None
    next_due: str | None


class WishShown(TypedDict):
    """`values` by Zendesk's names, `custom:<id>` among them; `notes` by their keys."""

    tags: list[str]
    absent: list[str]
    values: dict[str, Any]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class WishMove:
    ticket: str
    before: Annotated[WishShown | None, Field(alias="from")]
    after: Annotated[WishShown | None, Field(alias="to")]


@dataclass(frozen=True, slots=True)
class RejudgeMove:
    """A case as it stands, and as it stands by the live rulebook; of its wishes only those that differ."""

    id: str
    seq: Place
    case_id: str
    ticket: str | None
    at: datetime
    before: Annotated[CaseStand, Field(alias="from")]
    after: Annotated[CaseStand, Field(alias="to")]
    wishes: tuple[WishMove, ...]


def start(
    conn: Connection,
    entry: Entry,
    ids: Ids,
    wanted: Filter,
    *,
    person: str | None = None,
    apply: bool = False,
    notify: bool = False,
    note: str | None = None,
    version: int | None = None,
) -> str:
    """Queue a plan, or with `apply` the change itself; returns its id. `person`: by the cases they have now.

    Raises `Conflict` when another `version` than the one expected is live, `Invalid` for a person with too many cases, `TooMuch`.
    """
    if person is not None:
        among = rejudges.of_person(conn, handles_of(person))
        if among is None:
            raise Invalid({"/filter/person": f"Expected a person with at most {rejudges.MOST_OF_A_PERSON} open cases."})
        wanted = replace(wanted, among=among)
    live = rulebooks.live(conn)
    if version is not None and version != live.version:
        raise Conflict(f"Version {live.version} is live by now.")
    id_, total = ids.new("rej"), rejudges.count(conn, wanted)
    asked = Asked(wanted, live.version, apply, notify, note).to_json()
    same: dict[str, Any] = {"since": None, "until": entry.at, "document": {}, "hash": live.hash, "as_recorded": False}
    try:
        replays.create(conn, id_, at=entry.at, by=entry.by, total=total, rejudge=asked, **same)
    except replays.TooManyOpen as full:
        raise TooMuch(str(full)) from None
    entry.change(conn, rejudges.ACTION, id_, None, {**asked, "status": "queued", "cases": total})
    return id_


def listed(conn: Connection, limit: int, before: tuple[datetime, str] | None = None) -> list[RejudgeShown]:
    """Plans and changes, newest first, without what they found."""
    return [like(RejudgeShown, job, **job.rejudge) for job in replays.listed(conn, limit, before, rejudges=True)]


def show(conn: Connection, id_: str, zone: tzinfo) -> RejudgeWhole:
    """How far it is, and what would change, or was changed, so far. Raises `NotFound`."""
    job = _job(conn, id_)
    counted = job.summary or Tally(zone).summary()
    moves = {name: counted[name] for name in ("changed", "queue_moves", "severity_moves", "tag_moves", "escalations")}
    return like(RejudgeWhole, job, **job.rejudge, summary=RejudgeSummary(cases=counted["decisions"], **moves))


def cancel(conn: Connection, entry: Entry, id_: str) -> None:
    """Stop it; what was changed so far stays. Raises `NotFound`, `Conflict` when it is over."""
    if not rejudges.end(conn, _job(conn, id_), "cancelled", None, **entry._asdict()):
        raise Conflict("This rejudge is over already.")


def moves(conn: Connection, id_: str, limit: int, after: int = 0) -> list[RejudgeMove]:
    """Every case that is otherwise by the live rulebook, in the order of their ids, behind the one at `after`. Raises `NotFound`."""
    _job(conn, id_)
    return [_move(row) for row in replays.moves(conn, id_, limit, after)]


def _job(conn: Connection, id_: str) -> Job:
    job = replays.find(conn, id_)
    if job is None or job.rejudge is None:
        raise NotFound("rejudge")
    return job


def _move(row: Any) -> RejudgeMove:
    before: Any = dict(row["before"])
    after: Any = dict(row["after"])
    was, wished = before.pop("wishes"), after.pop("wishes")
    wishes = (WishMove(ticket, was.get(ticket), wished.get(ticket)) for ticket in sorted({*was, *wished}))
    return RejudgeMove(
        f"{row['replay_id']}:{row['seq']}",
        *(row["seq"], row["case_id"], row["ticket"], row["at"], before, after),
        tuple(one for one in wishes if one.before != one.after),
    )

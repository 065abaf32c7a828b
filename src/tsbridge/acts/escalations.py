"""Steps of escalations as people read them: when each is due, who was told of it, and what the watchdog finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection

from tsbridge.acts import notifications
from tsbridge.acts.errors import need
from tsbridge.acts.shape import of_row
from tsbridge.acts.words import is_severe, restricted_among
from tsbridge.store import agents, steps, views
from tsbridge.store.steps import Filter
from tsbridge.store.views import Row

Status = Literal["armed", "due", "paused", "fired", "passed", "acknowledged", "stopped"]
State = Literal["overdue", "unacknowledged", "nobody"]


@dataclass(frozen=True, slots=True)
class Escalation:
    """`rulebook_version`: of the rulebook that armed it: the policy is that one's until it is over, whatever is published meanwhile.

    `ticket`, or `call`: what armed it.
    """

    id: str
    case_id: str
    policy: str
    step: int
    armed_at: datetime
    due_at: datetime
    status: Status
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    rulebook_version: int | None
    severity: int | None
    category: str | None
    queue: str | None
    ticket: str | None
    call: str | None


@dataclass(frozen=True, slots=True)
class TellingOfStep:
    to: str | None
    way: str | None
    at: datetime | None
    status: notifications.Status
    reason: str | None


@dataclass(frozen=True, slots=True)
class EscalationShown(Escalation):
    """`subject`: what the ticket is called, in the words of whoever wrote it; `withheld`: not told here, since the case is severe or
    restricted: its timeline tells it, and that it was asked for is on record. `amiss`: what the watchdog finds late or missing of it, or of
    its case."""

    subject: str | None
    withheld: bool
    told: tuple[TellingOfStep, ...]
    amiss: tuple[str, ...]


Step = TypeVar("Step", bound=Escalation)


def listed(
    conn: Connection,
    wanted: Filter,
    now: datetime,
    limit: int,
    after: tuple[datetime, str] | None = None,
    *,
    soonest: bool = False,
    restricted: frozenset[str] = frozenset(),
) -> list[EscalationShown]:
    """Steps of policies, the latest due first, or the `soonest`. `wanted.agent`: by their key in the roster or their Zendesk id.
    `restricted`: categories."""
    if wanted.agent is not None:
        wanted = wanted._replace(agent=agents.keys(conn).get(wanted.agent, wanted.agent))
    return _shown(conn, steps.listed(conn, wanted, now, limit, after, soonest=soonest), now, restricted)


def show(conn: Connection, escalation_id: str, now: datetime, restricted: frozenset[str] = frozenset()) -> EscalationShown:
    """Raises `NotFound`."""
    return _shown(conn, [need(views.escalation(conn, escalation_id), "escalation")], now, restricted)[0]


def of_case(conn: Connection, case_id: str, now: datetime, limit: int) -> list[Escalation]:
    """A case's steps, without what is told beside them."""
    keys = agents.keys(conn)
    return [_step(Escalation, row, now, keys) for row in steps.listed(conn, Filter(case_id=case_id), now, limit)]


def _shown(conn: Connection, rows: list[Row], now: datetime, restricted: frozenset[str]) -> list[EscalationShown]:
    about, guarded = steps.about(conn, rows), restricted_among(conn, restricted, {row["case_id"] for row in rows})
    found = []
    for row in rows:
        subject = about.subjects.get(row["interaction"]) if row["source"] == "zendesk" else None
        told = tuple(TellingOfStep(one.agent, one.way, one.sent_at, one.status, one.reason) for one in about.told[row["id"]])
        withheld = subject is not None and (is_severe(row["severity"]) or row["category"] in restricted or row["case_id"] in guarded)
        beside = {"subject": None if withheld else subject, "withheld": withheld, "told": told, "amiss": tuple(about.amiss[row["id"]])}
        found.append(_step(EscalationShown, row, now, about.keys, **beside))
    return found


def _step(kind: type[Step], row: Row, now: datetime, keys: Mapping[str, str], **beside: Any) -> Step:
    """`keys`: of the roster, by Zendesk ids."""
    due = row["status"] == "armed" and row["due_at"] <= now
    taken = row["taken_at"] is not None and row["taken_at"] >= row["armed_at"]
    ended = row["ended_at"] if row["status"] == "acknowledged" else None
    return of_row(
        kind,
        row,
        status="due" if due else row["status"],
        acknowledged_at=ended or (row["taken_at"] if taken else None),
        acknowledged_by=keys.get(row["taken_by"], row["taken_by"]) if taken else None,
        rulebook_version=row["version"] or None,
        ticket=row["interaction"] if row["source"] == "zendesk" else None,
        call=row["interaction"] if row["source"] == "talkdesk" else None,
        **beside,
    )

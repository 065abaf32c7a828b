"""Replays: a rulebook over stored history, as a job. Nothing is sent and nothing of the cases changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from tsbridge.acts.csvtext import cell
from tsbridge.acts.documents import Document
from tsbridge.acts.errors import Conflict, NotFound, TooMuch
from tsbridge.acts.ledger import Entry
from tsbridge.acts.moves import StandShown, Summary
from tsbridge.acts.shape import To, like
from tsbridge.core.replay import Tally
from tsbridge.core.times import time_text
from tsbridge.store import history, replays
from tsbridge.store.replays import Job

INSTANT: Final = timedelta(microseconds=1)
COLUMNS: Final = (
    *("id", "case_id", "ticket", "decision_id", "at", "mismatch"),
    *("from_queue", "from_severity", "from_tags", "from_escalations", "to_queue", "to_severity", "to_tags", "to_escalations"),
)

Move = TypedDict(
    "Move",
    {
        "id": str,
        "case_id": str,
        "ticket": str | None,
        "decision_id": str | None,
        "at": str,
        "mismatch": bool,
        "from": StandShown,
        "to": StandShown,
    },
)


@dataclass(frozen=True, slots=True)
class ReplayShown:
    """A replay without what it found. `to` is exclusive."""

    id: str
    status: Literal["queued", "running", "done", "cancelled", "failed"]
    reason: str | None
    done: int
    total: int
    since: Annotated[datetime | None, Field(alias="from")]
    until: To
    hash: str
    as_recorded: bool
    created_at: datetime
    created_by: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReplayWhole(ReplayShown):
    summary: Summary


@dataclass(frozen=True, slots=True)
class ReplayMade:
    id: str


def start(
    conn: Connection,
    entry: Entry,
    id: str,
    document: Document,
    digest: str,
    since: datetime | None = None,
    until: datetime | None = None,
    as_recorded: bool = False,
) -> ReplayMade:
    """Queue a replay by a document without faults, whose hash is `digest`. Without `until`: of everything decided so far.

    Raises `TooMuch`.
    """
    newest = history.last_at(conn)
    until = until or (newest + INSTANT if newest is not None else entry.at)
    try:
        replays.create(
            conn,
            id,
            at=entry.at,
            by=entry.by,
            since=since,
            until=until,
            document=document,
            hash=digest,
            as_recorded=as_recorded,
            total=history.count(conn),
        )
    except replays.TooManyOpen as full:
        raise TooMuch(str(full)) from None
    entry.change(conn, "replay.start", id, None, {"hash": digest, "from": time_text(since), "to": time_text(until)})
    return ReplayMade(id)


def cancel(conn: Connection, entry: Entry, id: str) -> None:
    """Stop a replay; what it found so far stays. Raises `NotFound`, and `Conflict` when it is over."""
    job(conn, id)
    if not replays.finish(conn, id, "cancelled", entry.at):
        raise Conflict("This replay is over already.")
    entry.change(conn, "replay.cancel", id, None, None)


def listed(conn: Connection, limit: int, before: tuple[datetime, str] | None = None) -> list[ReplayShown]:
    """Newest first."""
    return [like(ReplayShown, one) for one in replays.listed(conn, limit, before)]


def show(conn: Connection, id: str, zone: tzinfo) -> ReplayWhole:
    """How far a replay is, and what it found so far. Raises `NotFound`."""
    found = job(conn, id)
    return like(ReplayWhole, found, summary=found.summary or Tally(zone).summary())


def job(conn: Connection, id: str) -> Job:
    """Raises `NotFound`."""
    found = replays.find(conn, id)
    if found is None or found.rejudge is not None:
        raise NotFound("replay")
    return found


def move_of(row: Mapping[str, Any]) -> Move:
    """Contract section 7: one decision that would be otherwise."""
    return {
        "id": f"{row['replay_id']}:{row['seq']}" if "replay_id" in row else str(row["seq"]),
        "case_id": row["case_id"],
        "ticket": row["ticket"],
        "decision_id": row["decision_id"],
        "at": time_text(row["at"]) or "",
        "mismatch": row.get("mismatch", False),
        "from": row["before"],
        "to": row["after"],
    }


def record_of(move: Mapping[str, Any]) -> list[str]:
    """A move as a row of `COLUMNS`."""
    sides = {f"{side}_{name}": value for side in ("from", "to") for name, value in move[side].items()}
    values = {name: " ".join(value) if isinstance(value, list) else value for name, value in {**move, **sides}.items()}
    return [cell(values[name]) for name in COLUMNS]

"""Replay jobs and what they found: one row per job, one per decision that would be otherwise or could not be reproduced.

A rejudge (`store.rejudges`) is such a job, too, of which one row per case that is otherwise is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from tsbridge.core.replay import Compared
from tsbridge.store.replay_tables import replay_moves, replays

KEEP: Final = 50
"""Jobs that are kept with their moves; older ones are forgotten when a new one begins."""
OPEN: Final = ("queued", "running")
MOST_OPEN: Final = 20
"""Jobs that wait or are worked on, each with a rulebook of up to eight megabytes."""


class TooManyOpen(Exception):
    """As many jobs wait as may."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_OPEN} replays and rejudges wait or are worked on; try again later, or cancel one.")


@dataclass(frozen=True, slots=True)
class Job:
    """A replay. `cursor`: the last case that is done; `until` is exclusive; `rejudge`: what was asked for, where it is none."""

    id: str
    status: str
    created_at: datetime
    created_by: str
    since: datetime | None
    until: datetime
    hash: str
    as_recorded: bool
    done: int
    total: int
    cursor: str
    summary: Any
    reason: str | None
    finished_at: datetime | None
    rejudge: Any


_COLUMNS: Final = tuple(replays.c[name] for name in Job.__dataclass_fields__)


def create(
    conn: Connection,
    id_: str,
    *,
    at: datetime,
    by: str,
    since: datetime | None,
    until: datetime,
    document: Any,
    hash: str,
    as_recorded: bool,
    total: int,
    rejudge: Any = None,
) -> None:
    """Queue a job. Raises `TooManyOpen`."""
    open_ = select(func.count()).select_from(replays).where(replays.c.status.in_(OPEN))
    if conn.execute(open_).scalar_one() >= MOST_OPEN:
        raise TooManyOpen
    old = conn.execute(select(replays.c.id).where(replays.c.status.not_in(OPEN)).order_by(replays.c.created_at.desc()).offset(KEEP - 1))
    for (gone,) in old.all():
        conn.execute(delete(replay_moves).where(replay_moves.c.replay_id == gone))
        conn.execute(delete(replays).where(replays.c.id == gone))
    conn.execute(
        insert(replays).values(
            id=id_,
            status="queued",
            created_at=at,
            created_by=by,
            since=since,
            until=until,
            document=document,
            hash=hash,
            as_recorded=as_recorded,
            done=0,
            total=total,
            cursor="",
            summary=None,
            rejudge=rejudge,
        )
    )


def find(conn: Connection, id_: str) -> Job | None:
    row = conn.execute(select(*_COLUMNS).where(replays.c.id == id_)).one_or_none()
    return None if row is None else Job(*row)


def document_of(conn: Connection, id_: str) -> Any:
    """The rulebook that is replayed: large, and asked for once."""
    return conn.execute(select(replays.c.document).where(replays.c.id == id_)).scalar_one()


def listed(conn: Connection, limit: int, before: tuple[datetime, str] | None, *, rejudges: bool = False) -> list[Job]:
    """Newest first."""
    query = select(*_COLUMNS).where(_is_rejudge(rejudges)).order_by(replays.c.created_at.desc(), replays.c.id.desc()).limit(limit)
    if before is not None:
        at, id_ = before
        query = query.where(or_(replays.c.created_at < at, and_(replays.c.created_at == at, replays.c.id < id_)))
    return [Job(*row) for row in conn.execute(query)]


def claim(conn: Connection, worker: str, now: datetime, lease: timedelta, *, rejudges: bool = False, only: str | None = None) -> Job | None:
    """Take the oldest job that nobody works on, or the `only` one if nobody does; hold it by claiming it again."""
    free = or_(replays.c.lease_until.is_(None), replays.c.lease_until <= now, replays.c.claimed_by == worker)
    query = select(replays.c.id).where(replays.c.status.in_(OPEN), free, _is_rejudge(rejudges))
    query = query if only is None else query.where(replays.c.id == only)
    query = query.order_by(replays.c.created_at, replays.c.id).limit(1)
    id_ = conn.execute(query.with_for_update(skip_locked=True)).scalar()
    if id_ is None:
        return None
    conn.execute(update(replays).where(replays.c.id == id_).values(status="running", claimed_by=worker, lease_until=now + lease))
    return find(conn, id_)


def advance(conn: Connection, job: Job, worker: str, cursor: str, done: int, summary: Any, moves: Sequence[tuple[str, Compared]]) -> bool:
    """Keep a page of results. False when the job was cancelled or is somebody else's by now; then nothing was kept."""
    rows = [
        {
            "case_id": case_id,
            "ticket": one.subject.id if one.subject.source == "zendesk" else None,
            "decision_id": one.decision_id,
            "at": one.at,
            "before": one.before.to_json(),
            "after": one.after.to_json(),
            "mismatch": one.mismatch,
        }
        for case_id, one in moves
    ]
    return go_on(conn, job, worker, cursor, done, summary, rows)


def go_on(conn: Connection, job: Job, worker: str, cursor: str, done: int, summary: Any, rows: Sequence[Mapping[str, Any]]) -> bool:
    """As `advance`, of rows as they are kept."""
    mine = and_(replays.c.id == job.id, replays.c.status == "running", replays.c.claimed_by == worker, replays.c.cursor == job.cursor)
    if conn.execute(update(replays).where(mine).values(cursor=cursor, done=done, summary=summary)).rowcount != 1:
        return False
    seq = conn.execute(select(func.coalesce(func.max(replay_moves.c.seq), 0)).where(replay_moves.c.replay_id == job.id)).scalar_one()
    if rows:
        conn.execute(insert(replay_moves), [{"replay_id": job.id, "seq": seq + place, **row} for place, row in enumerate(rows, 1)])
    return True


def finish(conn: Connection, id_: str, status: str, now: datetime, reason: str | None = None) -> bool:
    """End a job that is not over. False when it is."""
    values = {"status": status, "reason": reason, "finished_at": now, "lease_until": None}
    return conn.execute(update(replays).where(replays.c.id == id_, replays.c.status.in_(OPEN)).values(**values)).rowcount == 1


def moves(conn: Connection, id_: str, limit: int, after: int) -> list[Any]:
    """Decisions that would be otherwise or could not be reproduced, in the order they were found."""
    query = select(replay_moves).where(replay_moves.c.replay_id == id_, replay_moves.c.seq > after)
    return [dict(row._mapping) for row in conn.execute(query.order_by(replay_moves.c.seq).limit(limit))]


def _is_rejudge(wanted: bool) -> ColumnElement[bool]:
    return replays.c.rejudge.is_not(None) if wanted else replays.c.rejudge.is_(None)

"""Counts and ages for `/metrics`. What grows with history is read from what was counted on the way (`store.counted`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, func, select

from tsbridge.core import budget as flow
from tsbridge.store import (
    budget,
    counted,
    cover,
    datakeys,
    erasing,
    notification_log,
    pattern_findings,
    patterns,
    rekeying,
    retention,
    rosters,
    shared,
    source_hours,
    stored_values,
    wanted_facts,
    warnings,
    watch,
    writemode,
)
from tsbridge.store.desired import PAUSED_RULES
from tsbridge.store.inbox import received
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.replay_tables import drift
from tsbridge.store.rulebooks import newest
from tsbridge.store.work_tables import workload
from tsbridge.store.writing_tables import WISH_IS_OPEN, desired


class Figures(NamedTuple):
    """`deliveries`: (source, status) -> how many; repeats are `duplicate`. `received`: source -> all that was heard, by its own count.

    `open`: open cases by queue and severity; `severe`: those of severity 1 that nobody has in hand.
    `refused`: whether Zendesk refuses our credentials;
    `in_trouble`: whether it fails, so that it is only probed.
    `erased`: erasures that were begun, by who asked; `erasing`: those not certified yet, the oldest of them asked for at `erasing_since`.
    `unread`: tickets that rang and whose audits were not read since.
    """

    deliveries: Mapping[tuple[str, str], int]
    received: Mapping[str, int]
    oldest_pending: datetime | None
    wishes: Mapping[str, int]
    parked: Mapping[str, int]
    oldest_waiting: datetime | None
    cases: Mapping[str, int]
    open: Sequence[counted.OpenCases]
    severe: int
    escalations: Mapping[str, int]
    decisions: int
    rulebook_version: int
    roster_version: int
    unread: int
    silent: Mapping[str, datetime]
    warnings: Mapping[str, int]
    shared_ids: Mapping[str, int]
    assignments: int
    holes: int
    told: Mapping[str, int]
    overdue_since: datetime | None
    watched: watch.Watched
    mode: str
    paused_rules: int
    drift: Mapping[str, int]
    refused: bool
    in_trouble: bool
    removed: Mapping[str, int]
    data_keys: int
    rewritten: int
    patterns: Mapping[str, int]
    patterns_at: datetime | None
    erased: Mapping[str, int]
    erasing: int
    erasing_since: datetime | None


# From a place in the index of states on: asked for one state, PostgreSQL walks through all that came before what waits.
_FROM_PENDING: Final = (
    select(inbox.c.status, inbox.c.received_at).where(inbox.c.status >= "pending").order_by(inbox.c.status, inbox.c.seq).limit(1).subquery()
)
OLDEST_PENDING: Final = select(_FROM_PENDING.c.received_at).where(_FROM_PENDING.c.status == "pending")


def figures(conn: Connection, setting: str, now: datetime) -> Figures:
    """As of now, where TSBRIDGE_WRITEBACK says `setting`."""
    kept = defaultdict[str, counted.Counts](dict, counted.load(conn))
    wishes: Counter[str] = Counter()
    for (_, status), count in kept["wish"].items():
        wishes[status] += count
    open_cases = counted.open_cases(kept["case"])
    pace = budget.load(conn)
    erasing_now, erasing_since = erasing.unfinished(conn)
    return Figures(
        deliveries=kept["delivery"],
        received=received(conn),
        oldest_pending=oldest_pending(conn),
        wishes=wishes,
        parked={reason: count for (reason, status), count in kept["wish"].items() if status == "parked"},
        oldest_waiting=oldest_wish(conn),
        cases=counted.by_label(kept["case"]),
        open=open_cases,
        severe=sum(one.free for one in open_cases if one.severity == 1),
        escalations=counted.by_label(kept["step"]),
        decisions=sum(kept["decision"].values()),
        rulebook_version=newest(conn),
        roster_version=rosters.newest(conn),
        unread=wanted_facts.waiting(conn),
        silent=source_hours.silent(conn),
        warnings={kind: found.count for kind, found in warnings.noted(conn).items()},
        shared_ids=shared.count(conn),
        assignments=sum(kept["assignment"].values()),
        holes=0 if (ahead := cover.load(conn)) is None else ahead.count,
        told=counted.by_label(kept["telling"]),
        overdue_since=notification_log.overdue_since(conn),
        watched=watch.watched(conn),
        mode=writemode.in_force(conn, setting).effective,
        paused_rules=len(stored_values.get(conn, PAUSED_RULES) or ()),
        drift=_by(conn, drift.c.cause),
        in_trouble=pace.open,
        refused=pace.reason == "unauthorized" and flow.closed(pace, now) is not None,
        removed={kind: found["rows"] for kind, found in retention.removed(conn).items()},
        data_keys=len(datakeys.on_record(conn)),
        rewritten=rekeying.progress(conn).rewritten,
        patterns=pattern_findings.counts_by_kind(conn, now),
        patterns_at=patterns.state(conn).looked_at,
        erased=erasing.begun(conn),
        erasing=erasing_now,
        erasing_since=erasing_since,
    )


def waiting(conn: Connection) -> Mapping[str, int]:
    """How much work waits for somebody, by queue. Counted row by row: not for a page that somebody has open."""
    return _by(conn, workload.c.queue, workload.c.waits.is_(True))


def oldest_pending(conn: Connection) -> datetime | None:
    """When the oldest delivery came that is not worked on yet."""
    found: datetime | None = conn.execute(OLDEST_PENDING).scalar()
    return found


def oldest_wish(conn: Connection) -> datetime | None:
    """When the oldest change was asked for that is not written yet."""
    found: datetime | None = conn.execute(select(desired.c.asked_at).where(WISH_IS_OPEN).order_by(desired.c.asked_at).limit(1)).scalar()
    return found


def _by(conn: Connection, column: Column[Any], *where: ColumnElement[bool]) -> dict[str, int]:
    """How many rows have each value: only of what is there at present."""
    return {value: count for value, count in conn.execute(select(column, func.count()).where(*where).group_by(column))}

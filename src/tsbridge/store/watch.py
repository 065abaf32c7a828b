"""What the watchdog looks at, and what it found: kept until it is found no more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select, tuple_, update

from tsbridge.core.moments import Interaction, instant_text, read_instant
from tsbridge.core.watch import (
    BY_CASE,
    DUE_UNJUDGED,
    GIVEN_WITHIN,
    NOT_GIVEN,
    NOT_TOLD,
    TOLERANCE,
    WORST_TOLD_WITHIN,
    Finding,
    Standing,
    overdue,
)
from tsbridge.store import notices, stored_values
from tsbridge.store import workload as work
from tsbridge.store.case_tables import cases
from tsbridge.store.decisions import Recorded
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.notice_tables import messages, notifications
from tsbridge.store.notice_tables import notices as asked
from tsbridge.store.statements import parts
from tsbridge.store.watch_tables import watch_findings

STATE: Final = "watch"
MOST: Final = 500
"""Findings of one kind by one look at all there is; the longest late come first."""
_FOUND: Final = watch_findings.c


class Watched(NamedTuple):
    """What the watchdog says. `counts`, `oldest`: by kind; `walked_at`: as of when all open cases were last looked at; `began_at`: when
    watching began, None while it never did."""

    counts: Mapping[str, int]
    oldest: Mapping[str, datetime]
    walked_at: datetime | None
    began_at: datetime | None

    def age(self, now: datetime) -> float:
        """How old the last whole walk is, in seconds; while there was none, how long watching goes on."""
        at = self.walked_at or self.began_at
        return 0.0 if at is None else max(0.0, (now - at).total_seconds())


# What is looked at


def open_cases(conn: Connection, after: str, limit: int) -> list[str]:
    """Ids of open cases behind this one, in an order that nothing changes."""
    query = select(cases.c.id).where(cases.c.status == "open", cases.c.id > after)
    return list(conn.execute(query.order_by(cases.c.id).limit(limit)).scalars())


def standing(conn: Connection, case_id: str, subjects: Sequence[Interaction], recorded: Mapping[str, Recorded]) -> Standing:
    """What is kept of a case."""
    steps = conn.execute(select(escalations.c.id, escalations.c.status).where(escalations.c.case_id == case_id))
    return Standing(
        {moment: old.outcome for moment, old in recorded.items()},
        {row.id: row.status for row in steps},
        notices.of(conn, subjects),
        conn.execute(select(cases.c.due_at).where(cases.c.id == case_id)).scalar_one_or_none(),
    )


def unjudged(conn: Connection, now: datetime) -> list[Finding]:
    """Open cases whose due time came and went."""
    late = (cases.c.status == "open", cases.c.due_at < now - TOLERANCE)
    rows = conn.execute(select(cases.c.id, cases.c.due_at).where(*late).order_by(cases.c.due_at, cases.c.id).limit(MOST))
    return [Finding(DUE_UNJUDGED, row.id, row.id, row.due_at) for row in rows]


def untold(conn: Connection, now: datetime) -> list[Finding]:
    """Notices of which nobody was told, nor tried, although it was time. One that has to wait, and says why, is not late."""
    theirs = (notifications.c.notice == asked.c.id, notifications.c.kind == "step")
    tried = select(notifications.c.id).where(*theirs, or_(notifications.c.failed, notifications.c.status.in_(("sent", "failed"))))
    goes = (
        select(func.min(messages.c.due_at, type_=messages.c.due_at.type))
        .join(notifications, notifications.c.message == messages.c.id)
        .where(*theirs, notifications.c.status == "waiting")
        .correlate(asked)
        .scalar_subquery()
    )
    waits = (asked.c.over_at.is_(None), asked.c.asked_at <= now - WORST_TOLD_WITHIN, ~tried.exists())
    query = select(asked.c.id, asked.c.case_id, asked.c.asked_at, asked.c.severity, goes.label("goes")).where(*waits)
    found = []
    for row in conn.execute(query.order_by(asked.c.asked_at, asked.c.id).limit(4 * MOST)):
        since = overdue(row.asked_at, row.goes, row.severity, now)
        if since is not None:
            found.append(Finding(NOT_TOLD, row.id, row.case_id, since))
    return found[:MOST]


def waiting(conn: Connection, kinds: Collection[work.Kind], now: datetime) -> list[Finding]:
    """Work of these kinds, which somebody could have."""
    return [Finding(NOT_GIVEN, row["thread"], row["case_id"], now) for row in work.first(conn, kinds, MOST)]


# What is found


def found(conn: Connection, kinds: Iterable[str], case_ids: Sequence[str] | None = None) -> dict[tuple[str, str], Any]:
    """The rows of findings of these kinds, by kind and what they are about; of these cases only."""
    mine: list[ColumnElement[bool]] = [_FOUND.kind.in_(sorted(kinds))]
    if case_ids is not None:
        mine.append(_FOUND.case_id.in_(case_ids))
    return {(row.kind, row.about): row for row in conn.execute(select(watch_findings).where(*mine))}


def settle(conn: Connection, known: Mapping[tuple[str, str], Any], now_found: Sequence[Finding], now: datetime) -> list[Finding]:
    """Keep what is found now instead of what was `known`; returns what counts from now on and did not before."""
    by_key = {(one.kind, one.about): one for one in now_found}
    forget(conn, [key for key in known if key not in by_key])
    ripe = {key for key in by_key.keys() & known.keys() if known[key].told_at is None and now - known[key].found_at >= GIVEN_WITHIN}
    news, fresh = [by_key[key] for key in sorted(ripe)], list[dict[str, Any]]()
    for key, one in by_key.items():
        if key not in known:
            counts = one.kind != NOT_GIVEN
            fresh.append({**one._asdict(), "found_at": now, "seen_at": now, "told_at": now if counts else None})
            news += [one] if counts else []
    if fresh:
        conn.execute(insert(watch_findings), fresh)
    again = [{"of_kind": key[0], "of_about": key[1], "told": now if key in ripe else known[key].told_at} for key in by_key if key in known]
    if again:
        same = (_FOUND.kind == bindparam("of_kind"), _FOUND.about == bindparam("of_about"))
        conn.execute(update(watch_findings).where(*same).values(seen_at=now, told_at=bindparam("told")), again)
    return news


def forget(conn: Connection, keys: Sequence[tuple[str, str]]) -> None:
    for part in parts(keys):
        conn.execute(delete(watch_findings).where(tuple_(_FOUND.kind, _FOUND.about).in_(part)))


def begin(conn: Connection, now: datetime) -> None:
    """Watching begins, if it did not before."""
    if stored_values.get(conn, STATE) is None:
        stored_values.put(conn, STATE, {"began_at": instant_text(now), "walked_at": None})


def walked(conn: Connection, began: datetime) -> None:
    """All open cases were looked at since then: what was found before of others is over, they are not open any more."""
    conn.execute(delete(watch_findings).where(_FOUND.kind.in_(BY_CASE), _FOUND.seen_at < began))
    state = stored_values.lock(conn, STATE, {"began_at": instant_text(began), "walked_at": None})
    stored_values.put(conn, STATE, {**state, "walked_at": instant_text(began)})


def watched(conn: Connection) -> Watched:
    """What the watchdog says by now."""
    query = select(_FOUND.kind, func.count(), func.min(_FOUND.since, type_=_FOUND.since.type)).where(_FOUND.told_at.is_not(None))
    rows = conn.execute(query.group_by(_FOUND.kind).order_by(_FOUND.kind)).all()
    state = stored_values.get(conn, STATE) or {}
    times = [None if state.get(name) is None else read_instant(state[name]) for name in ("walked_at", "began_at")]
    return Watched({kind: count for kind, count, _ in rows}, {kind: since for kind, _, since in rows}, *times)


def amiss(conn: Connection, case_ids: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """By case, kind and what it is about of everything that counts."""
    wanted, by_case = sorted(set(case_ids)), dict[str, list[tuple[str, str]]]()
    for part in parts(wanted):
        mine = (_FOUND.case_id.in_(part), _FOUND.told_at.is_not(None))
        for row in conn.execute(select(watch_findings).where(*mine).order_by(_FOUND.kind, _FOUND.about)):
            by_case.setdefault(row.case_id, []).append((row.kind, row.about))
    return by_case

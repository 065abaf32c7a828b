"""What a moment sees of people and queues, in the transaction that judges it."""

from __future__ import annotations

from collections.abc import Mapping, Set

from sqlalchemy import Connection

from tsbridge.core.moments import Value, instant_text, value_from
from tsbridge.core.staff import STAFF, TOLD_AT, WAITING, About, by_rota
from tsbridge.store import decisions, notifications, workload
from tsbridge.work.rosters import LiveRoster


def look(conn: Connection, roster: LiveRoster, moment: str, about: About, fields: Set[str]) -> Mapping[str, Value]:
    """What the moment saw when it was first judged, whatever that was. One that is judged for the first time looks: at the roster as it was
    known at the moment's time, at what waits and was told by now."""
    first = decisions.first_saw(conn, moment, about.at)
    if first is not None:
        return {name: value_from(value) for name, value in first.items() if name in STAFF}
    found = by_rota(roster.then(conn, about.at), about, fields) if fields - {WAITING, TOLD_AT} else {}
    if WAITING in fields and about.queue is not None:
        found[WAITING] = workload.count_waiting(conn, about.queue)
    if TOLD_AT in fields and (told := notifications.told_at(conn, about.case_id)) is not None:
        found[TOLD_AT] = instant_text(told)
    return found

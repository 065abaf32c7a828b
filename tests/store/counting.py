"""A count of every row, which must be what the tables counted of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from tsbridge.store import counted, notification_log
from tsbridge.store.case_tables import cases
from tsbridge.store.decision_tables import decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.notice_tables import notifications
from tsbridge.store.work_tables import assignments
from tsbridge.store.writing_tables import desired


def by_rows(conn: Connection) -> Mapping[str, counted.Counts]:
    """The same, by looking at every row."""
    found: dict[str, Counter[tuple[str, str]]] = {
        name: Counter() for name in ("delivery", "decision", "case", "step", "wish", "telling", "assignment")
    }
    for source, status, repeats in conn.execute(select(inbox.c.source, inbox.c.status, inbox.c.duplicates)):
        found["delivery"][source, status] += 1
        found["delivery"][source, "duplicate"] += repeats
    found["step"].update(("", status) for status in conn.execute(select(escalations.c.status)).scalars())
    for status, severity, held, queue in conn.execute(select(cases.c.status, cases.c.severity, cases.c.acknowledged, cases.c.queue)):
        open_ = f"{'-' if severity is None else severity} {'held' if held else 'free'} {queue or ''}"
        found["case"][open_ if status == "open" else "", status] += 1
    for status, reason in conn.execute(select(desired.c.status, desired.c.reason)):
        found["wish"][(reason or "") if status == "parked" else "", status] += 1
    for status, reason in conn.execute(select(notifications.c.status, notifications.c.reason)):
        found["telling"]["", "nobody" if reason in notification_log.NOBODY else status] += 1
    found["decision"]["", ""] = conn.execute(select(func.count()).select_from(decisions)).scalar_one()
    found["assignment"]["", ""] = conn.execute(select(func.count()).select_from(assignments)).scalar_one()
    return {what: {key: n for key, n in counts.items() if n} for what, counts in found.items() if any(counts.values())}


def rows_are_as_counted(conn: Connection) -> None:
    assert counted.load(conn) == by_rows(conn)

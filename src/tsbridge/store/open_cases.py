"""Open cases as a whole: how many there are of what."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from tsbridge.store.case_tables import OPEN_CASE, cases


class OpenCases(NamedTuple):
    queue: str | None
    severity: int | None
    how_many: int


def by_queue_and_severity(conn: Connection) -> list[OpenCases]:
    """Only what there is; exact."""
    query = select(cases.c.queue, cases.c.severity, func.count()).where(OPEN_CASE).group_by(cases.c.queue, cases.c.severity)
    return [OpenCases(*row) for row in conn.execute(query)]

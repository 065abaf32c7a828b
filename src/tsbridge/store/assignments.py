"""Each time the desk gave work to somebody: to whom, instead of whom, and everybody else with why not. Written once, never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, insert, select, text

from tsbridge.store.notice_tables import messages
from tsbridge.store.work_tables import assignments

Row = RowMapping

_ADD: Final = insert(assignments)
_LOCK: Final = "SELECT pg_advisory_xact_lock(:key)"


def lock_agents(conn: Connection, agents: Iterable[str]) -> None:
    """Give work to these agents alone until the transaction ends, so that no cap is broken by two at once. In order, so that nobody waits
    in a circle (PostgreSQL; SQLite has one writer anyway)."""
    if conn.dialect.name == "postgresql":
        for agent in sorted(set(agents)):
            conn.execute(text(_LOCK), {"key": int.from_bytes(hashlib.sha256(f"tsbridge agent {agent}".encode()).digest()[:7])})


def add(conn: Connection, row: Mapping[str, Any]) -> None:
    conn.execute(_ADD, row)


def of_case(conn: Connection, case_id: str, limit: int) -> list[Row]:
    """The latest first."""
    query = select(assignments).where(assignments.c.case_id == case_id)
    return list(conn.execute(query.order_by(assignments.c.at.desc(), assignments.c.id.desc()).limit(limit)).mappings())


def passed_over(conn: Connection, thread: str, queue: str, step: str) -> frozenset[str]:
    """Who was passed over by this step of why when this work was given out of the queue last."""
    query = select(assignments.c.queue, assignments.c.candidates).where(assignments.c.thread == thread)
    last = conn.execute(query.order_by(assignments.c.at.desc(), assignments.c.id.desc()).limit(1)).first()
    if last is None or last.queue != queue:
        return frozenset()
    return frozenset(one["agent"] for one in last.candidates if any(reason["step"] == step for reason in one["because"]))


def last_given(conn: Connection, queue: str) -> dict[str, datetime]:
    """When each agent last got something from a queue."""
    query = select(assignments.c.agent, func.max(assignments.c.at)).where(assignments.c.queue == queue).group_by(assignments.c.agent)
    return {agent: at for agent, at in conn.execute(query)}


def pages(conn: Connection, agents: Collection[str], since: datetime) -> dict[str, int]:
    """How many messages about cases reached each agent since then."""
    reached = (messages.c.agent.in_(sorted(agents)), messages.c.about == "cases", messages.c.status == "sent", messages.c.sent_at >= since)
    query = select(messages.c.agent, func.count()).where(*reached).group_by(messages.c.agent)
    return {agent: int(count) for agent, count in conn.execute(query)}


def got(conn: Connection, agents: Collection[str], categories: Collection[str], since: datetime) -> list[Row]:
    """What these agents were given of these categories since then: `agent`, `at`, `thread`, `category`."""
    query = select(assignments.c.agent, assignments.c.at, assignments.c.thread, assignments.c.category)
    among = (assignments.c.agent.in_(sorted(agents)), assignments.c.at >= since, assignments.c.category.in_(sorted(categories)))
    return list(conn.execute(query.where(*among)).mappings())

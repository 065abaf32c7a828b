"""Answers to reports as they were given. One that was given is never changed; the oldest go when there are too many."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import Connection, delete, select

from tsbridge.core.moments import canonical
from tsbridge.store.report_tables import report_answers as table
from tsbridge.store.statements import insert_into

MOST: Final = {True: 20_000, False: 2_000}
"""Of times that were over, and of times that went on."""


def get(conn: Connection, question: str, as_of: datetime) -> Any:
    """The answer that was given; None where none was."""
    body = conn.execute(select(table.c.body).where(table.c.question == question, table.c.as_of == as_of)).scalar_one_or_none()
    return None if body is None else from_json(zlib.decompress(body))


def before(conn: Connection, question: str, as_of: datetime) -> tuple[datetime, Any] | None:
    """The last answer that was given to the question as known earlier, once its time was over."""
    query = select(table.c.as_of, table.c.body).where(table.c.question == question, table.c.as_of < as_of, table.c.is_over.is_(True))
    row = conn.execute(query.order_by(table.c.as_of.desc()).limit(1)).first()
    return None if row is None else (row.as_of, from_json(zlib.decompress(row.body)))


def keep(conn: Connection, question: str, as_of: datetime, answer: Any, *, is_over: bool) -> None:
    """Keep an answer, unless one was given already."""
    values = {"question": question, "as_of": as_of, "body": zlib.compress(canonical(answer), 6), "is_over": is_over}
    conn.execute(insert_into(conn, table).values(**values).on_conflict_do_nothing())
    same = table.c.is_over.is_(is_over)
    oldest = select(table.c.as_of).where(same).order_by(table.c.as_of.desc()).offset(MOST[is_over]).limit(1)
    if (last := conn.execute(oldest).scalar()) is not None:
        conn.execute(delete(table).where(same, table.c.as_of <= last))

"""What the desk itself did, as reports count it: steps of escalations, and the way back to Zendesk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import agent_keys, span_of
from tsbridge.reports.model import Question
from tsbridge.reports.sending import Sending
from tsbridge.reports.steps import Step
from tsbridge.store import reported
from tsbridge.store.reported import Row


def steps(conn: Connection, around: Around, question: Question) -> list[Step]:
    keys, as_of = agent_keys(conn, question.as_of), question.as_of
    return [_step(row, keys, as_of) for row in reported.steps(conn, span_of(question))]


def _step(row: Row, keys: dict[str, str], as_of: datetime) -> Step:
    acted = row["recorded_at"]
    over = row["ended_at"] is not None and max(row["ended_at"], acted or row["ended_at"]) <= as_of
    taken = row["taken_by"] if row["taken_at"] is not None and row["taken_at"] <= as_of else None
    return Step(
        at=row["armed_at"],
        case_id=row["case_id"],
        channel=row["channel"],
        category=row["category"],
        severity=row["severity"],
        queue=row["queue"],
        agent=None if taken is None else keys.get(taken, taken),
        as_of=as_of,
        status=row["status"] if over or row["status"] == "paused" else "armed",
        due_at=row["due_at"],
        acted_at=acted if over else None,
    )


def sendings(conn: Connection, around: Around, question: Question) -> list[Sending]:
    span, as_of = span_of(question), question.as_of
    found = []
    for row in reported.wishes(conn, span):
        written = row["confirmed_at"] if row["status"] == "confirmed" and row["confirmed_at"] is not None else None
        known = written is None or written <= as_of
        status, settled = (row["status"], written) if known else ("waiting", None)
        found.append(Sending(at=row["asked_at"], is_wish=True, status=status, settled_at=settled, as_of=as_of, **_about(row)))
    for row in reported.updates(conn, span):
        known = row["settled_at"] is not None and row["settled_at"] <= as_of
        status, settled = (row["outcome"], row["settled_at"]) if known else (None, None)
        found.append(Sending(at=row["at"], is_wish=False, status=status, settled_at=settled, as_of=as_of, **_about(row)))
    return found


def _about(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("case_id", "severity", "category", "queue", "agent")}

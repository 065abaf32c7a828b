"""Views for the tools that desks look at figures with: `report_*`, read-only, with times as such and without anybody's words, names or
numbers. What they are called and what their columns are called stays; columns may be added.

They belong to no migration: what a migration changes would not go with them standing. They are taken away before one and made after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, text

from tsbridge.store import stored_values

MARK: Final = "report_views"
_ONE: Final = "CROSS JOIN (SELECT 1 AS one) AS single"
"""A view over two things is one that no database lets anybody write through."""

VIEWS: Final[Mapping[str, str]] = {
    "report_cases": f"""
        SELECT c.id AS case_id, c.status, c.severity, c.category, c.queue, c.agent, c.assignee, c.acknowledged,
               {{c.opened_at}}, {{c.last_at}}, {{c.acknowledged_at}},
               (c.acknowledged_at - c.opened_at) / 1000000 AS acknowledged_after_s,
               (SELECT count(*) FROM interactions i WHERE i.case_id = c.id AND i.source = 'zendesk') AS tickets,
               (SELECT count(*) FROM interactions i WHERE i.case_id = c.id AND i.source = 'talkdesk') AS calls
        FROM cases c {_ONE}""",
    "report_interactions": f"""
        SELECT i.case_id, i.source, i.id AS interaction, i.channel, i.link_rank, {{i.opened_at}}, {{i.last_at}}
        FROM interactions i {_ONE}""",
    "report_decisions": """
        SELECT d.id AS decision_id, i.case_id, d.source, d.interaction, d.event, d.channel, d.rulebook_version, d.severity, d.queue,
               {d.at}, {d.recorded_at}
        FROM decisions d JOIN interactions i ON i.source = d.source AND i.id = d.interaction
        WHERE d.superseded_by IS NULL AND NOT d.retracted AND d.mode = 'live'""",
    "report_rules": """
        SELECT r.key AS rule, r.kind, d.id AS decision_id, i.case_id, d.rulebook_version, {d.at}
        FROM decision_rules r JOIN decisions d ON d.number = r.number
        JOIN interactions i ON i.source = d.source AND i.id = d.interaction
        WHERE d.superseded_by IS NULL AND NOT d.retracted AND d.mode = 'live'""",
    "report_escalations": f"""
        SELECT e.id AS escalation_id, e.case_id, e.policy, e.step, e.status, e.severity, e.category, e.queue, e.version AS rulebook_version,
               {{e.armed_at}}, {{e.due_at}}, {{e.ended_at}}
        FROM escalations e {_ONE}""",
    "report_assignments": """
        SELECT a.id AS assignment_id, i.case_id, a.ticket, a.queue, a.agent, a.severity, a.category, a.channel, {a.at}
        FROM assignments a JOIN interactions i ON i.source = 'zendesk' AND i.id = a.ticket""",
    "report_notifications": """
        SELECT n.id AS notification_id, n.case_id, n.kind, n.agent, n.way, n.status, n.reason, t.severity, t.category, t.queue,
               {n.made_at}, {n.sent_at}, {n.acknowledged_at}
        FROM notifications n LEFT JOIN notices t ON t.id = n.notice""",
    "report_writebacks": f"""
        SELECT w.id AS writeback_id, w.case_id, w.ticket, w.status, w.reason, w.attempts, w.severity, {{w.asked_at}}, {{w.confirmed_at}}
        FROM desired w {_ONE}""",
    "report_updates": f"""
        SELECT u.id AS update_id, u.ticket, u.outcome, {{u.at}}, {{u.settled_at}}
        FROM intents u {_ONE}""",
}


def statements(dialect: str) -> dict[str, str]:
    """What makes each view on this database. `{t.at}` in a view is that column as a time: with its zone on PostgreSQL, as text of
    RFC 3339 on SQLite."""
    return {name: f"CREATE VIEW {name} AS {_written(body, dialect)}" for name, body in VIEWS.items()}


def _written(body: str, dialect: str) -> str:
    parts = body.split("{")
    found = [parts[0]]
    for part in parts[1:]:
        column, _, rest = part.partition("}")
        name = column.partition(".")[2]
        if dialect == "postgresql":
            time = f"to_timestamp({column} / 1000000.0)"
        else:
            time = f"strftime('%Y-%m-%dT%H:%M:%SZ', {column} / 1000000, 'unixepoch')"
        found.append(f"{time} AS {name}{rest}")
    return " ".join("".join(found).split())


def stand(conn: Connection) -> bool:
    """Whether they are there as this code has them."""
    return bool(stored_values.get(conn, MARK) == _mark(conn.dialect.name))


def take_away(conn: Connection) -> None:
    for name in VIEWS:
        conn.execute(text(f"DROP VIEW IF EXISTS {name}"))


def make(conn: Connection) -> None:
    """Make them anew."""
    take_away(conn)
    for statement in statements(conn.dialect.name).values():
        conn.execute(text(statement))
    stored_values.put(conn, MARK, _mark(conn.dialect.name))


def _mark(dialect: str) -> str:
    return hashlib.sha256("\n".join(statements(dialect).values()).encode()).hexdigest()

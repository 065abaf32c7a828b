"""Rows as the walk leaves them, for tests that only read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import wish_json
from tsbridge.core.moments import Actor, Moment, Text, instant_text, to_json
from tsbridge.store import (
    case_tables,
    chain,
    decision_tables,
    escalation_tables,
    inbox_tables,
    link_tables,
    moment_tables,
    notice_tables,
    writing_tables,
)

OUTCOME: dict[str, Any] = {
    "severity": 1,
    "category": None,
    "queue": "safety",
    "assignee": None,
    "priority": "urgent",
    "tags_added": ["ts_injury"],
    "tags_removed": [],
    "escalations": ["sev1"],
    "overruled": [],
}


def event(conn: Connection, number: int, at: datetime, **more: Any) -> str:
    values = {
        "id": f"evt_{number:06d}",
        "source": "zendesk",
        "dedupe_key": str(number),
        "received_at": at,
        "headers": {},
        "body": b'{"number": %d}' % number,
        "status": "applied",
        "due_at": at,
    }
    conn.execute(insert(inbox_tables.inbox).values(**{**values, **more}))
    return str(values["id"])


def case(conn: Connection, case_id: str, at: datetime, ticket: str | None = None, **more: Any) -> None:
    values = {"id": case_id, "status": "open", "opened_at": at, "last_at": at, "tags": [], "state": {}}
    conn.execute(insert(case_tables.cases).values(**{**values, **more}))
    if ticket is not None:
        interaction(conn, case_id, "zendesk", ticket, at)


def interaction(conn: Connection, case_id: str, source: str, id_: str, at: datetime, **more: Any) -> None:
    values = {
        "source": source,
        "id": id_,
        "case_key": f"case_of_{source}_{id_}",
        "case_id": case_id,
        "channel": "email" if source == "zendesk" else "voice",
        "opened_at": at,
        "last_at": at,
        "link_rank": "named",
        "link_because": "opened the case",
    }
    conn.execute(insert(link_tables.interactions).values(**{**values, **more}))


def handle(conn: Connection, kind: str, value: str, source: str, id_: str, role: str) -> None:
    conn.execute(insert(link_tables.handles).values(kind=kind, value=value, source=source, interaction=id_, role=role))


def decision(
    conn: Connection, number: int, at: datetime, rules: tuple[tuple[str, str], ...] = (("injury", "escalation"),), **more: Any
) -> str:
    """A decision with its place in the chain and its rows to filter by."""
    id_ = f"dec_{number:06d}"
    outcome = {**OUTCOME, **more.pop("outcome", {})}
    matched = [list(rule) for rule in rules]
    chain.append(conn, "decision", id_, {"type": "decision", "id": id_, "rules": matched, "outcome": outcome})
    values = {
        "id": id_,
        "at": at,
        "recorded_at": at + timedelta(seconds=1),
        "moment": f"moment {number}",
        "event_id": f"evt_{number:06d}",
        "event": "ticket.created",
        "case_id": f"case_{number:06d}",
        "source": "zendesk",
        "interaction": str(number),
        "channel": "email",
        "rulebook_version": 1,
        "mode": "live",
        "severity": outcome["severity"],
        "queue": outcome["queue"],
        "agent": (outcome["assignee"] or {}).get("id"),
        "outcome": outcome,
        "matched": matched,
        "salt": "salt",
    }
    made = conn.execute(insert(decision_tables.decisions).values(**{**values, **more}).returning(decision_tables.decisions.c.number))
    number = made.scalar_one()
    for key, kind in rules:
        conn.execute(insert(decision_tables.decision_rules).values(key=key, number=number, kind=kind))
    for tag in outcome["tags_added"]:
        conn.execute(insert(decision_tables.decision_tags).values(tag=tag, number=number))
    return id_


def telling(conn: Connection, number: int, at: datetime) -> str:
    """Somebody who was told, of a notice and by a message of their own."""
    about = {"case_id": f"case_{number:06d}", "source": "zendesk", "interaction": str(number), "asked_by": "policy:sev1/1"}
    flags = {"late": False, "in_hand": False, "ahead": False}
    when = {"at": at, "asked_at": at, "version": 1, "target": "oncall", "severity": 1}
    conn.execute(insert(notice_tables.notices).values(id=f"ntc_{number:06d}", asking=f"asking {number}", **about, **flags, **when))
    what = {"agent": "ana", "way": "mail", "hush": False, "status": "sent", "severity": 1, "made_at": at, "due_at": at, "why": []}
    conn.execute(
        insert(notice_tables.messages).values(id=f"ntf_{number:06d}", **what, attempts=[[instant_text(at), "ok"]], sealed=False, tries=0)
    )
    links = {"notice": f"ntc_{number:06d}", "message": f"ntf_{number:06d}", "case_id": about["case_id"]}
    told = {"kind": "step", "agent": "ana", "way": "mail", "status": "sent", "made_at": at, "sent_at": at, "failed": False}
    conn.execute(insert(notice_tables.notifications).values(id=f"nfy_{number:06d}", **links, **told))
    return f"nfy_{number:06d}"


def wish(conn: Connection, number: int, at: datetime, **more: Any) -> str:
    values = {
        "ticket": str(number),
        "id": f"wb_{number:06d}",
        "case_id": f"case_{number:06d}",
        "wish": wish_json(Wish(tags=(("ts_injury", "1"),))),
        "status": "confirmed",
        "asked_at": at,
        "due_at": at,
        "ours": {},
        "attempts": 1,
    }
    conn.execute(insert(writing_tables.desired).values(**{**values, **more}))
    return str(values["id"])


def escalation(conn: Connection, number: int, at: datetime, **more: Any) -> str:
    values = {
        "id": f"esc_{number:06d}",
        "case_id": f"case_{number:06d}",
        "policy": "sev1",
        "step": 1,
        "armed_at": at,
        "due_at": at + timedelta(minutes=15),
        "status": "armed",
    }
    conn.execute(insert(escalation_tables.escalations).values(**{**values, **more}))
    return str(values["id"])


def moment(conn: Connection, number: int, at: datetime, ticket: str, texts: tuple[tuple[str, str], ...] = ()) -> str:
    """What happened to a ticket, with the words of its requester: (role, words)."""
    said = tuple(Text("subject", words) if role == "subject" else Text("description", words, "requester", True) for role, words in texts)
    told = Moment(
        "zendesk", ticket, "ticket.created", at, facts=(("channel", "email"),), texts=said, actor=Actor("requester", "360000000001")
    )
    about = {"event_id": f"evt_{number:06d}", "source": told.source, "interaction": ticket, "event": told.event, "at": at}
    conn.execute(insert(moment_tables.moments).values(digest=f"moment {number}", body=to_json(told), rulebook_version=1, **about))
    return f"moment {number}"

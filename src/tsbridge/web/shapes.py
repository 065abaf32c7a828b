"""Stored rows as the contract shows them (sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tsbridge.core.casestate import NAMED
from tsbridge.core.times import time_text
from tsbridge.store.keys import Key
from tsbridge.store.rulebooks import Draft
from tsbridge.store.steps import About
from tsbridge.store.versions import Version

Row = Mapping[Any, Any]


def event_item(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "source": row["source"],
        "status": row["status"],
        "reason": row["reason"],
        "event_type": row["event_type"],
        "polled": row["polled"],
        "received_at": time_text(row["received_at"]),
        "settled_at": time_text(row["settled_at"]),
        "due_at": time_text(row["due_at"]) if row["status"] == "pending" else None,
        "attempts": row["attempts"],
        "duplicates": row["duplicates"],
        "warnings": row["warnings"] or [],
        "redacted_at": time_text(row["redacted_at"]),
    }


def case_item(row: Row, interactions: Sequence[Row], keys: Mapping[str, str]) -> dict[str, Any]:
    """`keys`: of the roster, by Zendesk ids."""
    has = row["assignee"]
    return {
        "id": row["id"],
        "status": row["status"],
        "severity": row["severity"],
        "category": row["category"],
        "queue": row["queue"],
        "assignee": None if has is None else assignee(has, row["agent"] or keys.get(has), row["assigned_because"] or NAMED),
        "acknowledged": row["acknowledged"],
        "acknowledged_at": time_text(row["acknowledged_at"]),
        "acknowledged_by": keys.get(row["acknowledged_by"], row["acknowledged_by"]),
        "acknowledged_way": row["acknowledged_way"],
        "opened_at": time_text(row["opened_at"]),
        "last_at": time_text(row["last_at"]),
        "interactions": [interaction_item(one) for one in interactions],
        "tags": row["tags"],
        "next_due": time_text(row["due_at"]),
        "revision": row["revision"],
    }


def assignee(id: str, agent: str | None, because: str) -> dict[str, Any]:
    """Who has it. `agent`: their key in the roster; null where nobody of the roster is known by that id."""
    return {"id": id, "agent": agent, "because": because}


def interaction_item(row: Row) -> dict[str, Any]:
    return {
        "source": row["source"],
        "id": row["id"],
        "channel": row["channel"],
        "opened_at": time_text(row["opened_at"]),
        "linked": {"rank": row["link_rank"], "because": row["link_because"]},
    }


def moment_item(row: Row) -> dict[str, Any]:
    """What happened and whether it still counts, without its words."""
    withdrawn = {"at": time_text(row["withdrawn_at"]), "by": row["withdrawn_by"], "reason": row["withdrawn_because"]}
    return {
        "id": row["digest"],
        "at": time_text(row["at"]),
        "event": row["event"],
        "event_id": row["event_id"],
        "interaction": {"source": row["source"], "id": row["interaction"]},
        "impression": row["impression"],
        "replaced_at": time_text(row["replaced_at"]),
        "redacted_at": time_text(row["redacted_at"]),
        "withdrawn": None if row["withdrawn_at"] is None else withdrawn,
    }


def escalation_item(row: Row, now: datetime, keys: Mapping[str, str]) -> dict[str, Any]:
    """`keys`: of the roster, by Zendesk ids."""
    due = row["status"] == "armed" and row["due_at"] <= now
    taken = row["taken_at"] is not None and row["taken_at"] >= row["armed_at"]
    ended = row["ended_at"] if row["status"] == "acknowledged" else None
    return {
        "id": row["id"],
        "case_id": row["case_id"],
        "policy": row["policy"],
        "step": row["step"],
        "armed_at": time_text(row["armed_at"]),
        "due_at": time_text(row["due_at"]),
        "status": "due" if due else row["status"],
        "ended_at": time_text(row["ended_at"]),
        "acknowledged_at": time_text(ended or (row["taken_at"] if taken else None)),
        "acknowledged_by": keys.get(row["taken_by"], row["taken_by"]) if taken else None,
        "rulebook_version": row["version"] or None,
        "severity": row["severity"],
        "category": row["category"],
        "queue": row["queue"],
        "ticket": row["interaction"] if row["source"] == "zendesk" else None,
        "call": row["interaction"] if row["source"] == "talkdesk" else None,
    }


def step_item(row: Row, now: datetime, about: About) -> dict[str, Any]:
    """A step with the words its ticket is called by, who was told of it, and what the watchdog finds."""
    item = escalation_item(row, now, about.keys)
    told = [
        {"to": one.agent, "way": one.way, "at": time_text(one.sent_at), "status": one.status, "reason": one.reason}
        for one in about.told[row["id"]]
    ]
    return {
        **item,
        "subject": None if item["ticket"] is None else about.subjects.get(item["ticket"]),
        "told": told,
        "amiss": about.amiss[row["id"]],
    }


def assignment_item(row: Row) -> dict[str, Any]:
    """Work that the desk gave to somebody: everybody as they were ranked then."""
    same = ("id", "ticket", "queue", "agent", "severity", "category", "channel", "candidates", "roster_version", "rulebook_version")
    told = {name: row[name] for name in same}
    return {**told, "at": time_text(row["at"]), "zendesk_user_id": row["zendesk_user_id"], "instead_of": row["instead_of"]}


def writeback_item(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "ticket": row["ticket"],
        "case_id": row["case_id"],
        "status": row["status"],
        "reason": row["reason"],
        "severity": row["severity"],
        "attempts": row["attempts"],
        "revision": row["revision"],
        "asked_at": time_text(row["asked_at"]),
        "due_at": time_text(row["due_at"]),
        "confirmed_at": time_text(row["confirmed_at"]),
    }


def key_item(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "created_at": time_text(key.created_at),
        "expires_at": time_text(key.expires_at),
        "revoked_at": time_text(key.revoked_at),
        "last_used_at": time_text(key.last_used_at),
    }


def version_item(version: Version) -> dict[str, Any]:
    """A published version without its document. `id` is its number as text, as lists have ids."""
    return {
        "id": str(version.version),
        "version": version.version,
        "hash": version.hash,
        "published_at": time_text(version.published_at),
        "published_by": version.published_by,
        "note": version.note,
    }


def version_whole(version: Version) -> dict[str, Any]:
    """A published version with its document."""
    return {**version_item(version), "document": version.document}


def draft_item(draft: Draft, live_version: int) -> dict[str, Any]:
    return {
        "document": draft.document,
        "based_on": draft.based_on,
        "revision": draft.revision,
        "updated_at": time_text(draft.updated_at),
        "updated_by": draft.updated_by,
        "live_version": live_version,
    }

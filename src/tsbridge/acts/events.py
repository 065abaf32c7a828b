"""Deliveries: what was heard, what became of it, and another try for what got stuck."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection

from tsbridge.acts.errors import Conflict, need
from tsbridge.acts.ledger import Entry
from tsbridge.acts.shape import Place, of_row
from tsbridge.store import inbox, views, wakeup
from tsbridge.store.views import Row

Status = Literal["pending", "applied", "ignored", "quarantined", "dead"]
Source = Literal["zendesk", "talkdesk"]
RETRIED: Final = ("quarantined", "dead", "ignored")


@dataclass(frozen=True, slots=True)
class Event:
    """`due_at`: when it is worked on, while it waits."""

    id: str
    seq: Place
    source: str
    status: Status
    reason: str | None
    event_type: str | None
    polled: bool
    received_at: datetime
    settled_at: datetime | None
    due_at: datetime | None
    attempts: int
    duplicates: int
    warnings: tuple[str, ...]
    redacted_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventBody:
    text: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class EventWhole(Event):
    """`moments`: digests of those it told first; `decisions`: ids of those it led to."""

    headers: dict[str, Any]
    body: EventBody
    moments: tuple[str, ...]
    decisions: tuple[str, ...]


def listed(conn: Connection, limit: int, after: int | None = None, status: str | None = None, source: str | None = None) -> list[Event]:
    """Newest first, without what they say. `after`: the `seq` of the last one seen."""
    return [of_row(Event, row, **_told(row)) for row in views.events(conn, limit, after, status, source)]


def show(conn: Connection, event_id: str) -> EventWhole:
    """One delivery with its bytes as they came. Raises `NotFound`."""
    row = need(views.event(conn, event_id), "event")
    moments, decisions = views.event_results(conn, event_id)
    body: bytes = row["body"]
    return of_row(
        EventWhole,
        row,
        **_told(row),
        body=EventBody(body.decode("utf-8", "replace"), len(body), hashlib.sha256(body).hexdigest()),
        moments=tuple(moments),
        decisions=tuple(decisions),
    )


def retry(conn: Connection, entry: Entry, event_id: str) -> None:
    """Have a quarantined, dead or ignored delivery worked on once more. Raises `NotFound`, `Conflict`."""
    row = need(views.event(conn, event_id), "event")
    if row["status"] not in RETRIED:
        raise Conflict(f"This event is {row['status']}; only quarantined, dead and ignored ones can be tried again.")
    inbox.retry(conn, event_id, entry.at)
    wakeup.tell(conn, wakeup.INBOX)
    entry.change(conn, "event.retry", event_id, {"status": row["status"], "reason": row["reason"]}, {"status": "pending"})


def _told(row: Row) -> dict[str, Any]:
    return {"due_at": row["due_at"] if row["status"] == "pending" else None, "warnings": tuple(row["warnings"] or ())}

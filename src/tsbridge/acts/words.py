"""What people wrote in severe cases is shown to whoever may ask for it, and that they did is on record, among the changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.acts.ledger import Entry
from tsbridge.store import change_log, views
from tsbridge.store.change_log import WORDS_READ

SEVERE: Final = 2
"""Up to this severity what people wrote is shown only to whoever asks for it, and that they asked is on record."""
AGAIN: Final = timedelta(minutes=10)
"""Whoever goes on reading a case within that time reads it once."""


def is_severe(severity: int | None) -> bool:
    return severity is not None and severity <= SEVERE


def are_read_anew(conn: Connection, by: str, case_id: str, now: datetime) -> bool:
    """Whether it is to be put on record that this person reads the words of this case: it is severe, and they were not seen to just now."""
    row = views.case(conn, case_id)
    if row is None or not is_severe(row["severity"]):
        return False
    last = change_log.last_at(conn, WORDS_READ, row["id"], by)
    return last is None or last + AGAIN <= now


def read_words(conn: Connection, entry: Entry, case_id: str, what: str = "words") -> None:
    """Put on record that somebody reads the words of a case. `what`: in which view of it."""
    row = views.case(conn, case_id)
    subject = case_id if row is None else str(row["id"])
    entry.change(conn, WORDS_READ, subject, None, {"what": what}, also=[subject])

"""What people wrote in severe cases is shown to whoever asks for it, and that they did is on record."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from tsbridge.acts.ledger import Entry

LOOKED: Final = "case.words_read"


def read_words(conn: Connection, entry: Entry, case_id: str) -> None:
    """Put on record that somebody reads the words of a case."""
    entry.change(conn, LOOKED, case_id, None, None)

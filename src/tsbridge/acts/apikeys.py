"""API keys: made here, shown once, never deleted, only revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.acts.errors import Invalid, need
from tsbridge.acts.ledger import Entry
from tsbridge.acts.shape import like
from tsbridge.core.times import time_text
from tsbridge.store import keys
from tsbridge.store.keys import Key, Minted


@dataclass(frozen=True, slots=True)
class KeyMade(Key):
    """`key`: its text, which is kept nowhere."""

    key: str


def create(
    conn: Connection, entry: Entry, minted: Minted, pepper: bytes, name: str, role: str, expires_at: datetime | None = None
) -> KeyMade:
    """Raises `Invalid` for a key that would be good for nothing."""
    if expires_at is not None and expires_at <= entry.at:
        raise Invalid({"/expires_at": "Expected a time in the future."})
    key = keys.create(conn, minted, name=name, role=role, at=entry.at, expires_at=expires_at, pepper=pepper)
    entry.change(conn, "key.create", key.id, None, keys.recorded(conn, key.id))
    return like(KeyMade, key, key=minted.text)


def revoke(conn: Connection, entry: Entry, key_id: str) -> bool:
    """The key is good for nothing from now on, in every process. Whether it was until now; raises `NotFound`."""
    need(keys.find(conn, key_id), "key")
    fresh = keys.revoke(conn, key_id, entry.at)
    if fresh:
        entry.change(conn, "key.revoke", key_id, {"revoked_at": None}, {"revoked_at": time_text(entry.at)})
    return fresh

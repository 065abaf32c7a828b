"""Values as columns keep them, opened: packed or not, encrypted or not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection

from tsbridge.store import vault
from tsbridge.store.columns import PrivateJson, Vaulted
from tsbridge.store.packing import unpacked


def opened(conn: Connection, column: Column[Any], kept: Any) -> bytes:
    """The bytes of a value, JSON as its canonical text."""
    held = vault.of(conn.dialect)
    if isinstance(column.type, PrivateJson):
        return b"" if kept is None else held.read_json(column.type.place, kept).encode()
    if isinstance(column.type, Vaulted):
        kept = None if kept is None else column.type.reader(held)(kept)
    return bytes(kept) if isinstance(kept, (bytes, memoryview)) else unpacked(str(kept)).encode()

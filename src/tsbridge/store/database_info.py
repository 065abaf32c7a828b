"""What kind of database this is and how it is set up, for `tsbridge doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from tsbridge.store import stored_values

_DURABLE_SQLITE: Final = {"journal_mode": "wal", "synchronous": "2"}
_DURABLE_POSTGRES: Final = {"fsync": "on", "synchronous_commit": "on"}


@dataclass(frozen=True, slots=True)
class About:
    """`unsafe`: settings under which an answered delivery could be lost, as `name=value`."""

    version: str
    size_bytes: int
    unsafe: tuple[str, ...]


def about(conn: Connection) -> About:
    if conn.dialect.name == "sqlite":
        version = str(conn.execute(text("SELECT sqlite_version()")).scalar_one())
        size = int(conn.execute(text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")).scalar_one())
        found = {name: str(conn.execute(text(f"PRAGMA {name}")).scalar_one()) for name in _DURABLE_SQLITE}
        unsafe = [f"{name}={found[name]}" for name, wanted in _DURABLE_SQLITE.items() if found[name] != wanted]
        return About(version, size, tuple(unsafe))
    version = str(conn.execute(text("SHOW server_version")).scalar_one())
    size = int(conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    found = {name: str(conn.execute(text(f"SHOW {name}")).scalar_one()) for name in _DURABLE_POSTGRES}
    return About(version, size, tuple(f"{name}={value}" for name, value in found.items() if value in ("off", "local")))


def try_writing(conn: Connection) -> None:
    """Writes and takes back a value of ours: raises what a full or read-only database raises."""
    stored_values.put(conn, "doctor", True)
    stored_values.forget(conn, "doctor")

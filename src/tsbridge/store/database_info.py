"""What kind of database this is, how it is set up, whether it can be written and has room."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from tsbridge.store import stored_values

_DURABLE_SQLITE: Final = {"journal_mode": "wal", "synchronous": "2"}
_DURABLE_POSTGRES: Final = {"fsync": "on", "synchronous_commit": "on"}
TRIED: Final = "doctor"
"""The name of a value that is never kept."""
ROOM_WANTED: Final = 0.10
ROOM_NEEDED: Final = 0.02
"""Shares of a disk: below the first it is time to make room, below the second soon nothing can be kept."""


class Room(NamedTuple):
    """`free`: bytes; `share`: of the whole disk."""

    free: int
    share: float

    def __str__(self) -> str:
        return f"{self.free / 1e9:.1f} GB free where the database lies ({self.share:.0%})"


def room(directory: Path) -> Room:
    """What is free on the disk of a directory. Raises OSError."""
    disk = shutil.disk_usage(directory)
    return Room(disk.free, disk.free / disk.total)


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
    stored_values.put(conn, TRIED, True)
    stored_values.forget(conn, TRIED)

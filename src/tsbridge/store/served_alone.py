"""One process serves a SQLite database; a lock beside its file says which."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tsbridge.store import sqlite
from tsbridge.store.db import parse


class AlreadyServed(RuntimeError):
    """Another process serves this SQLite database."""


class ServedAlone:
    """The right to serve a database alone; given back by `release` or when the process ends, however it ends."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def claim_alone(url: str) -> ServedAlone:
    """Claim a SQLite database for this process. AlreadyServed when another one serves it. PostgreSQL: any number may."""
    read = parse(url)
    if read.get_backend_name() != "sqlite":
        return ServedAlone(None)
    database = sqlite.path_of(read)
    database.absolute().parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(Path(f"{database}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise AlreadyServed(f"another tsbridge process serves {database}; SQLite takes one (use PostgreSQL for several)") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return ServedAlone(descriptor)

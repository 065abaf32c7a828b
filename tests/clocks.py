"""Time and ids for tests: both only move when told to."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class SettableClock:
    """A clock that stands still until it is set or moved on."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def set(self, at: datetime) -> None:
        self.at = at

    def advance(self, by: timedelta | float) -> datetime:
        """Move on by a span, or by seconds."""
        self.at += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self.at


class CountingIds:
    """`evt_000001`, `evt_000002` …, one count over all prefixes. Two for one database need different `first`."""

    def __init__(self, first: str = "") -> None:
        self._first = first
        self._count = 0
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        with self._lock:
            self._count += 1
            return f"{prefix}_{self._first}{self._count:06d}"

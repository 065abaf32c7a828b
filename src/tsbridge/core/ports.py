"""What everybody is handed instead of reaching for it: the time and fresh ids, made by `wiring`; and what an act or a process apart may
raise instead of an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The wall clock."""

    def now(self) -> datetime:
        """The present instant: aware, UTC."""
        ...


class Ids(Protocol):
    """A source of ids."""

    def new(self, prefix: str) -> str:
        """`<prefix>_<text>`, never the same twice; of two ids of one process the later one sorts behind."""
        ...


class Refusal(Exception):
    """A person's edit of a case that makes no sense. `detail` says why, without anybody's data."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Died(Exception):
    """Work in a process of its own did not come back: that process was killed, took too long or too much. It is not to be done here."""

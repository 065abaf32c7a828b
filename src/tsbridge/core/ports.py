"""What everybody is handed instead of reaching for it: the time and fresh ids, made by `wiring`; and what a process apart may raise
instead of an answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

CLOCKS_APART: Final = timedelta(minutes=1)
"""So far the clocks of two processes may be apart: what is dated later than that from now was dated by one that was ahead."""


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


class Died(Exception):
    """Work in a process of its own did not come back: that process was killed, took too long or too much. It is not to be done here."""

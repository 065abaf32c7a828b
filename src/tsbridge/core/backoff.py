"""How long to wait after so many failures in a row: the one policy of trying again, and by name all that go by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Backoff:
    """`pauses`: after the first failure, after the second, and so on; the last one goes on for ever. At least one."""

    pauses: tuple[timedelta, ...]

    @property
    def first(self) -> timedelta:
        return self.pauses[0]

    @property
    def longest(self) -> timedelta:
        return self.pauses[-1]

    def after(self, failures: int, share: float = 1.0) -> timedelta:
        """The pause after so many failures. `share` of it, from 0 to 1: a random one keeps many from coming back at once."""
        return self.pauses[min(max(failures, 1), len(self.pauses)) - 1] * share


def doubling(first: timedelta, longest: timedelta) -> Backoff:
    """Twice as long each time."""
    pauses = [first]
    while pauses[-1] < longest:
        pauses.append(min(pauses[-1] * 2, longest))
    return Backoff(tuple(pauses))


def _seconds(*pauses: int) -> Backoff:
    return Backoff(tuple(timedelta(seconds=pause) for pause in pauses))


CALL: Final = doubling(timedelta(seconds=1), timedelta(seconds=5))
"""A request that is safe to repeat, by random shares."""
TOKEN: Final = doubling(timedelta(seconds=5), timedelta(minutes=1))
"""Renewing an access token while the old one still serves."""
REPORT: Final = doubling(timedelta(seconds=1), timedelta(seconds=30))
"""Looking whether a report is ready: no failure, the same pace."""
ROUND: Final = doubling(timedelta(seconds=1), timedelta(minutes=1))
"""A round of a task."""
LISTEN: Final = doubling(timedelta(seconds=1), timedelta(seconds=30))
"""Listening to what other processes tell."""
DELIVERY: Final = doubling(timedelta(seconds=5), timedelta(minutes=30))
"""Working on a delivery."""
WISH: Final = doubling(timedelta(seconds=5), timedelta(minutes=15))
"""Writing to a ticket, by random shares."""
TICKET: Final = doubling(timedelta(seconds=10), timedelta(minutes=15))
"""Reading a ticket."""
MESSAGE: Final = _seconds(10, 30, 60, 120, 300)
"""Sending a message to somebody."""
RECORDING: Final = _seconds(30, 120, 300, 900, 3_600)
"""Looking for the recording of a call, which appears a while after it."""

"""How a process ends when it is told to: in good order and in time, whatever its work waits for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

log = logging.getLogger("tsbridge.shutdown")

FORCED: Final = 1
"""The exit code of a process that had to be ended: what it was at is begun again by the next one, as after `kill -9`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what is under way: requests, rounds of tasks, rounds that were cancelled, messages, giving back what
    was claimed; `whole`: for all of it.

    Supervisors wait 30 s at least before they kill.
    """

    requests: timedelta = timedelta(seconds=8)
    rounds: timedelta = timedelta(seconds=8)
    cancelled: timedelta = timedelta(seconds=1)
    messages: timedelta = timedelta(seconds=3)
    leaving: timedelta = timedelta(seconds=2)
    whole: timedelta = timedelta(seconds=24)


PATIENCE: Final = Patience()


class Ending:
    """To be told of every signal. The first begins the end, the second leaves a second for it; `exit` is what cannot be waited for."""

    def __init__(self, patience: Patience, stop: Callable[[], object], exit: Callable[[int], object]) -> None:
        self._patience = patience
        self._stop = stop
        self._exit = exit
        self._told = 0

    def told(self) -> None:
        """End. `stop` is called once."""
        self._told += 1
        left = self._patience.whole if self._told == 1 else min(self._patience.whole, timedelta(seconds=1))
        timer = threading.Timer(left.total_seconds(), self._end)
        timer.daemon = True  # it holds up nobody who ends sooner
        timer.start()
        if self._told == 1:
            self._stop()

    def _end(self) -> None:
        log.error("the process did not end by itself and is ended", extra={"seconds": self._patience.whole.total_seconds()})
        self._exit(FORCED)

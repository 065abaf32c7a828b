"""The machine's clock, randomness, and the ids and names that are made of both."""

from __future__ import annotations

import os
import socket
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from tsbridge.core.ports import Clock

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _LETTERS for second in _LETTERS]
_SHIFTS: Final = tuple(range(120, 19, -10))
_LOW: Final = 20  # the bits below, that counting up changes
_TIME_BITS: Final = 48
_RANDOM_BITS: Final = 80

entropy: Final[Callable[[int], bytes]] = os.urandom
steady: Final[Callable[[], float]] = time.monotonic
"""Seconds that pass evenly, also while somebody sets the clock. It stands still while the machine sleeps."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TimedIds:
    """`<prefix>_<26 letters>`: 48 bits of milliseconds, then 80 random bits, counted up within one millisecond.

    Sorted as text they are sorted by time; a clock that is set back does not break the order within a process.
    """

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._entropy = entropy
        self._last = 0
        self._leading = -1, ""
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        at = int(self._clock.now().timestamp() * 1000) & ((1 << _TIME_BITS) - 1)
        with self._lock:
            if at > self._last >> _RANDOM_BITS:
                # the top bit stays free, so that counting up never reaches the next millisecond
                self._last = (at << _RANDOM_BITS) | (int.from_bytes(self._entropy(_RANDOM_BITS // 8)) >> 1)
            else:
                self._last += 1
            number = self._last
            above, letters = self._leading
            if number >> _LOW != above:
                letters = "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])
                self._leading = number >> _LOW, letters
        return f"{prefix}_{letters}{_PAIRS[(number >> 10) & 1023]}{_PAIRS[number & 1023]}"


def salt() -> str:
    """Kept with every decision, so in ten characters less than hexadecimal ones."""
    return urlsafe_b64encode(entropy(16)).decode().rstrip("=")


def worker_name() -> str:
    """Names this process in leases: no other one, now or later, has the same."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{entropy(4).hex()}"

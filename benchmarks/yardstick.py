"""How fast the machine is at this moment: others use it, too, and the same work takes twice the CPU in one minute as in the next."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Final

_SOME: Final = {f"name-{n}": {"id": str(n), "words": "the sitter came late " * 3, "tags": ["a", "b"]} for n in range(40)}


class Yardstick:
    """The mean CPU of a fixed piece of work, in microseconds, over the time in which it is laid on."""

    def __init__(self) -> None:
        self._spent_ns = self._times = 0

    def lay_on(self) -> None:
        begun = time.thread_time_ns()
        for _ in range(4):
            text = json.dumps(_SOME, sort_keys=True)
            hashlib.sha256(text.encode()).hexdigest()
            sorted(json.loads(text).items(), key=lambda item: item[1]["id"])
        self._spent_ns += time.thread_time_ns() - begun
        self._times += 1

    @property
    def us(self) -> float:
        return self._spent_ns / 1e3 / self._times

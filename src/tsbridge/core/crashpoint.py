"""Named points at which a test may have the process die, to show that dying there loses and doubles nothing.

A call costs one look at a variable. Only `wiring` arms one, from a test setting (`name:nth`), and says how to die.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

POINTS: Final = {
    "door.verified": "C1 proven, not inserted",
    "door.inserted": "C2 inserted, not committed",
    "door.committed": "C3 committed, not answered",
    "ingest.claimed": "C4 claimed",
    "ingest.read": "C5 read",
    "ingest.concluded": "C6 concluded, not committed",
    "ingest.committed": "C7 committed",
    "rejudge.judged": "some cases judged anew, not committed",
    "rejudge.committed": "some cases judged anew, committed",
    "writeback.claimed": "C8 wish claimed",
    "writeback.intended": "intent kept, request not sent",
    "writeback.sent": "C9 request on its way, no answer seen",
    "writeback.answered": "C10 answered, not settled",
    "writeback.settled": "C11 settled",
    "duties.compared": "duties compared, who is to be told not noted",
    "duties.noted": "noted who is to be told of their duty",
    "notify.claimed": "message claimed, not sent",
    "notify.sent": "message sent, not settled",
    "notify.settled": "message settled",
    "erasing.begun": "C16 a person is known no more, not committed",
    "erasing.part": "C16 a part of what was said is gone, not committed",
    "erasing.searched": "C16 a part of the rest was searched, not committed",
    "erasing.closed": "C16 all is gone, the certificate not signed",
}
"""Every point there is, with the crash that reliability.md section 11 asks for."""


class _Armed:
    """Counts passages of one point and dies at the nth."""

    def __init__(self, name: str, nth: int, die: Callable[[], None]) -> None:
        self.name = name
        self.left = nth
        self.die = die


_armed: _Armed | None = None


def crashpoint(name: str) -> None:
    """Nothing, unless this point is armed."""
    if _armed is not None and _armed.name == name:
        _armed.left -= 1
        if _armed.left <= 0:
            _armed.die()


def arm(spec: str, die: Callable[[], None]) -> None:
    """Die at the nth passage of a point: `door.inserted:3`; without a number at the first. ValueError for an unknown point."""
    global _armed
    name, _, nth = spec.partition(":")
    if name not in POINTS or (nth and not (nth.isascii() and nth.isdigit() and int(nth[:9]) > 0)):
        raise ValueError(f"expected a crash point as name or name:nth, one of {', '.join(POINTS)}")
    _armed = _Armed(name, int(nth[:9]) if nth else 1, die)


def disarm() -> None:
    global _armed
    _armed = None

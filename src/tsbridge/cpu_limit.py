"""Work on the main thread ended when it has computed for too long, whatever it does: the event loop waits no longer for it.

By the timer of the processor's time, so that a busy machine ends nothing. What computes in a library without ever looking for
signals is not ended; such a process stops answering, and what it was at is read in a process of its own after it was killed.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

from tsbridge.work.bound import Bound, TookTooLong

T = TypeVar("T")

AGAIN_S: Final = 0.05
"""Where the first was swallowed, in a callback or a destructor, the next may not be."""

_armed = False


class _Overtime(BaseException):
    """No `Exception`: what is ended shall not take it for a failure of its own."""


def _ring(_: int, __: FrameType | None) -> None:
    if _armed:
        raise _Overtime


def within(seconds: float) -> Bound:
    """Bounds work to so many seconds of computing, all threads of this process together. On other threads than the main one: nothing."""

    def bound(work: Callable[[], T]) -> T:
        if threading.current_thread() is not threading.main_thread():
            return work()
        if signal.getsignal(signal.SIGVTALRM) is not _ring:
            signal.signal(signal.SIGVTALRM, _ring)
        try:
            try:
                _arm(seconds)
                return work()
            finally:
                _disarm()
        except _Overtime:
            _disarm()  # it may have rung on the way out
            raise TookTooLong from None

    return bound


def _arm(seconds: float) -> None:
    global _armed
    _armed = True
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN_S)


def _disarm() -> None:
    global _armed
    _armed = False
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)

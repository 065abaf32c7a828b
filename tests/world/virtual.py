"""Time that only passes when everybody waits: an event loop that jumps to its next timer, clocks by it, and work in its own thread."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final

BEGIN: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Deadlock(Exception):
    """Everybody waits and nothing will ever happen."""


class Spinning(Exception):
    """Somebody goes round and round, and no time passes."""


AT_ONE_INSTANT: Final = 30_000
"""Rounds of the loop; the busiest instant of a world has some hundreds."""


class _NeverWaits(selectors.SelectSelector):
    """Instead of waiting it has the time pass."""

    def __init__(self, passes: Callable[[float], None]) -> None:
        super().__init__()
        self._passes = passes
        self._standing = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock
        self._standing += 1
        if timeout > 0:
            self._standing = 0
            self._passes(timeout)
        elif self._standing > AT_ONE_INSTANT:
            self._standing = 0  # what is left is ended on this loop, too
            raise Spinning
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Nobody sleeps on it, and what it runs it runs in the same order every time."""

    def __init__(self) -> None:
        self.passed = 0.0
        super().__init__(_NeverWaits(self._passes))

    def _passes(self, seconds: float) -> None:
        self.passed += seconds

    def time(self) -> float:
        return self.passed

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # there is one thread
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except BaseException as failure:
            done.set_exception(failure)
        return done


class Time:
    """The world's time, from `BEGIN`; and clocks that may go wrong (`skewed`)."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return BEGIN + timedelta(microseconds=round(self._loop.passed * 1_000_000))

    def skewed(self) -> SkewedClock:
        return SkewedClock(self)


class SkewedClock:
    """A machine's clock: the world's time, and how far it is off."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.off = timedelta(0)

    def now(self) -> datetime:
        return self._time.now() + self.off


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, Any]]) -> Any:
    """Run it on a loop of its own, to its end; what still goes on then is ended."""
    loop = VirtualLoop()
    loop.set_exception_handler(lambda loop, about: None)  # of the dead nobody fetches the results
    try:
        return loop.run_until_complete(main(loop))
    finally:
        left = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()

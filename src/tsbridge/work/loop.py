"""The loop behind the door: named tasks that are run again and again, woken when there is work, looking by themselves else.

Each task is an async function that does one round and returns when to come again: `True` at once (there may be more),
an instant when something falls due, `False` or `None` when nothing is known. A task that fails rests, longer each time, and never stops
the others: here stands the one `except Exception`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.backoff import ROUND
from tsbridge.core.ports import Clock

Round = Callable[[], Awaitable[datetime | bool | None]]
Wait = Callable[[asyncio.Event, timedelta], Awaitable[None]]
"""Waits until the event is set or the span has passed. Tests pass one that moves their clock."""

LOOK_AGAIN: Final = timedelta(seconds=2)
"""How long a task that knows of nothing rests at most: wake-ups are hints, other processes write too."""

log = logging.getLogger("tsbridge.loop")


async def wait_for(event: asyncio.Event, span: timedelta) -> None:
    """The real wait."""
    try:
        async with asyncio.timeout(span.total_seconds()):
            await event.wait()
    except TimeoutError:
        return


class Loop:
    """Runs tasks on the event loop that calls `run`. `wake` may be called from any thread."""

    def __init__(self, tasks: Mapping[str, Round], clock: Clock, *, wait: Wait = wait_for, look_again: timedelta = LOOK_AGAIN) -> None:
        self._tasks = dict(tasks)
        self._clock = clock
        self._wait = wait
        self._look_again = look_again
        self._events = {name: asyncio.Event() for name in tasks}
        self._stopping = False
        self._running: asyncio.AbstractEventLoop | None = None
        self._last_beat: datetime | None = None
        self._begun: dict[str, datetime] = {}

    @property
    def last_beat(self) -> datetime | None:
        """When a task last went round without failing; None before the first."""
        return self._last_beat

    def rounds(self) -> dict[str, timedelta]:
        """For each task how long the round has lasted that it is in; nothing of time for one that rests."""
        now = self._clock.now()
        return {name: now - self._begun.get(name, now) for name in self._tasks}

    async def run(self) -> None:
        """Run every task until `stop`; returns when each has finished the round it was in."""
        self._running = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._tasks:
                    group.create_task(self._run(name), name=f"tsbridge-{name}")
        finally:
            self._running = None

    def wake(self, name: str) -> None:
        """There is work for this task. Cheap, from any thread, any number of times; unknown names and a loop not running: nothing."""
        event, running = self._events.get(name), self._running
        if event is None or running is None or event.is_set():
            return
        try:
            here = asyncio.get_running_loop() is running
        except RuntimeError:
            here = False
        if here:
            event.set()
        else:
            running.call_soon_threadsafe(event.set)

    def stop(self) -> None:
        """Begin no further round. Call it on the event loop."""
        self._stopping = True
        for event in self._events.values():
            event.set()

    async def _run(self, name: str) -> None:
        event, failures = self._events[name], 0
        while not self._stopping:
            event.clear()
            self._begun[name] = self._clock.now()
            try:
                due = await self._tasks[name]()
            except Exception as failure:
                failures += 1
                rest = ROUND.after(failures)
                told = {"worker": name, "kind": type(failure).__name__, "where": place(failure), "count": failures}
                log.error("a round failed", extra=told)  # the message of an exception may quote a person's data
                del self._begun[name]
                await self._rest(rest)
                continue
            del self._begun[name]
            failures = 0
            self._last_beat = self._clock.now()
            if due is True:
                await asyncio.sleep(0)
                continue
            if not self._stopping:
                await self._wait(event, self._pause(due))

    def _pause(self, due: datetime | bool | None) -> timedelta:
        if not isinstance(due, datetime):
            return self._look_again
        return max(timedelta(0), min(due - self._clock.now(), self._look_again))

    async def _rest(self, span: timedelta) -> None:
        """After a failure wake-ups do not count; stopping does."""
        until = self._clock.now() + span
        event = asyncio.Event()
        while not self._stopping and (left := until - self._clock.now()) > timedelta(0):
            await self._wait(event, min(left, self._look_again))


def place(failure: BaseException) -> str:
    """Where it was raised, as module and line: a message could quote a person's data, a place cannot."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"

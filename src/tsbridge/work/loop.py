"""The one runner behind the door: named tasks that are run again and again, woken when there is work, looking by themselves else.

Each task is an async function that does one round and returns when to come again: `True` at once (there may be more),
an instant when something falls due, `False` or `None` when nothing is known. A round that fails, or is ended because it has lasted
longer than its limit, is counted; its task rests, longer each time, and never stops the others: here stands the one `except Exception`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.backoff import ROUND
from tsbridge.core.failed_at import failed_at
from tsbridge.core.ports import Clock
from tsbridge.core.task_state import OVER_LIMIT, Standing

Round = Callable[[], Awaitable[datetime | bool | None]]
Wait = Callable[[asyncio.Event, timedelta], Awaitable[None]]
"""Waits until the event is set or the span has passed. Tests pass one that moves their clock."""
Bound = Callable[[float], asyncio.Timeout]
"""Ends what is done in it after so many seconds. Tests pass one that they expire themselves."""

LOOK_AGAIN: Final = timedelta(seconds=2)
"""How long most tasks that know of nothing rest at most: wake-ups are hints, other processes write too."""
RESTS: Final = timedelta(seconds=60)
"""How long a settled task rests at most while nothing is written, no instant has come that it knows of, and the clock is not set."""
SHORTEST: Final = timedelta(milliseconds=10)
"""Rest before an instant to come: clocks do not run alike, and who is woken a moment too early would go round in vain again and again."""
LIMIT: Final = timedelta(minutes=5)
"""No round of most tasks lasts so long: what it waits for has bounds of its own."""
LEASE: Final = timedelta(minutes=6)
"""Of what a round claims, unless it has a limit or a bound of its own: longer than the round may last."""
KINDS: Final = 20
"""Kinds of failures that are counted by their names, for each task."""

log = logging.getLogger("tsbridge.loop")


async def wait_for(event: asyncio.Event, span: timedelta) -> None:
    """The real wait."""
    try:
        async with asyncio.timeout(span.total_seconds()):
            await event.wait()
    except TimeoutError:
        return


@dataclass(frozen=True, slots=True)
class Task:
    """One round of it lasts `limit` at most. `vital`: without it nothing is heard, escalated or written. `look_again`: how long it rests
    at most when nobody wakes it. `settled`: what it finds depends on what the database holds and on the instants it returns, and it is told
    when something was written (`Loop.changed`): until then it rests longer."""

    name: str
    round: Round
    limit: timedelta = LIMIT
    vital: bool = False
    look_again: timedelta = LOOK_AGAIN
    settled: bool = False


@dataclass(slots=True)
class _Signs:
    """What is seen of a task as it runs."""

    sign: datetime
    begun: datetime | None = None
    rounds: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    in_a_row: int = 0
    kind: str | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Also set when it is woken."""

    def wake(self) -> None:
        self.woken.set()
        self.changed.set()


class Loop:
    """Runs tasks on the event loop that calls `run`. `wake` may be called from any thread."""

    def __init__(
        self,
        tasks: Iterable[Task],
        clock: Clock,
        *,
        wait: Wait = wait_for,
        bound: Bound = asyncio.timeout,
    ) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._clock = clock
        self._wait = wait
        self._bound = bound
        self._signs = {name: _Signs(clock.now()) for name in self._tasks}
        self._stopping = False
        self._spreading = False
        self._running: asyncio.AbstractEventLoop | None = None
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._last_beat: datetime | None = None

    @property
    def last_beat(self) -> datetime | None:
        """When a task last went round without failing; None before the first."""
        return self._last_beat

    def standings(self) -> dict[str, Standing]:
        """How each task stands."""
        now = self._clock.now()
        return {name: self._standing(task, self._signs[name], now) for name, task in self._tasks.items()}

    async def run(self) -> None:
        """Run every task until `stop`; returns when each has finished the round it was in."""
        self._running, self._spreading = asyncio.get_running_loop(), False
        now = self._clock.now()
        for name in self._tasks:
            self._signs[name].sign = now
            self._under_way[name] = asyncio.create_task(self._run(self._tasks[name], self._signs[name]), name=f"tsbridge-{name}")
        try:
            ended, _ = await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_EXCEPTION)
            for one in ended:
                if not one.cancelled():
                    one.result()
        finally:
            self._running = None

    def wake(self, name: str) -> None:
        """There is work for this task. Cheap, from any thread, any number of times; unknown names and a loop not running: nothing."""
        signs, running = self._signs.get(name), self._running
        if signs is None or running is None or signs.woken.is_set():
            return
        try:
            here = asyncio.get_running_loop() is running
        except RuntimeError:
            here = False
        if here:
            signs.wake()
        else:
            running.call_soon_threadsafe(signs.wake)

    def is_woken(self, name: str) -> bool:
        """Whether it was woken since its round began: it goes round again at once."""
        return name in self._signs and self._signs[name].woken.is_set()

    def changed(self) -> None:
        """Something was written: settled tasks look at their usual pace. Cheap, from any thread, any number of times."""
        if (running := self._running) is not None and not self._spreading:
            self._spreading = True
            with suppress(RuntimeError):  # the loop is over
                running.call_soon_threadsafe(self._spread)

    def wake_all(self) -> None:
        """What tasks know of the time is no longer so. Call it on the event loop."""
        for signs in self._signs.values():
            signs.wake()

    def _spread(self) -> None:
        self._spreading = False
        for signs in self._signs.values():
            signs.changed.set()

    def stop(self) -> None:
        """Begin no further round. Call it on the event loop."""
        self._stopping = True
        self.wake_all()

    async def end(self, within: timedelta, goes_within: timedelta = timedelta(0)) -> tuple[str, ...]:
        """Stop, and wait for the rounds under way: `within`, then they are cancelled. Names those that did not end by themselves.

        Whatever a round waits for, this returns: one that does not even go when it is cancelled is left behind.
        """
        self.stop()
        late = await self._left(within)
        for name in late:
            self._under_way[name].cancel()
        if late:
            log.error("tasks did not end in time", extra={"worker": ", ".join(late), "seconds": within.total_seconds()})
            await self._left(goes_within)
        return late

    async def _left(self, within: timedelta) -> tuple[str, ...]:
        """The tasks that have not ended within this time."""
        going = [task for task in self._under_way.values() if not task.done()]
        if going:
            await asyncio.wait(going, timeout=within.total_seconds())
        return tuple(sorted(name for name, task in self._under_way.items() if not task.done()))

    async def _run(self, task: Task, signs: _Signs) -> None:
        while not self._stopping:
            signs.woken.clear()
            signs.changed.clear()
            signs.begun = self._clock.now()
            bound = self._bound(task.limit.total_seconds())
            try:
                async with bound:
                    due = await task.round()
            except Exception as failure:
                self._failed(task, signs, failure, over=bound.expired())
                await self._rest(ROUND.after(signs.in_a_row))
                continue
            finally:
                signs.begun = None
                signs.rounds += 1
            signs.in_a_row, signs.kind = 0, None
            self._last_beat = signs.sign = self._clock.now()
            if due is True:
                await asyncio.sleep(0)
                continue
            if not self._stopping:
                await self._until_next(task, signs, due)

    async def _until_next(self, task: Task, signs: _Signs, due: datetime | bool | None) -> None:
        """Rest until a task is to go round again."""
        if task.settled:
            await self._wait(signs.changed, self._pause(due, RESTS, signs))
            if signs.woken.is_set() or not signs.changed.is_set():
                return
        await self._wait(signs.woken, self._pause(due, task.look_again, signs))

    def _failed(self, task: Task, signs: _Signs, failure: Exception, *, over: bool) -> None:
        kind = OVER_LIMIT if over else type(failure).__name__
        signs.in_a_row += 1
        signs.kind = kind
        signs.failures[kind if kind in signs.failures or len(signs.failures) < KINDS else "other"] += 1
        where = failed_at(failure.__cause__ or failure if over else failure)  # of what was cancelled
        told = {"worker": task.name, "kind": kind, "where": where, "count": signs.in_a_row}
        log.error("a round failed", extra=told)  # the message of an exception may quote a person's data

    def _standing(self, task: Task, signs: _Signs, now: datetime) -> Standing:
        lasted = now - (signs.begun or now)
        counts = (signs.rounds, dict(signs.failures), signs.in_a_row, signs.kind)
        return Standing(task.vital, task.limit, lasted, now - signs.sign, *counts)

    def _pause(self, due: datetime | bool | None, rest: timedelta, signs: _Signs) -> timedelta:
        """From now until a task has rested so long since its last round, or something is due."""
        until = signs.sign + rest
        if isinstance(due, datetime):
            until = min(until, due)
        left = min(until - self._clock.now(), rest)
        return max(left, SHORTEST) if left > timedelta(0) else timedelta(0)

    async def _rest(self, span: timedelta) -> None:
        """After a failure wake-ups do not count, nor does a clock that is set; stopping does."""
        event = asyncio.Event()
        while not self._stopping and span > timedelta(0):
            await self._wait(event, min(span, LOOK_AGAIN))
            span -= LOOK_AGAIN

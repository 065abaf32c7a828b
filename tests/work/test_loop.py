"""The loop goes round when woken or when something falls due, rests after failures, and stops in good order."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.clocks import START, SettableClock
from tsbridge.web.probes import heartbeat_probe
from tsbridge.work.loop import LOOK_AGAIN, Loop

pytestmark = pytest.mark.anyio


class Task:
    """A task that notes when it went round and answers as told."""

    def __init__(self, clock: SettableClock, answer: Callable[[int], Any]) -> None:
        self.rounds: list[datetime] = []
        self._clock = clock
        self._answer = answer

    async def __call__(self) -> Any:
        self.rounds.append(self._clock.now())
        return self._answer(len(self.rounds))


class VirtualWait:
    """Moves the clock instead of waiting, unless the event is set; stops the loop after so many waits."""

    def __init__(self, clock: SettableClock, waits: int) -> None:
        self.loop: Loop | None = None
        self.spans: list[timedelta] = []
        self._clock = clock
        self._left = waits

    async def __call__(self, event: asyncio.Event, span: timedelta) -> None:
        self.spans.append(span)
        self._left -= 1
        if self._left < 0 and self.loop is not None:
            self.loop.stop()
        if not event.is_set():
            self._clock.advance(span)
        await asyncio.sleep(0)


async def rounds(clock: SettableClock, answer: Callable[[int], Any], waits: int) -> tuple[Task, VirtualWait]:
    task, wait = Task(clock, answer), VirtualWait(clock, waits)
    wait.loop = Loop({"task": task}, clock, wait=wait)
    await wait.loop.run()
    return task, wait


async def test_a_task_that_may_have_more_to_do_is_run_again_at_once(clock: SettableClock) -> None:
    task, _ = await rounds(clock, lambda n: n < 5, waits=0)
    assert task.rounds == [START] * 5


async def test_a_task_is_run_when_something_falls_due(clock: SettableClock) -> None:
    due = START + timedelta(seconds=5)
    task, _ = await rounds(clock, lambda n: due, waits=3)
    assert due in task.rounds
    assert max(b - a for a, b in zip(task.rounds, task.rounds[1:], strict=False)) <= LOOK_AGAIN


async def test_a_task_that_knows_of_nothing_looks_again_by_itself(clock: SettableClock) -> None:
    task, _ = await rounds(clock, lambda n: None, waits=3)
    assert task.rounds == [START + LOOK_AGAIN * n for n in range(4)]


async def test_a_due_time_that_has_passed_is_not_waited_for(clock: SettableClock) -> None:
    _, wait = await rounds(clock, lambda n: START - timedelta(hours=1), waits=2)
    assert set(wait.spans) == {timedelta(0)}


async def test_a_failing_task_rests_longer_each_time_and_works_on_when_it_can(
    clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(n: int) -> None:
        if n <= 5:
            raise ValueError("Ana Smith, +14155550123")

    with caplog.at_level(logging.INFO, "tsbridge.loop"):
        task, _ = await rounds(clock, answer, waits=25)
    pauses = [later - sooner for sooner, later in zip(task.rounds, task.rounds[1:], strict=False)][:5]
    assert pauses == [timedelta(seconds=s) for s in (1, 2, 4, 8, 16)]
    assert len(task.rounds) > 6
    failures = [record for record in caplog.records if record.getMessage() == "a round failed"]
    assert [record.__dict__["kind"] for record in failures] == ["ValueError"] * 5
    assert failures[0].__dict__["where"].startswith("tests.") or "test_loop" in failures[0].__dict__["where"]
    assert "Ana" not in caplog.text
    assert "+1415" not in caplog.text


async def test_one_failing_task_does_not_hold_the_others(clock: SettableClock) -> None:
    def fail(n: int) -> None:
        raise KeyError(n)

    bad, good, wait = Task(clock, fail), Task(clock, lambda n: None), VirtualWait(clock, 12)
    wait.loop = Loop({"bad": bad, "good": good}, clock, wait=wait)
    await wait.loop.run()
    assert len(good.rounds) > len(bad.rounds) >= 2


async def test_a_task_that_hangs_is_told_from_those_that_rest_and_holds_none_of_them(clock: SettableClock) -> None:
    comes_back, minutes_passed = asyncio.Event(), asyncio.Event()

    async def hangs() -> None:
        await comes_back.wait()

    good, wait = Task(clock, lambda n: minutes_passed.set() if n > 180 else None), VirtualWait(clock, 10_000)
    loop = Loop({"bad": hangs, "good": good}, clock, wait=wait)
    running = asyncio.create_task(loop.run())
    begun = clock.now()
    await minutes_passed.wait()
    assert loop.last_beat is not None
    assert clock.now() - loop.last_beat < timedelta(seconds=10)  # the one sign of life there was says nothing of it
    assert loop.rounds() == {"bad": clock.now() - begun, "good": timedelta(0)}
    beat = heartbeat_probe(lambda: loop.last_beat, clock, timedelta(seconds=90), loop.rounds, vital=("bad",))
    told = await beat()
    assert (told.ok, "bad has not come back for 36" in told.detail, "good" in told.detail) == (False, True, False)
    assert (await heartbeat_probe(lambda: loop.last_beat, clock, timedelta(seconds=90), loop.rounds, vital=("good",))()).ok
    comes_back.set()
    loop.stop()
    await running
    assert loop.rounds() == {"bad": timedelta(0), "good": timedelta(0)}


async def test_a_task_that_fails_is_in_no_round_while_it_rests(clock: SettableClock) -> None:
    def fail(n: int) -> None:
        raise KeyError(n)

    _, wait = await rounds(clock, fail, waits=50)
    assert wait.loop is not None
    assert wait.loop.rounds() == {"task": timedelta(0)}


async def test_a_wake_up_from_another_thread_starts_a_round(clock: SettableClock) -> None:
    went_round = asyncio.Semaphore(0)

    async def task() -> None:
        went_round.release()

    loop = Loop({"task": task}, clock, look_again=timedelta(hours=1))
    running = asyncio.create_task(loop.run())
    await went_round.acquire()
    wakers: tuple[Callable[[], None], ...] = (lambda: threading.Thread(target=loop.wake, args=("task",)).start(), lambda: loop.wake("task"))
    for wake in wakers:
        wake()
        async with asyncio.timeout(10):
            await went_round.acquire()
    loop.wake("nobody")
    loop.stop()
    await running
    assert loop.last_beat == START
    loop.wake("task")


async def test_a_wake_up_during_a_round_is_not_lost(clock: SettableClock) -> None:
    count = 0
    second = asyncio.Event()

    async def task() -> None:
        nonlocal count
        count += 1
        if count == 1:
            loop.wake("task")
        else:
            second.set()

    loop = Loop({"task": task}, clock, look_again=timedelta(hours=1))
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(10):
        await second.wait()
    loop.stop()
    await running


async def test_stopping_lets_the_round_that_is_on_its_way_finish(clock: SettableClock) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), []

    async def task() -> None:
        begun.set()
        await go_on.wait()
        done.append(1)

    loop = Loop({"task": task}, clock)
    running = asyncio.create_task(loop.run())
    await begun.wait()
    loop.stop()
    await asyncio.sleep(0)
    assert not running.done()
    go_on.set()
    await running
    assert done == [1]

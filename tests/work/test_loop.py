"""The loop goes round when woken or when something falls due, rests after failures, names what is amiss, and stops within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.clocks import START, SettableClock
from tsbridge.core.task_state import OVER_LIMIT, Standing
from tsbridge.web.probes import tasks_probe
from tsbridge.work.loop import KINDS, LIMIT, LOOK_AGAIN, RESTS, Loop, Task

pytestmark = pytest.mark.anyio


class Noted:
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


async def rounds(clock: SettableClock, answer: Callable[[int], Any], waits: int) -> tuple[Noted, VirtualWait]:
    task, wait = Noted(clock, answer), VirtualWait(clock, waits)
    wait.loop = Loop([Task("task", task)], clock, wait=wait)
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


async def test_a_task_for_which_nobody_waits_rests_as_long_as_it_says(clock: SettableClock) -> None:
    for answer in (None, START + timedelta(hours=1)):
        task, wait = Noted(clock, lambda n, answer=answer: answer), VirtualWait(clock, 3)  # type: ignore[misc]
        wait.loop = Loop([Task("task", task, look_again=timedelta(seconds=30))], clock, wait=wait)
        await wait.loop.run()
        assert set(wait.spans) == {timedelta(seconds=30)}


class Written:
    """A settled task beside which something is written, or which is woken, in the waits with these numbers; a wait that is over early takes
    a second."""

    def __init__(
        self, clock: SettableClock, answer: Any, waits: int, *, written: tuple[int, ...] = (), woken: tuple[int, ...] = ()
    ) -> None:
        self.task = Noted(clock, lambda n: answer)
        self.waits = 0
        self._clock, self._most, self._written, self._woken = clock, waits, written, woken
        self.loop = Loop([Task("task", self.task, settled=True)], clock, wait=self)

    async def __call__(self, event: asyncio.Event, span: timedelta) -> None:
        self.waits += 1
        if self.waits > self._most:
            self.loop.stop()
        if self.waits in self._written:
            threading.Thread(target=self.loop.changed).start()
        elif self.waits in self._woken:
            self.loop.wake("task")
        else:
            self._clock.advance(span)
            return
        await event.wait()
        self._clock.advance(1)

    async def seconds(self) -> list[float]:
        """When it went round, after the start."""
        await self.loop.run()
        return [(at - START).total_seconds() for at in self.task.rounds]


async def test_a_settled_task_rests_while_nothing_is_written(clock: SettableClock) -> None:
    rest = RESTS.total_seconds()
    assert await Written(clock, None, waits=2).seconds() == [0, rest, 2 * rest]


async def test_a_settled_task_goes_round_when_something_falls_due(clock: SettableClock) -> None:
    assert await Written(clock, START + timedelta(seconds=5), waits=1).seconds() == [0, 5]


async def test_what_is_written_has_a_settled_task_look_at_its_usual_pace(clock: SettableClock) -> None:
    pace = LOOK_AGAIN.total_seconds()
    assert pace > 1
    assert await Written(clock, None, waits=4, written=(1, 3)).seconds() == [0, pace, 2 * pace]


async def test_a_settled_task_that_is_woken_goes_round_at_once(clock: SettableClock) -> None:
    assert await Written(clock, None, waits=3, written=(2,), woken=(1, 3)).seconds() == [0, 1, 3]


async def test_a_due_time_that_has_passed_is_not_waited_for(clock: SettableClock) -> None:
    _, wait = await rounds(clock, lambda n: START - timedelta(hours=1), waits=2)
    assert set(wait.spans) == {timedelta(0)}


async def test_a_timer_that_ends_a_moment_early_makes_nobody_go_round_and_round(clock: SettableClock) -> None:
    """The clock of the timers and the one on the wall do not run alike."""
    due, task = START + timedelta(seconds=1.5), Noted(clock, lambda n: START + timedelta(seconds=1.5))

    async def early(event: asyncio.Event, span: timedelta) -> None:
        clock.advance(span * 0.999)
        if clock.now() >= due:
            wait_ends.stop()
        await asyncio.sleep(0)

    wait_ends = Loop([Task("task", task)], clock, wait=early)
    await wait_ends.run()
    assert len(task.rounds) <= 3


async def test_a_task_that_failed_is_not_held_by_a_clock_that_is_set_back(clock: SettableClock) -> None:
    """It rested by the wall clock: for an hour."""
    waited: list[timedelta] = []

    async def wait(event: asyncio.Event, span: timedelta) -> None:
        clock.advance(span if waited else timedelta(hours=-1))
        waited.append(span)
        if len(waited) > 10:
            loop.stop()
        await asyncio.sleep(0)

    def fails(n: int) -> None:
        if n == 1:
            raise KeyError(n)
        loop.stop()

    task = Noted(clock, fails)
    loop = Loop([Task("task", task)], clock, wait=wait)
    await loop.run()
    assert len(task.rounds) == 2
    assert sum(waited, timedelta(0)) <= timedelta(seconds=3)


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
    assert failures[0].__dict__["where"].startswith("tsbridge.work.loop:")  # the innermost line of ours: the rest is the test's
    assert "Ana" not in caplog.text
    assert "+1415" not in caplog.text


async def test_one_failing_task_does_not_hold_the_others(clock: SettableClock) -> None:
    def fail(n: int) -> None:
        raise KeyError(n)

    bad, good, wait = Noted(clock, fail), Noted(clock, lambda n: None), VirtualWait(clock, 12)
    wait.loop = Loop([Task("bad", bad), Task("good", good)], clock, wait=wait)
    await wait.loop.run()
    assert len(good.rounds) > len(bad.rounds) >= 2


class Bounds:
    """Time limits of rounds that pass when the test says so, not by the time of day."""

    def __init__(self) -> None:
        self.made: list[tuple[float, asyncio.Timeout]] = []

    def __call__(self, seconds: float) -> asyncio.Timeout:
        bound = asyncio.timeout(None)
        self.made.append((seconds, bound))
        return bound

    def pass_all(self, seconds: float) -> None:
        """Whatever is bound by so many seconds has taken longer."""
        for span, bound in self.made:
            if span == seconds and bound.when() is None:
                with contextlib.suppress(RuntimeError):  # of a round that has ended
                    bound.reschedule(asyncio.get_running_loop().time())


async def never() -> None:
    await asyncio.Event().wait()


async def test_of_a_task_that_hangs_and_one_that_always_fails_each_is_named_and_the_others_go_on(clock: SettableClock) -> None:
    def fail(n: int) -> None:
        raise KeyError(n)

    comes_back, minutes_passed = asyncio.Event(), asyncio.Event()

    async def hangs() -> None:
        await comes_back.wait()

    good, wait = Noted(clock, lambda n: minutes_passed.set() if n > 180 else None), VirtualWait(clock, 10_000)
    tasks = [Task("hangs", hangs, vital=True), Task("fails", Noted(clock, fail)), Task("good", good)]
    loop = Loop(tasks, clock, wait=wait, bound=Bounds())
    running = asyncio.create_task(loop.run())
    await minutes_passed.wait()
    assert loop.last_beat is not None
    assert clock.now() - loop.last_beat < timedelta(seconds=10)  # the one sign of life there was says nothing of it
    told = await tasks_probe(lambda: loop.last_beat, clock, timedelta(seconds=90), loop.standings)()
    assert (told.ok, told.degraded) == (False, True)
    assert re.search(r"; hangs has not come back for \d{3,} s", told.detail)
    assert re.search(r"; fails failed \d{1,2} times in a row \(KeyError\), for \d{3,} s; hangs", told.detail)
    assert "good" not in told.detail
    comes_back.set()
    loop.stop()
    await running
    assert [one.lasted for one in loop.standings().values()] == [timedelta(0)] * 3


async def test_only_a_vital_task_that_is_amiss_means_that_the_work_is_not_done(clock: SettableClock) -> None:
    standing = Standing(False, LIMIT, LIMIT + timedelta(minutes=1), timedelta(0), 1, {}, 0, None)
    for vital in (False, True):
        probe = tasks_probe(clock.now, clock, timedelta(seconds=90), lambda: {"task": replace(standing, vital=vital)})  # noqa: B023
        told = await probe()
        assert (told.ok, told.degraded) == (not vital, True)


async def test_a_round_that_lasts_longer_than_its_limit_is_ended_counted_and_begun_again(
    clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    begun, bounds, wait = asyncio.Semaphore(0), Bounds(), VirtualWait(clock, 10_000)

    async def hangs() -> None:
        begun.release()
        await never()

    loop = Loop([Task("bad", hangs, timedelta(seconds=7))], clock, wait=wait, bound=bounds)
    running = asyncio.create_task(loop.run())
    for _ in range(3):
        await begun.acquire()
        bounds.pass_all(7)
    await begun.acquire()
    (bad,) = loop.standings().values()
    assert (bad.rounds, bad.failures, bad.in_a_row) == (3, {OVER_LIMIT: 3}, 3)
    assert bad.amiss == "hangs: 3 rounds in a row failed, the last was ended after 7 s"
    assert [record.__dict__["kind"] for record in caplog.records] == [OVER_LIMIT] * 3
    assert await loop.end(timedelta(0)) == ("bad",)
    await running


async def test_a_round_that_ends_well_takes_back_what_was_said_of_its_task_and_the_counts_stay(clock: SettableClock) -> None:
    def answer(n: int) -> None:
        if n <= 6:
            raise (KeyError if n % 2 else ValueError)(n)

    _, wait = await rounds(clock, answer, waits=60)
    assert wait.loop is not None
    (task,) = wait.loop.standings().values()
    assert (task.amiss, task.in_a_row, task.failures) == (None, 0, {"KeyError": 3, "ValueError": 3})
    assert task.rounds > 6
    assert task.sign <= LOOK_AGAIN * 2


async def test_kinds_of_failures_are_few_however_many_there_are(clock: SettableClock) -> None:
    def fail(n: int) -> None:
        raise type(f"Failure{n}", (Exception,), {})

    _, wait = await rounds(clock, fail, waits=2_000)
    assert wait.loop is not None
    (task,) = wait.loop.standings().values()
    assert task.rounds > KINDS + 5
    assert len(task.failures) == KINDS + 1
    assert sum(task.failures.values()) == task.rounds


async def test_stopping_waits_for_nobody_longer_than_its_bound(clock: SettableClock) -> None:
    tried_to_stay = []

    async def stays() -> None:
        while len(tried_to_stay) < 50:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                tried_to_stay.append(1)

    all_begun = asyncio.Event()
    loop = Loop([Task("hangs", never), Task("stays", stays), Task("good", Noted(clock, lambda n: all_begun.set()))], clock)
    running = asyncio.create_task(loop.run())
    await all_begun.wait()
    assert await loop.end(timedelta(0), timedelta(0)) == ("hangs", "stays")
    assert tried_to_stay == [1]
    assert not running.done()
    for task in asyncio.all_tasks():
        if task.get_name() == "tsbridge-stays":
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)
    await running


async def test_a_task_that_fails_is_in_no_round_while_it_rests(clock: SettableClock) -> None:
    def fail(n: int) -> None:
        raise KeyError(n)

    _, wait = await rounds(clock, fail, waits=50)
    assert wait.loop is not None
    assert [one.lasted for one in wait.loop.standings().values()] == [timedelta(0)]


async def test_a_wake_up_from_another_thread_starts_a_round(clock: SettableClock) -> None:
    went_round = asyncio.Semaphore(0)

    async def task() -> None:
        went_round.release()

    loop = Loop([Task("task", task, look_again=timedelta(hours=1))], clock)
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

    loop = Loop([Task("task", task, look_again=timedelta(hours=1))], clock)
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

    loop = Loop([Task("task", task)], clock)
    running = asyncio.create_task(loop.run())
    await begun.wait()
    loop.stop()
    await asyncio.sleep(0)
    assert not running.done()
    go_on.set()
    await running
    assert done == [1]

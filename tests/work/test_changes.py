"""While nobody writes a task rests until the instant that it knows of, or until somebody sets the clock."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from tests.world.virtual import BEGIN, SkewedClock, Time, VirtualLoop, run
from tsbridge.work.changes import LOOK, Changes
from tsbridge.work.loop import RESTS, Loop, Task

HOUR = timedelta(hours=1)


class Desk:
    """A task that has somebody to tell at an instant and rests until then, and one that looks after the clock; on time that runs evenly."""

    def __init__(self, loop: VirtualLoop, due: datetime, hurries: float = 0) -> None:
        self.clock: SkewedClock = Time(loop).skewed()
        self.due: datetime | None = due
        self.rounds: list[float] = []
        self.told: list[float] = []
        self.looks = 0
        self._time = loop
        changes = Changes(self.clock, lambda: loop.passed * (1 + hurries), self._look, lambda: self.loop.wake_all())
        tasks = (Task("tells", self._tell, vital=True, settled=True), Task("changes", changes.round, look_again=LOOK))
        self.loop = Loop(tasks, self.clock)

    async def _tell(self) -> datetime | None:
        self.rounds.append(self._time.passed)
        if self.due is not None and self.clock.now() >= self.due:
            self.told.append(self._time.passed)
            self.due = None
        return self.due

    async def _look(self) -> None:
        self.looks += 1

    async def lives(self, span: timedelta) -> None:
        try:
            async with asyncio.timeout(span.total_seconds()):
                await self.loop.run()
        except TimeoutError:
            self.loop.stop()


def lived(due: timedelta, span: timedelta, sets: dict[float, timedelta] | None = None, hurries: float = 0) -> Desk:
    """A desk on which something is due after a while, and whose clock is set at some seconds by some spans."""

    async def main(loop: VirtualLoop) -> Desk:
        desk = Desk(loop, BEGIN + due, hurries)

        def put(by: timedelta) -> None:
            desk.clock.off += by

        for at, by in (sets or {}).items():
            loop.call_at(at, put, by)
        await desk.lives(span)
        return desk

    desk = run(main)
    assert isinstance(desk, Desk)
    return desk


def test_what_is_due_is_told_when_it_is_and_nobody_goes_round_before() -> None:
    desk = lived(due=RESTS / 2, span=RESTS)
    assert desk.told == [RESTS.total_seconds() / 2]
    assert len(desk.rounds) == 2
    assert desk.looks >= RESTS / LOOK - 1


def test_when_the_clock_is_set_on_by_an_hour_what_is_due_is_told_within_a_second() -> None:
    desk = lived(due=HOUR, span=2 * RESTS, sets={20.5: HOUR})
    (told,) = desk.told
    assert 0 <= told - 20.5 <= 1.1


def test_when_the_clock_was_set_back_nothing_is_told_early_or_later_than_it_says() -> None:
    desk = lived(due=RESTS / 2, span=3 * RESTS, sets={20.5: -RESTS})
    assert desk.told == [RESTS.total_seconds() * 1.5]


def test_a_clock_that_is_set_a_little_again_and_again_is_seen_to_have_parted() -> None:
    desk = lived(due=timedelta(seconds=35), span=RESTS, sets={at + 0.5: timedelta(seconds=0.4) for at in range(25)})
    (told,) = desk.told
    assert told <= 25 + 2


def test_a_clock_that_runs_a_little_fast_wakes_nobody() -> None:
    desk = lived(due=HOUR, span=5 * RESTS, hurries=0.0005)
    assert len(desk.rounds) <= 6

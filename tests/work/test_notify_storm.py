"""A thousand escalations in a minute for one person: three messages in five minutes, everything reachable from them, workers killed."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.clocks import SettableClock
from tests.seeds import first
from tests.work.telling import ROSTER, Telling
from tsbridge.core import crashpoint
from tsbridge.core.moments import Interaction
from tsbridge.core.notices import Notice, named
from tsbridge.store import notices, notification_log
from tsbridge.store.db import Database
from tsbridge.work.paging import Planner
from tsbridge.work.rosters import LiveRoster

MANY = 1_000
MINUTE = timedelta(minutes=1)
WINDOW = timedelta(minutes=5)


class Killed(BaseException):
    """The worker's process ends here."""


def die() -> None:
    crashpoint.disarm()
    raise Killed


def one_way() -> dict[str, Any]:
    """Everything goes to Ben, who has nothing but mail."""
    return {**copy.deepcopy(ROSTER), "cover": [{"oncall": "ben"}]}


def ask(desk: Telling, numbers: range, severity: int, by: str = "policy:p/1") -> None:
    """Escalations of so many cases, as their judging leaves them."""
    now = desk.clock.now()

    def write(conn: Connection) -> None:
        for number in numbers:
            moment = Interaction("zendesk", str(10_000 + number))
            notice = Notice(named(str(number), by, "oncall"), moment, by, "oncall", now, 1, severity, "x", "safety")
            notices.add(conn, [(f"case_{number:04d}", notice)], now)

    desk.database.write_now(write)


async def rounds(desk: Telling) -> None:
    """One look of the worker; one that is killed is followed by another."""
    try:
        await desk.notify.round()
        await desk.notify.finish()
    except Killed:
        desk.notify = desk.worker()


@pytest.mark.parametrize(("killed", "severity"), first(2, [(False, 3), (True, 1), (False, 1), (True, 3)]))
def test_a_storm_is_three_messages_from_which_everything_is_reached(
    database: Database, clock: SettableClock, severity: int, killed: bool
) -> None:
    desk = Telling(database, clock, roster=one_way())
    start, points = clock.now(), iter(["notify.claimed", "notify.sent", "notify.settled"] if killed else [])
    try:
        for second in range(60):
            ask(desk, range(second * MANY // 60, (second + 1) * MANY // 60), severity)
            if second % 20 == 0 and (point := next(points, None)) is not None:
                crashpoint.arm(point, die)
            asyncio.run(rounds(desk))
            clock.advance(1)
    finally:
        crashpoint.disarm()
    desk.run(start + WINDOW - clock.now() - timedelta(seconds=1))
    ids = Counter(one.message.id for one in desk.ways.sent)
    soon = [one for one in desk.ways.sent if one.at < start + WINDOW]
    assert len({one.message.id for one in soon}) <= 3
    assert soon[0].at <= start + timedelta(seconds=30 if killed else 10)  # after a crash within 30 s of the restart
    reached = {
        case for one in soon for case, _, _ in database.read_now(lambda conn, one=one: notification_log.carried(conn, one.message.id))
    }  # type: ignore[misc]
    assert len(reached) == MANY
    desk.run(timedelta(hours=1))
    assert Counter(status for _, _, status, _ in desk.stand()) == {"sent": MANY}
    ids = Counter(one.message.id for one in desk.ways.sent)
    assert sum(ids.values()) - len(ids) <= (1 if killed else 0)  # the one whose answer was lost, under its id
    starts = sorted({one.message.id: one.at for one in reversed(desk.ways.sent)}.values())
    assert all(later - first >= WINDOW for first, later in zip(starts, starts[3:], strict=False))


@pytest.mark.parametrize("point", [name for name in crashpoint.POINTS if name.startswith("notify.")])
def test_dying_anywhere_loses_no_message_and_doubles_none_but_under_its_id(database: Database, clock: SettableClock, point: str) -> None:
    desk = Telling(database, clock)
    desk.open("bitten")
    crashpoint.arm(point, die)
    try:
        asyncio.run(rounds(desk))
    finally:
        crashpoint.disarm()
    desk.run(MINUTE)
    assert {row.status for row in desk.items()} == {"sent"}
    assert len({one.message.id for one in desk.ways.sent}) == 1
    assert len(desk.ways.sent) == (2 if point == "notify.sent" else 1)
    assert desk.ways.sent[-1].at <= desk.ways.sent[0].at + timedelta(seconds=30)


def test_planning_for_many_asks_the_database_as_often_as_for_few(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, roster={**one_way(), "cover": []})
    planner = Planner(desk.walk.ids, LiveRoster(), desk.walk.rulebooks)

    def plan(conn: Connection) -> tuple[int, int]:
        """Of the notices that are due: how many nobody is told of, and in how many statements that is planned."""
        asked: list[str] = []
        event.listen(conn, "before_cursor_execute", lambda _conn, _cursor, statement, *_: asked.append(statement))
        this = planner.begin(conn, clock.now())
        planner.look(this)
        return [what for what, _ in this.alarms].count("nobody_on_call"), len(asked)

    taken = []
    for numbers in (range(2), range(10, 20), range(20, 70)):
        ask(desk, numbers, 1, "policy:sev1/1")
        nobody, statements = database.write_now(plan)
        assert nobody == len(numbers)
        taken.append(statements)
        for _ in range(2):  # those to come, of which the last one reaches somebody
            database.write_now(plan)
        clock.advance(1)
    assert len({row.asked_by for row in desk.items()}) == 3
    assert taken[1] == taken[2]

"""The look ahead: holes of the next two weeks are counted, told once, and gone when they are closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.clocks import START, SettableClock
from tests.roster.rosters import document
from tsbridge.core.roster import Override
from tsbridge.store import cover, rosters
from tsbridge.store.db import Database
from tsbridge.work.cover import AHEAD, COMPUTE_AGAIN, HOLE, Cover
from tsbridge.work.rosters import LiveRoster

pytestmark = pytest.mark.anyio


class Heard:
    """Alarms, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def __call__(self, what: str, **named: object) -> None:
        self.told.append((what, named["queue"]))


def publish(database: Database, cover_lines: list[dict[str, Any]]) -> None:
    made: Any = document()
    made["agents"]["ana"].pop("until")
    made["cover"] = cover_lines

    def write(conn: Connection) -> None:
        rosters.lock(conn)
        rosters.publish(conn, made, "sha256:x", "why", START, "sam")

    database.write_now(write)


async def test_a_hole_is_counted_and_told_once_until_it_is_closed(database: Database, clock: SettableClock) -> None:
    heard = Heard()
    watch = Cover(database, clock, LiveRoster(), heard, "one")
    await watch.round()
    assert database.read_now(cover.load) == cover.Ahead(START, (0, 0))
    publish(database, [{"queue": "safety", "oncall": "lead"}])
    for _ in range(5):
        clock.advance(timedelta(minutes=1))
        await watch.round()
    found = database.read_now(cover.load)
    assert found is not None
    assert (found.count, found.holes[0]["queue"], heard.told) == (1, "claims", [(HOLE, "claims")])
    clock.advance(COMPUTE_AGAIN)
    await watch.round()
    assert heard.told == [(HOLE, "claims")]
    now = clock.now()

    def close(conn: Connection) -> None:
        rosters.lock(conn)
        rosters.add_override(conn, Override("ovr_1", "oncall", "ana", now, now + 2 * AHEAD, "all", queue="claims"), now, "sam")

    database.write_now(close)
    clock.advance(timedelta(minutes=1))
    await watch.round()
    after = database.read_now(cover.load)
    assert after is not None
    assert (after.count, after.holes) == (0, ())


async def test_of_several_processes_one_looks(database: Database, clock: SettableClock) -> None:
    first, second = Heard(), Heard()
    watches = [Cover(database, clock, LiveRoster(), heard, name) for heard, name in ((first, "one"), (second, "two"))]
    publish(database, [])
    for _ in range(3):
        for watch in watches:
            await watch.round()
        clock.advance(timedelta(minutes=1))
    assert (len(first.told), second.told) == (2, [])

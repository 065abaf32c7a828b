"""The feeds that the roster reads: how looking at each went is shown, and one that cannot be read degrades and is counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.clocks import START
from tests.roster.rosters import document
from tests.web.test_health import figures
from tsbridge.core.feed_spans import Span
from tsbridge.doctor import contents
from tsbridge.store import feeds, rosters
from tsbridge.store.db import Database
from tsbridge.web.probes import feeds_probe

pytestmark = pytest.mark.anyio

KEPT = {"key": "nights", "means": "rotation", "url_file": "/run/secrets/nights-calendar"}
WHY = "line 8: DTSTART has no time zone; expected a TZID or a time in UTC"
LATER = START + timedelta(hours=2)


def publish(conn: Connection) -> None:
    made: Any = document()
    made["calendars"].append(KEPT)
    rosters.lock(conn)
    rosters.publish(conn, made, "sha256:x", "why", START, "sam")


def read_well(conn: Connection) -> None:
    span = Span(LATER, LATER + timedelta(hours=8), "ben")
    feeds.read_well(conn, "nights", (span,), START + timedelta(days=400), START, ("free:3", "zone_differs:1"), '"1"')


def fails(key: str) -> Callable[[Connection], bool]:
    return lambda conn: feeds.failed(conn, key, WHY, LATER)


async def test_each_feed_says_how_looking_at_it_went(room: Any) -> None:
    assert (await room.client.get("/v1/feeds")).json()["items"] == []
    write = room.desk.database.write
    await write(publish)
    nothing = dict.fromkeys(("looked_at", "read_at", "failing_since", "failure"))
    off = {"id": "off-ana", "key": "off-ana", "agent": "ana", "means": "off", **nothing, "warnings": {}}
    nights = {"id": "nights", "key": "nights", "agent": None, "means": "rotation", **nothing, "warnings": {}}
    assert (await room.client.get("/v1/feeds")).json()["items"] == [nights, off]
    await write(read_well)
    await write(fails("nights"))
    answer = await room.client.get("/v1/feeds")
    nights |= {
        **{"looked_at": "2026-11-22T11:00:00Z", "read_at": "2026-11-22T09:00:00Z"},
        **{"failing_since": "2026-11-22T11:00:00Z", "failure": WHY, "warnings": {"free": 3, "zone_differs": 1}},
    }
    assert answer.json()["items"] == [nights, off]
    assert "secrets" not in answer.text
    paged = (await room.client.get("/v1/feeds?limit=1")).json()
    rest = (await room.client.get(f"/v1/feeds?limit=1&cursor={paged['next_cursor']}")).json()
    assert (paged["items"] + rest["items"], rest["next_cursor"]) == ([nights, off], None)


async def test_a_feed_that_cannot_be_read_degrades_and_does_not_stop(room: Any) -> None:
    desk = room.desk
    await desk.database.write(publish)
    async with room.other(probes={"feeds": feeds_probe(desk.database, desk.clock, desk.roster)}) as client:
        assert (await client.get("/readyz")).json()["status"] == "ready"
        await desk.database.write(fails("nights"))
        await desk.database.write(fails("of an earlier roster"))
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["degraded"]) == (200, "degraded", ["feeds"])
        assert ready.json()["checks"]["feeds"]["detail"] == "1 cannot be read; see tsbridge doctor"
        assert (await figures(room))["tsbridge_feeds_failing", ""] == 1
        await desk.database.write(read_well)
        assert (await client.get("/readyz")).json()["status"] == "ready"
        assert (await figures(room))["tsbridge_feeds_failing", ""] == 0


async def test_the_doctor_names_a_feed_that_cannot_be_read_and_why(database: Database) -> None:
    database.write_now(publish)
    assert [one.check for one in contents.roster(database)] == ["roster"]
    database.write_now(fails("nights"))
    (_, line) = contents.roster(database)
    assert (line.check, line.state) == ("feed: nights", "warn")
    assert line.words == f"Cannot be read since 2026-11-22 11:00 UTC: {WHY}; nothing of it counts."
    database.write_now(read_well)
    database.write_now(fails("nights"))
    assert contents.roster(database)[1].words.endswith("; what it said on 2026-11-22 09:00 UTC counts.")

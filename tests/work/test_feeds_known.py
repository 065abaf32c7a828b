"""Time off and rotas that feeds tell are part of the roster in force, then as it was known then."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from tests.clocks import START
from tsbridge.core.feed_spans import Span
from tsbridge.core.rota import Rota
from tsbridge.core.whom import whom
from tsbridge.store import feeds, rosters
from tsbridge.store.db import Database
from tsbridge.work.rosters import LiveRoster

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DOCUMENT = {
    "schema": 1,
    "timezone": "UTC",
    "agents": {key: {"name": key.title(), "email": f"{key}@example.com", "queues": ["safety"]} for key in ("ana", "ben")},
    "rotations": {"lead": {"members": ["ana", "ben"], "every": "52w", "starts": "2026-01-05T09:00"}},
    "lists": {"others": ["kept"]},
    "cover": [{"queue": "claims", "oncall": "kept"}, {"oncall": "lead"}],
    "calendars": [
        {"agent": "ana", "url": "http://127.0.0.1/ana.ics", "means": "off"},
        {"key": "kept", "url": "http://127.0.0.1/rota.ics", "means": "rotation"},
    ],
}


def publish(conn: Connection) -> None:
    rosters.lock(conn)
    rosters.publish(conn, DOCUMENT, "sha256:x", "why", START - DAY, "sam")


def on_call(rota: Rota | None, at: datetime, queue: str | None = None) -> list[str]:
    assert rota is not None
    return [person.agent for person in rota.on_call(at, queue, 1).people]


def test_time_off_passes_somebody_over_from_when_it_is_known(database: Database) -> None:
    database.write_now(publish)
    live, at = LiveRoster(), START + 5 * HOUR
    before = database.read_now(lambda conn: live.now(conn, START))
    assert on_call(before, at) == ["ana"]
    off = (Span(at - HOUR, at + HOUR, ""),)
    database.write_now(lambda conn: feeds.read_well(conn, "off-ana", off, START + 400 * DAY, START, (), None))
    known = database.read_now(lambda conn: live.now(conn, START))
    assert on_call(known, at) == ["ben"]
    assert on_call(known, at + HOUR) == ["ana"]
    assert known is not None
    assert "by the feed off-ana" in str(known.on_call(at).people[0].because)
    assert on_call(database.read_now(lambda conn: live.then(conn, START - HOUR)), at) == ["ana"]
    assert on_call(database.read_now(lambda conn: live.then(conn, START)), at) == ["ben"]


def test_a_rota_kept_elsewhere_answers_for_what_names_it(database: Database) -> None:
    database.write_now(publish)
    live = LiveRoster()
    assert on_call(database.read_now(lambda conn: live.now(conn, START)), START, "claims") == []
    turns = (
        Span(START, START + HOUR, "ben"),
        Span(START + HOUR, START + 2 * HOUR, "ana"),
        Span(START + 2 * HOUR, START + 3 * HOUR, "gone"),
    )
    database.write_now(lambda conn: feeds.read_well(conn, "kept", turns, START + 400 * DAY, START, (), None))
    known = database.read_now(lambda conn: live.now(conn, START))
    assert [on_call(known, START + n * HOUR, "claims") for n in range(-1, 4)] == [[], ["ben"], ["ana"], [], []]
    assert on_call(known, START, "safety") == ["ana"]


@pytest.mark.parametrize("target", ["rotation:kept", "kept", "list:others"])
def test_a_rule_that_tells_a_rota_kept_elsewhere_tells_whoever_has_it(database: Database, target: str) -> None:
    database.write_now(publish)
    turn = (Span(START, START + HOUR, "ben"),)
    database.write_now(lambda conn: feeds.read_well(conn, "kept", turn, START + 400 * DAY, START, (), None))
    rota = database.read_now(lambda conn: LiveRoster().now(conn, START))
    told = whom(rota, target, START, "safety", 1, again=False)
    assert ([to.agent for to in told.first], told.gap) == (["ben"], None)
    later = whom(rota, target, START + HOUR, "safety", 1, again=False)
    assert later.first == ()
    assert "there is no" not in str(later.gap)

"""The roster in force: the past as it was known then, the future as it is known now, made once."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.roster.rosters import document
from tsbridge.core.roster import Override
from tsbridge.core.rota import Rota
from tsbridge.store import rosters, rulebooks
from tsbridge.store.db import Database
from tsbridge.work.rosters import LiveRoster

MONDAY = datetime(2026, 11, 2, 17, tzinfo=UTC)
"""The first hand-over: 09:00 in Los Angeles. By then Ana's contract is over, so the first turn is Ben's."""
HOUR = timedelta(hours=1)


def publish(database: Database, roster: Any, at: datetime) -> None:
    def write(conn: Connection) -> None:
        rosters.lock(conn)
        rosters.publish(conn, roster, "sha256:x", "why", at, "sam")

    database.write_now(write)


def override(database: Database, at: datetime, removed: datetime | None = None, **other: Any) -> None:
    one = Override(**{"id": "ovr_1", "kind": "off", "agent": "ben", "start": MONDAY, "end": MONDAY + 8 * HOUR, "why": "ill", **other})

    def write(conn: Connection) -> None:
        rosters.lock(conn)
        rosters.add_override(conn, one, at, "sam")
        if removed is not None:
            rosters.remove_override(conn, one.id, removed, "sam")

    database.write_now(write)


def on_call(rota: Rota | None, at: datetime) -> list[str]:
    assert rota is not None
    return [one.agent for one in rota.on_call(at, "safety", 1).people]


def without_end() -> dict[str, Any]:
    """The roster, Ana's contract without an end."""
    roster: Any = document()
    del roster["agents"]["ana"]["until"]
    return roster  # type: ignore[no-any-return]


def test_without_a_roster_there_is_no_rota(database: Database) -> None:
    live = LiveRoster()
    assert database.read_now(lambda conn: (live.now(conn, MONDAY), live.then(conn, MONDAY))) == (None, None)


def test_the_past_answers_by_the_version_known_then(database: Database) -> None:
    live = LiveRoster()
    publish(database, document(), MONDAY - 48 * HOUR)
    publish(database, without_end(), MONDAY + 2 * HOUR)
    then = [database.read_now(lambda conn, n=n: live.then(conn, MONDAY + n * HOUR)) for n in (-72, 1, 3)]  # type: ignore[misc]
    assert then[0] is None
    assert [on_call(rota, MONDAY + HOUR) for rota in then[1:]] == [["ben"], ["ana"]]
    assert on_call(database.read_now(lambda conn: live.now(conn, MONDAY + 3 * HOUR)), MONDAY + HOUR) == ["ana"]


def test_the_past_answers_by_the_overrides_known_then(database: Database) -> None:
    live = LiveRoster()
    publish(database, without_end(), MONDAY - 48 * HOUR)
    override(database, MONDAY + 2 * HOUR, MONDAY + 4 * HOUR, agent="ana")
    then = [
        on_call(database.read_now(lambda conn, n=n: live.then(conn, MONDAY + n * HOUR)), MONDAY + n * HOUR)  # type: ignore[misc]
        for n in (1, 3, 5)
    ]
    assert then == [["ana"], ["ben"], ["ana"]]


def test_the_future_answers_by_what_is_known_now(database: Database) -> None:
    live = LiveRoster()
    publish(database, without_end(), MONDAY - 48 * HOUR)
    override(database, MONDAY - HOUR, agent="ana")
    for rota in database.read_now(lambda conn: (live.now(conn, MONDAY - HOUR), live.then(conn, MONDAY + HOUR))):
        assert on_call(rota, MONDAY + HOUR) == ["ben"]


def test_a_rota_is_made_once_until_something_changes(database: Database) -> None:
    live = LiveRoster()
    publish(database, without_end(), MONDAY - 48 * HOUR)

    def now(at: datetime = MONDAY) -> Rota | None:
        return database.read_now(lambda conn: live.now(conn, at))

    first = now()
    assert now() is now(MONDAY + HOUR) is first
    override(database, MONDAY, agent="ana")
    second = now()
    assert second is not first
    assert on_call(second, MONDAY) == ["ben"]


def test_shifts_keep_the_calendars_of_the_rulebook_that_was_live(database: Database) -> None:
    live = LiveRoster()
    roster: Any = without_end()
    roster["shifts"]["day"]["calendar"] = "office"
    publish(database, roster, MONDAY - 48 * HOUR)
    book: dict[str, Any] = {"calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}, "holidays": []}}}

    def write(dates: list[str], at: datetime) -> None:
        book["calendars"]["office"]["holidays"] = dates
        database.write_now(lambda conn: rulebooks.publish(conn, book, f"sha256:{at}", "why", at, "sam") if at else None)

    write([], MONDAY - 48 * HOUR)

    def at_work(at: datetime) -> list[str]:
        rota = database.read_now(lambda conn: live.then(conn, at))
        assert rota is not None
        return [one.agent for one in rota.at_work(at, "safety")]

    assert at_work(MONDAY + HOUR) == ["ana", "ben"]
    write(["2026-11-02"], MONDAY + 2 * HOUR)
    assert at_work(MONDAY + 3 * HOUR) == []
    assert at_work(MONDAY + HOUR) == ["ana", "ben"]


def test_a_version_that_cannot_be_read_is_none_and_the_log_says_so(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    publish(database, {"schema": 9}, MONDAY)
    with caplog.at_level(logging.ERROR):
        assert database.read_now(lambda conn: LiveRoster().now(conn, MONDAY)) is None
    assert "the roster cannot be read" in caplog.text

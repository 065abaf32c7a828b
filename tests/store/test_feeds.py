"""What iCalendar feeds said is kept each time that it was something else; the past is answered by what was known then."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.clocks import START
from tsbridge.core.feed_spans import Span
from tsbridge.store import feeds, rosters
from tsbridge.store.db import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFF = Span(START + 5 * DAY, START + 6 * DAY, "")
MORE = Span(START + 9 * DAY, START + 10 * DAY, "")


def read(database: Database, *spans: Span, at: datetime = START, key: str = "off-ana", etag: str | None = None) -> bool:
    return database.write_now(lambda conn: feeds.read_well(conn, key, spans, at + 400 * DAY, at, ("free:1",), etag))


def said(database: Database, at: datetime | None = None) -> dict[str, tuple[Span, ...]]:
    return database.read_now(lambda conn: feeds.said(conn, feeds.marks(conn, ["off-ana", "lead"], at)))


def test_each_instant_has_what_was_known_then(database: Database) -> None:
    assert said(database) == {}
    assert read(database, OFF)
    assert read(database, OFF, MORE, at=START + HOUR)
    assert said(database, START - HOUR) == {}
    assert said(database, START) == {"off-ana": (OFF,)}
    assert said(database, START + HOUR) == said(database) == {"off-ana": (OFF, MORE)}
    assert database.read_now(lambda conn: feeds.learnt_between(conn, START, START + DAY)) == [START + HOUR]


def test_what_says_the_same_is_kept_once_and_changes_no_revision(database: Database) -> None:
    read(database, OFF)
    revision = database.read_now(rosters.revision)
    assert not read(database, OFF, at=START + HOUR)
    assert not read(database, at=START + 7 * DAY)  # what is over is no change
    assert database.read_now(rosters.revision) == revision
    assert read(database, MORE, at=START + 8 * DAY)
    assert database.read_now(rosters.revision) == revision + 1


def test_a_read_that_no_longer_reaches_far_is_renewed(database: Database) -> None:
    read(database, OFF)
    assert not read(database, at=START + 90 * DAY)
    assert read(database, at=START + 110 * DAY)


def test_a_feed_that_fails_keeps_what_it_said_and_says_since_when(database: Database) -> None:
    read(database, OFF, etag='"1"')
    fails = [
        database.write_now(lambda conn, n=n: feeds.failed(conn, "off-ana", "line 3: it ends before it starts", START + n * HOUR))
        for n in (1, 2)
    ]  # type: ignore[misc]
    assert fails == [True, False]
    look = database.read_now(feeds.looks)["off-ana"]
    assert (look.read_at, look.failing_since, look.looked_at) == (START, START + HOUR, START + 2 * HOUR)
    assert (look.failure, look.warnings, look.etag) == ("line 3: it ends before it starts", ("free:1",), '"1"')
    assert said(database) == {"off-ana": (OFF,)}
    database.write_now(lambda conn: feeds.still_as_read(conn, "off-ana", START + 3 * HOUR))
    look = database.read_now(feeds.looks)["off-ana"]
    assert (look.read_at, look.failing_since, look.failure, look.etag) == (START + 3 * HOUR, None, None, '"1"')


def test_a_feed_that_never_could_be_read_is_told_apart(database: Database) -> None:
    assert database.write_now(lambda conn: feeds.failed(conn, "lead", "bad_address", START))
    look = database.read_now(feeds.looks)["lead"]
    assert (look.read_at, look.failing_since) == (None, START)

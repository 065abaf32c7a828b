"""The roster's feeds are looked at again and again; one that cannot be read keeps what it said last, and that is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.clocks import START, SettableClock
from tests.roster.feed_texts import event, feed
from tsbridge.core.errors import GiveUp, TryLater
from tsbridge.core.ports import Died
from tsbridge.core.roster import Agent, Feed, Roster
from tsbridge.feed_source import Source, address_of, read_in_child
from tsbridge.http import Http
from tsbridge.roster.ical_in import read
from tsbridge.store import feeds
from tsbridge.store.db import Database
from tsbridge.work.feeds import EVERY, Feeds, Fetched, Read, names

OFF = Feed("off-ana", "ana", "off", "https://calendar.example/ana.ics")
KEPT = Feed("kept", None, "rotation", "https://calendar.example/rota.ics")
ROSTER = Roster(START.tzinfo, agents=(Agent("ana", "Ana Silva", START.tzinfo, email="ana@example.com"),), feeds=(KEPT, OFF))  # type: ignore[arg-type]
HOLIDAY = feed(event("DTSTART:20261125T090000Z", "DTEND:20261126T090000Z"), zones="")
TURN = feed(event("DTSTART:20261123T090000Z", "DTEND:20261130T090000Z", "SUMMARY:Ana Silva"), zones="")
GOOD = {"off-ana": HOLIDAY, "kept": TURN}


class Calendars:
    """The other side, with a memory. `says`: by feed its text, or what fails."""

    def __init__(self) -> None:
        self.says: dict[str, bytes | Exception] = dict(GOOD)
        self.asked: list[tuple[str, str | None]] = []

    async def __call__(self, feed: Feed, etag: str | None) -> Fetched:
        self.asked.append((feed.key, etag))
        said = self.says[feed.key]
        if isinstance(said, Exception):
            raise said
        mark = f'"{hash(said)}"'
        return Fetched(None if mark == etag else said, mark)


async def read_here(content: bytes, since, until, zone, means, people) -> Read:  # type: ignore[no-untyped-def]
    if b"KILL" in content:
        raise Died
    return Read(*read(content, since, until, zone, means=means, people=people))


class Desk:
    def __init__(
        self, database: Database, name: str = "one", calendars: Calendars | None = None, clock: SettableClock | None = None
    ) -> None:
        self.database = database
        self.clock = clock or SettableClock()
        self.calendars = calendars or Calendars()
        self.alarms: list[dict[str, object]] = []
        self.work = Feeds(database, self.clock, lambda conn: ROSTER, self.calendars, read_here, self._alarm, name)

    def _alarm(self, what: str, **told: object) -> None:
        self.alarms.append({"what": what, **told})

    def look(self) -> None:
        """Round after round until nothing is due."""

        async def rounds() -> None:
            while await self.work.round() is True:
                pass

        asyncio.run(rounds())

    def said(self) -> dict[str, int]:
        def load(conn):  # type: ignore[no-untyped-def]
            return feeds.said(conn, feeds.marks(conn, ["off-ana", "kept"]))

        return {key: len(spans) for key, spans in self.database.read_now(load).items()}


def test_each_feed_is_read_and_looked_at_again_after_a_while(database: Database) -> None:
    desk = Desk(database)
    desk.look()
    assert desk.said() == {"kept": 1, "off-ana": 1}
    assert desk.alarms == []
    desk.clock.advance(EVERY - timedelta(seconds=1))
    desk.look()
    assert len(desk.calendars.asked) == 2
    desk.clock.advance(1)
    desk.look()
    assert [etag is not None for _, etag in desk.calendars.asked] == [False, False, True, True]
    assert all(look.looked_at == desk.clock.now() for look in database.read_now(feeds.looks).values())


def test_a_feed_read_while_the_clock_was_ahead_is_read_again_when_it_is_right(database: Database) -> None:
    desk = Desk(database)
    right = desk.clock.now()
    desk.clock.advance(timedelta(days=1))
    desk.look()
    desk.clock.set(right)
    desk.look()
    assert len(desk.calendars.asked) == 4


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (TryLater("unreachable"), "unreachable"),
        (PermissionError(), "the file with its address cannot be read"),
        (
            feed(event("DTSTART:20261125T090000", "DURATION:PT1H"), zones=""),
            "line 8: DTSTART has no time zone; expected a TZID or a time in UTC",
        ),
        (feed(event("DTSTART:20261125T090000Z", "DURATION:PT1H", "X-KILL:1"), zones=""), "reading it took too long or too much"),
    ],
)
def test_a_feed_that_cannot_be_had_or_read_keeps_the_last_good_one_and_is_told_once(
    database: Database, bad: bytes | Exception, why: str
) -> None:
    desk = Desk(database)
    desk.look()
    desk.calendars.says["off-ana"] = bad
    for _ in range(3):
        desk.clock.advance(EVERY)
        desk.look()
    assert desk.alarms == [{"what": "feed_unread", "feed": "off-ana", "reason": why}]
    assert desk.said() == {"kept": 1, "off-ana": 1}
    look = database.read_now(feeds.looks)["off-ana"]
    assert (look.read_at, look.failing_since, look.failure) == (START, START + EVERY, why)
    desk.calendars.says["off-ana"] = HOLIDAY
    desk.clock.advance(EVERY)
    desk.look()
    assert database.read_now(feeds.looks)["off-ana"].failing_since is None


def test_several_processes_look_once(database: Database) -> None:
    one = Desk(database)
    two = Desk(database, "two", one.calendars, one.clock)

    async def both() -> None:
        for _ in range(6):
            await asyncio.gather(one.work.round(), two.work.round())

    asyncio.run(both())
    assert sorted(key for key, _ in one.calendars.asked) == ["kept", "off-ana"]


def test_a_name_that_two_have_is_nobodys() -> None:
    zone = ROSTER.zone
    twice = Roster(zone, agents=(Agent("ana", "Ana", zone), Agent("ben", "ANA ", zone, email="ben@example.com")))
    assert names(twice) == {"ben": "ben", "ben@example.com": "ben"}


@contextmanager
def served(*answers: tuple[int, bytes, str | None]) -> Iterator[tuple[str, list[str]]]:
    """A calendar's address that answers these in turn; what it was asked, as path and mark."""
    asked: list[str] = []
    left = list(answers)

    class Calendar(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('If-None-Match')}")
            status, body, etag = left.pop(0)
            self.send_response(status)
            if etag:
                self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Calendar) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


async def _no_pause(_: float) -> None:
    return


def test_over_http_and_read_in_a_process_of_its_own(database: Database, tmp_path: Path) -> None:
    secret = tmp_path / "ana-calendar"
    with served((200, HOLIDAY, '"1"'), (304, b"", '"1"'), (302, b"", None)) as (host, asked):
        secret.write_text(f"http://{host}/private-abc/basic.ics?x=1\n")
        from_file = Feed("off-ana", "ana", "off", url_file=str(secret))
        roster = Roster(ROSTER.zone, agents=ROSTER.agents, feeds=(from_file,))
        desk = Desk(database)
        source = Source(lambda origin: Http(origin, sleep=_no_pause), Path.read_text)
        desk.work = Feeds(database, desk.clock, lambda conn: roster, source, read_in_child, desk._alarm, "one")
        for _ in range(3):
            desk.look()
            desk.clock.advance(EVERY)
    assert asked == ["/private-abc/basic.ics?x=1 None", '/private-abc/basic.ics?x=1 "1"', '/private-abc/basic.ics?x=1 "1"']
    assert desk.said() == {"off-ana": 1}
    assert desk.alarms == [{"what": "feed_unread", "feed": "off-ana", "reason": "the other side answered 302"}]


def test_an_address_as_calendars_give_it_is_taken_and_a_bad_one_is_refused_without_being_shown() -> None:
    assert address_of(Feed("x", None, "off", "webcal://p01.example/published/2/secret"), Path.read_text).origin == "https://p01.example"
    with pytest.raises(GiveUp, match=r"^bad_address$"):
        address_of(Feed("x", None, "off", "http://calendar.example/secret"), Path.read_text)

"""The doctor says what is installed that the live rulebook and roster do not go by, and when what they keep comes to its end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.clocks import START, SettableClock
from tests.core.almanacs import Later
from tests.work.walk import Walk
from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.roster import almanac_of
from tsbridge.doctor import almanac
from tsbridge.doctor.checks import Line
from tsbridge.roster.document import read as read_roster
from tsbridge.store import rosters
from tsbridge.store.db import Database

UTC_ZONE = ZoneInfo("UTC")
BOOK: dict[str, Any] = {
    "schema": 1,
    "calendars": {"office": {"timezone": "America/New_York", "hours": {"mon-fri": "09:00-17:00"}, "holidays": {"country": "US"}}},
    "queues": {"intake": {}},
    "rules": [{"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]}],
}


def published(database: Database, clock: SettableClock, by: Almanac = INSTALLED) -> None:
    Walk(database, clock, BOOK).publish(BOOK, by=by)


def said(database: Database, installed: Almanac = INSTALLED, *, now: datetime = START, zone: ZoneInfo = UTC_ZONE) -> list[Line]:
    return almanac.kept(database, zone, now, installed)


def test_all_is_well_while_what_is_installed_says_the_same(database: Database, clock: SettableClock) -> None:
    published(database, clock)
    (line,) = said(database)
    assert line.state == "ok"
    assert INSTALLED.library in line.words


def test_days_that_are_others_by_now_are_named_with_what_they_were(database: Database, clock: SettableClock) -> None:
    published(database, clock)
    later = Later(also={date(2027, 3, 1): "Founding Day"}, gone=frozenset({date(2026, 12, 25)}))
    (line,) = said(database, later)
    assert line.state == "warn"
    assert "US 2026-12-25 is a day like others, kept is a holiday (Christmas Day)" in line.words
    assert "US 2027-03-01 is a holiday (Founding Day), kept is a day like others" in line.words
    assert "restore 2" in line.next_step


def test_many_days_are_counted_and_those_behind_us_come_last(database: Database, clock: SettableClock) -> None:
    published(database, clock)
    many = Later(also={date(2027, 3, day): "Feast" for day in range(1, 10)} | {date(2010, 3, 1): "Feast"})
    (line,) = said(database, many)
    assert line.words.count("Feast") == almanac.SHOWN
    assert line.words.endswith("and 4 more.")
    (past,) = said(database, Later(also={date(2010, 3, 1): "Feast"}))
    assert past.words.startswith("Of 1 days behind us")


def test_a_clock_that_shows_something_else_is_named_with_the_first_instant(database: Database, clock: SettableClock) -> None:
    published(database, clock)
    (line,) = said(database, Later(like={"America/New_York": "America/Phoenix"}), now=datetime(2027, 3, 1, tzinfo=UTC))
    assert "at 2027-03-01 00:00 UTC it is 17:00 in America/New_York, kept is 19:00" in line.words


def test_the_end_of_what_is_kept_is_told_a_year_ahead(database: Database, clock: SettableClock) -> None:
    published(database, clock)
    assert [one.state for one in said(database, now=datetime(2035, 10, 1, tzinfo=UTC))] == ["ok"]
    (line,) = said(database, now=datetime(2036, 1, 1, tzinfo=UTC))
    assert "end in 2036" in line.words
    assert "publishes it again" in line.next_step


def test_another_zone_of_the_team_than_was_kept_is_told(database: Database, clock: SettableClock) -> None:
    published(database, clock)
    (line,) = said(database, zone=ZoneInfo("Europe/Berlin"))
    assert "The team's zone" in line.words


def test_a_version_of_earlier_days_says_so(database: Database, clock: SettableClock) -> None:
    Walk(database, clock, BOOK)
    (line,) = said(database)
    assert (line.state, line.check) == ("warn", "rulebook: days and clocks")


def test_the_rosters_clocks_are_looked_at_as_well(database: Database, clock: SettableClock) -> None:
    document = {"schema": 1, "timezone": "America/New_York", "agents": {"ana": {"queues": ["intake"]}}}
    roster = read_roster(document)
    almanac = almanac_of(roster, clock.now().year)
    database.write_now(lambda conn: rosters.publish(conn, document, roster.hash, "n", clock.now(), "sam", almanac))
    assert [one.state for one in said(database, now=START + timedelta(days=5_000))] == ["ok"]
    (line,) = said(database, Later(like={"America/New_York": "America/Phoenix"}))
    assert line.check == "roster: days and clocks"
    assert "`tsbridge roster restore 1`" in line.next_step

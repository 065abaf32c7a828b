"""What an almanac said is kept as it was, and told apart from what another one says."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.core.almanacs import Later
from tsbridge.core.almanac import (
    FIRST_YEAR,
    INSTALLED,
    WORKED,
    YEARS_AHEAD,
    Kept,
    OtherDay,
    other_clocks,
    other_days,
    resolved,
    zone_by,
)
from tsbridge.core.rules.read_calendars import calendars_of

ANGELES, VANCOUVER = ZoneInfo("America/Los_Angeles"), ZoneInfo("America/Vancouver")
CHRISTMAS, FOUNDING = date(2026, 12, 25), date(2026, 9, 1)
COUNTRIES = (("US", "CA"), ("US", None), ("HU", None), ("US", "CA"))
KEPT = resolved(COUNTRIES, [ANGELES, VANCOUVER, UTC], 2026)
START, END = datetime(2026, 7, 1, 12, 7, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("country", dict.fromkeys(COUNTRIES))
def test_every_day_is_kept_as_it_was_said(country: tuple[str, str | None]) -> None:
    for year in KEPT.years:
        kept, said = KEPT.days(*country, year), INSTALLED.days(*country, year)
        assert (kept.names, kept.worked) == (said.names, said.worked)
        assert kept.moves is INSTALLED.days(*country, 2026).moves


def test_it_reaches_from_the_first_believed_time_to_ten_years_ahead() -> None:
    assert (KEPT.years[0], KEPT.years[-1]) == (FIRST_YEAR, 2026 + YEARS_AHEAD)


def test_beyond_its_years_there_are_no_holidays_and_another_country_is_unknown() -> None:
    assert not KEPT.days("US", None, 2037).names
    assert INSTALLED.days("US", None, 2037).names
    with pytest.raises(LookupError):
        KEPT.days("PT", None, 2026)


def test_of_years_that_the_library_knows_half_of_nobody_is_warned() -> None:
    known, half = (set().union(*INSTALLED.days("IN", None, year).names.values()) for year in (2035, 2036))
    assert half < known


@pytest.mark.parametrize("name", ["America/Los_Angeles", "America/Vancouver", "Pacific Time (US & Canada)", "Europe/Berlin"])
def test_its_clocks_show_what_they_showed(name: str) -> None:
    kept, said = KEPT.zone(name), INSTALLED.zone(name)
    assert kept.key == said.key
    at = datetime(2004, 12, 31, tzinfo=UTC)
    while at < datetime(2050, 1, 1, tzinfo=UTC):
        assert at.astimezone(kept).replace(tzinfo=None) == at.astimezone(said).replace(tzinfo=None)
        at += timedelta(hours=13)


def test_a_zone_without_a_name_is_itself() -> None:
    assert zone_by(KEPT, UTC) is UTC
    assert zone_by(KEPT, ANGELES) is KEPT.zone("America/Los_Angeles")


def _sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own


def test_it_comes_back_from_json_and_from_another_process_the_same() -> None:
    read = Kept.read(json.loads(json.dumps(KEPT.data)))
    sent = _sent(KEPT)
    assert read.hash == sent.hash == KEPT.hash
    assert read.days("HU", None, 2026) == sent.days("HU", None, 2026) == KEPT.days("HU", None, 2026)
    zone = KEPT.zone("America/Vancouver")
    assert sent.zone("America/Vancouver") is zone
    assert _sent(zone) is zone
    assert _sent(INSTALLED) is INSTALLED


def test_the_same_is_named_the_same_whatever_the_order() -> None:
    assert resolved(reversed(COUNTRIES), [VANCOUVER, ANGELES], 2026).hash == KEPT.hash
    assert resolved(COUNTRIES, [VANCOUVER, ANGELES], 2027).hash != KEPT.hash


def test_days_that_another_almanac_has_otherwise_are_told() -> None:
    later = Later(also={FOUNDING: "Founding Day"}, gone=frozenset({CHRISTMAS}))
    assert other_days(KEPT, INSTALLED) == []
    assert [one for one in other_days(KEPT, later) if one.country == "US" and one.subdivision is None] == [
        OtherDay("US", None, FOUNDING, (), ("Founding Day",)),
        OtherDay("US", None, CHRISTMAS, ("Christmas Day",), ()),
    ]


def test_a_free_day_that_is_worked_no_more_is_told() -> None:
    (day,) = (day for day in KEPT.days("HU", None, 2026).worked if day == date(2026, 8, 8))
    assert OtherDay("HU", None, day, WORKED, ("Rest",)) in other_days(KEPT, Later(also={day: "Rest"}))


def test_the_first_instant_at_which_a_clock_shows_something_else_is_told() -> None:
    assert other_clocks(KEPT, INSTALLED, START, END) == []
    later = Later(like={"America/Los_Angeles": "America/Phoenix"})
    (found,) = other_clocks(KEPT, later, START, END)
    assert (found.key, found.at) == ("America/Los_Angeles", datetime(2026, 11, 1, 9, tzinfo=UTC))
    assert (found.before.hour, found.after.hour) == (1, 2)
    (at_once,) = other_clocks(KEPT, later, found.at + timedelta(days=3, minutes=7), END)
    assert at_once.at == found.at + timedelta(days=3)


def test_a_calendar_keeps_to_the_almanac_it_was_read_by() -> None:
    written = {"timezone": "America/Los_Angeles", "hours": {"mon-sun": "09:00-17:00"}, "holidays": {"country": "US"}}
    document = {"calendars": {"office": written}}
    later = Later(gone=frozenset({CHRISTMAS}), like={"America/Los_Angeles": "America/Phoenix"})
    old, new = (calendars_of(document, almanac)["office"] for almanac in (KEPT, later))
    winter = datetime(2026, 12, 1, 16, 30, tzinfo=UTC)
    assert (old.is_open(winter), new.is_open(winter)) == (False, True)

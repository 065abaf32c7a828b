"""Calendars as rulebooks write them: which entry counts for a day, and what a day is then."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.rulebook.books import ZONE, book, leaf, rule
from tsbridge.core.calendar import Calendar, Day
from tsbridge.core.public_days import public_days
from tsbridge.core.rules.document import read
from tsbridge.rulebook.check import check

NINE_TO_FIVE = ((9 * 60, 17 * 60),)
MORNING = ((8 * 60, 13 * 60),)


def calendar(holidays: Any = (), **hours: Any) -> Calendar:
    week = {days.replace("_", "-"): spans for days, spans in hours.items()} or {"mon-fri": "09:00-17:00"}
    written = {"timezone": "Europe/Budapest", "hours": week, "holidays": holidays or {}}
    return read(book(calendars={"office": written})).calendars["office"]


def test_a_day_alone_goes_before_a_range_of_days_wherever_it_is_written() -> None:
    first = calendar(mon="08:00-13:00", mon_fri="09:00-17:00", wed_thu="closed", wed="10:00-12:00")
    assert first.hours == (MORNING, NINE_TO_FIVE, ((600, 720),), (), NINE_TO_FIVE, (), ())
    assert calendar(mon_fri="09:00-17:00", mon="08:00-13:00").hours[0] == MORNING
    assert calendar(mon_fri=["09:00-12:00", "13:00-24:00"]).hours[0] == ((540, 720), (780, 1440))


@pytest.mark.parametrize(
    ("holidays", "day", "is_then"),
    [
        ({"dates": {"12-24": "08:00-13:00"}}, date(2026, 12, 24), Day(MORNING, "yearly")),
        ({"dates": {"12-24": "08:00-13:00"}}, date(2033, 12, 24), Day(MORNING, "yearly")),  # a Saturday
        ({"dates": {"12-24": "08:00-13:00", "2026-12-24": "closed"}}, date(2026, 12, 24), Day((), "date", holiday=True)),
        ({"dates": {"2026-12-21..2026-12-31": "closed", "12-24": "08:00-13:00"}}, date(2026, 12, 24), Day((), "date", holiday=True)),
        ({"dates": {"12-21..12-31": "closed", "12-24": "08:00-13:00"}}, date(2026, 12, 24), Day(MORNING, "yearly")),
        ({"dates": {"12-24..01-02": "closed"}}, date(2027, 1, 1), Day((), "yearly", holiday=True)),
        ({"dates": {"12-24..01-02": "closed"}}, date(2027, 1, 4), Day(NINE_TO_FIVE, "weekday")),
        ({"dates": {"02-29": "closed"}}, date(2028, 2, 29), Day((), "yearly", holiday=True)),
        ({"dates": {"02-28..03-01": "closed"}}, date(2027, 3, 1), Day((), "yearly", holiday=True)),
        ({"dates": ["2026-12-21..2026-12-31"]}, date(2026, 12, 31), Day((), "date", holiday=True)),
        (["2026-12-21", "12-23"], date(2027, 12, 23), Day((), "yearly", holiday=True)),
        ({"dates": {"2026-08-08": "08:00-13:00"}}, date(2026, 8, 8), Day(MORNING, "date")),
        ({"dates": {"2026-08-08": "mon"}}, date(2026, 8, 8), Day(NINE_TO_FIVE, "date")),
        ({"country": "HU"}, date(2026, 8, 8), Day(NINE_TO_FIVE, "moved")),
        ({"country": "HU"}, date(2026, 8, 15), Day((), "weekday")),
        ({"country": "HU", "without": ["2026-08-08"]}, date(2026, 8, 8), Day((), "date")),
        ({"country": "CN"}, date(2026, 2, 14), Day(NINE_TO_FIVE, "moved")),
        ({"country": "CZ", "dates": {"12-24": "08:00-13:00"}}, date(2026, 12, 24), Day(MORNING, "yearly")),
        ({"country": "US"}, date(2026, 10, 12), Day((), "holiday", holiday=True, names=("Columbus Day",))),
        ({"country": "US", "without": ["columbus_day"]}, date(2026, 10, 12), Day(NINE_TO_FIVE, "weekday")),
        ({"country": "US", "without": ["Independence Day"]}, date(2026, 7, 3), Day(NINE_TO_FIVE, "weekday")),  # as it was observed
        ({"country": "US", "without": ["2026-10-12"]}, date(2026, 10, 12), Day(NINE_TO_FIVE, "date")),
        ({"country": "US", "without": ["10-12"]}, date(2026, 10, 12), Day(NINE_TO_FIVE, "yearly")),
        ({"country": "US", "without": ["2026-10-12"], "dates": ["2026-10-12"]}, date(2026, 10, 12), Day((), "date", holiday=True)),
        ({"country": "US", "subdivision": "WA"}, date(2026, 10, 12), Day(NINE_TO_FIVE, "weekday")),
        ({"country": "US", "dates": ["2026-11-27"]}, date(2026, 11, 27), Day((), "date", holiday=True)),
        ({"country": "UA"}, date(2026, 1, 1), Day(NINE_TO_FIVE, "weekday")),
    ],
)
def test_the_narrowest_word_on_a_day_counts(holidays: Any, day: date, is_then: Day) -> None:
    assert calendar(holidays).day(day) == is_then


def test_half_a_day_is_no_holiday_and_a_closed_one_is() -> None:
    made = calendar({"country": "HU", "dates": {"12-23": "08:00-13:00", "12-28": "closed"}})
    days = [day for day in range(20, 32) if made.is_holiday(date(2026, 12, day))]
    assert days == [24, 25, 26, 28]


def test_a_night_belongs_to_the_day_it_starts_on() -> None:
    made = calendar(["2026-12-25"], mon_sun="22:00-06:00")
    hours = {(24, 23): True, (25, 5): True, (25, 23): False, (26, 5): False, (26, 23): True}
    assert {(day, hour): made.is_open(datetime(2026, 12, day, hour, tzinfo=made.zone)) for day, hour in hours} == hours


def test_a_worked_saturday_that_is_open_by_its_weekday_keeps_its_hours() -> None:
    assert calendar({"country": "HU"}, mon_fri="09:00-17:00", sat="08:00-13:00").day(date(2026, 8, 8)) == Day(MORNING, "weekday")


def test_a_countrys_names_are_the_same_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "hu")
    assert public_days.__wrapped__("HU", None, 2026).names[date(2026, 1, 1)] == ("New Year's Day",)


def test_two_days_of_24_hours_change_where_they_end() -> None:
    made = calendar(mon="00:00-24:00", tue="00:00-24:00")
    monday = datetime(2026, 11, 30, 12, tzinfo=made.zone)
    assert made.next_change(monday.astimezone(UTC)) == datetime(2026, 12, 2, tzinfo=made.zone)


@pytest.mark.parametrize(
    ("holidays", "told"),
    [
        ({"country": "UA"}, [("no_holidays", "/calendars/office/holidays/country")] * 2),
        ({"country": "US"}, []),
        (
            {"country": "US", "without": ["Colombus Day", "juneteenth_national_independence_day"]},
            [("unknown_holiday", "/calendars/office/holidays/without")],
        ),
    ],
)
def test_the_check_tells_of_countries_without_days_and_of_holidays_that_are_none(holidays: Any, told: list[Any]) -> None:
    found = check(book(calendars={"office": {"hours": {"mon-fri": "09:00-17:00"}, "holidays": holidays}}), ZONE)
    assert [(one.code, one.path) for one in found] == told
    assert all("did you mean columbus_day" in one.message for one in found if one.code == "unknown_holiday")


@pytest.mark.parametrize(
    ("holidays", "when", "never"),
    [
        ({}, [leaf("time.now", "within_hours", "office"), leaf("time.weekday", "is", "sat")], True),
        ({"dates": {"2026-08-08": "09:00-17:00"}}, [leaf("time.now", "within_hours", "office"), leaf("time.weekday", "is", "sat")], False),
        ({"dates": {"12-24": "20:00-21:00"}}, [leaf("time.now", "within_hours", "office"), leaf("time.hour", "is", 20)], False),
        ({"country": "HU"}, [leaf("time.now", "within_hours", "office"), leaf("time.weekday", "is", "sat")], False),
        ({"country": "US"}, [leaf("time.now", "within_hours", "office"), leaf("time.weekday", "is", "sat")], True),
        ({"dates": {"12-24": "09:00-10:00"}}, [leaf("time.holiday", "is", True)], True),
        ({"dates": {"12-24": "closed"}}, [leaf("time.holiday", "is", True)], False),
    ],
)
def test_no_proof_overlooks_a_day_that_a_date_opens(holidays: Any, when: list[Any], never: bool) -> None:
    office = {"timezone": "UTC", "hours": {"mon-fri": "09:00-17:00"}, "holidays": holidays}
    found = check(book(rule("a", {"all": when}), calendars={"office": office}), ZONE)
    assert ("never_matches" in [one.code for one in found]) is never

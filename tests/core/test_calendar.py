"""Calendars: open hours by the wall clock of a zone, through changes of the clock, holidays and midnights."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.calendar import ALWAYS, DAYS, Calendar
from tsbridge.core.opening import read_days, read_hours

ANGELES, BERLIN, KATHMANDU = ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def calendar(zone: ZoneInfo, hours: dict[str, str], closed: tuple[date, ...] = (), country: str | None = None) -> Calendar:
    week: list[tuple[tuple[int, int], ...]] = [()] * 7
    for days, spans in hours.items():
        for day in read_days(days):
            week[day] = read_hours(spans)
    return Calendar("c", zone, tuple(week), dict.fromkeys(closed, ()), country=country)


OFFICE = calendar(ANGELES, {"mon-fri": "06:00-22:00", "sat-sun": "08:00-20:00"}, country="US")
NIGHT = calendar(BERLIN, {"mon-sun": "22:00-06:00"})


def at(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        (at(ANGELES, 2026, 11, 23, 5, 59), False),
        (at(ANGELES, 2026, 11, 23, 6, 0), True),
        (at(ANGELES, 2026, 11, 23, 21, 59, 59), True),
        (at(ANGELES, 2026, 11, 23, 22, 0), False),
        (at(ANGELES, 2026, 11, 26, 12, 0), False),  # Thanksgiving
        (at(ANGELES, 2026, 11, 28, 7, 0), False),
        (at(ANGELES, 2026, 11, 28, 19, 0), True),
    ],
)
def test_open_from_the_first_minute_to_before_the_last_and_not_on_holidays(when: datetime, is_open: bool) -> None:
    assert OFFICE.is_open(when) is is_open


def test_a_day_of_23_or_25_hours_counts_as_what_it_is() -> None:
    whole = calendar(ANGELES, {"mon-sun": "00:00-24:00"})
    spring, autumn = at(ANGELES, 2026, 3, 8), at(ANGELES, 2026, 11, 1)
    assert whole.open_between(spring, at(ANGELES, 2026, 3, 9)) == 23 * HOUR
    assert whole.open_between(autumn, at(ANGELES, 2026, 11, 2)) == 25 * HOUR
    assert whole.after(spring, 23 * HOUR) == at(ANGELES, 2026, 3, 9)


def test_a_night_goes_over_midnight_and_through_the_changes_of_the_clock() -> None:
    assert NIGHT.is_open(at(BERLIN, 2026, 11, 23, 5, 59))
    assert not NIGHT.is_open(at(BERLIN, 2026, 11, 23, 6, 0))
    assert NIGHT.open_between(at(BERLIN, 2026, 3, 28, 12), at(BERLIN, 2026, 3, 29, 12)) == 7 * HOUR
    assert NIGHT.open_between(at(BERLIN, 2026, 10, 24, 12), at(BERLIN, 2026, 10, 25, 12)) == 9 * HOUR


def test_time_in_open_hours_skips_the_night_the_weekend_and_the_holiday() -> None:
    days = calendar(ANGELES, {"mon-fri": "09:00-17:00"}, closed=(date(2026, 11, 26),))
    assert days.after(at(ANGELES, 2026, 11, 25, 16), 2 * HOUR) == at(ANGELES, 2026, 11, 27, 10)
    assert days.after(at(ANGELES, 2026, 11, 27, 16), 2 * HOUR) == at(ANGELES, 2026, 11, 30, 10)
    assert days.after(at(ANGELES, 2026, 11, 28, 12), timedelta(0)) == at(ANGELES, 2026, 11, 30, 9)


def test_time_that_ends_as_it_closes_ends_as_it_opens_again() -> None:
    days = calendar(ANGELES, {"mon-fri": "09:00-17:00"}, closed=(date(2026, 11, 26),))
    assert days.after(at(ANGELES, 2026, 11, 24, 15), 2 * HOUR) == at(ANGELES, 2026, 11, 25, 9)
    assert days.after(at(ANGELES, 2026, 11, 25, 9), 8 * HOUR) == at(ANGELES, 2026, 11, 27, 9)
    assert days.after(at(ANGELES, 2026, 11, 27, 9), 16 * HOUR) == at(ANGELES, 2026, 12, 1, 9)
    assert days.after(at(ANGELES, 2026, 11, 24, 17), timedelta(0)) == at(ANGELES, 2026, 11, 25, 9)
    split = calendar(ANGELES, {"mon-fri": "09:00-12:00,13:00-17:00"})
    assert split.after(at(ANGELES, 2026, 11, 24, 9), 3 * HOUR) == at(ANGELES, 2026, 11, 24, 13)
    joined = calendar(ANGELES, {"mon-fri": "09:00-12:00,12:00-17:00", "sat": "00:00-24:00", "sun": "00:00-24:00"})
    assert joined.after(at(ANGELES, 2026, 11, 24, 9), 3 * HOUR) == at(ANGELES, 2026, 11, 24, 12)
    assert joined.after(at(ANGELES, 2026, 11, 28, 0), 24 * HOUR) == at(ANGELES, 2026, 11, 29, 0)


def test_a_calendar_that_never_opens_says_so() -> None:
    never = calendar(ANGELES, {})
    assert never.after(at(ANGELES, 2026, 1, 1), MINUTE) is None
    assert never.next_change(at(ANGELES, 2026, 1, 1)) is None


def test_always_is_always_open() -> None:
    now = at(BERLIN, 2026, 1, 1)
    assert ALWAYS.is_open(now)
    assert ALWAYS.next_change(now) is None
    assert ALWAYS.after(now, HOUR) == now + HOUR


instants = st.integers(0, 2 * 366 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE)
calendars = st.sampled_from([OFFICE, NIGHT, calendar(KATHMANDU, {"mon,wed": "00:00-00:30,12:00-24:00", "sun": "23:15-01:45"})])


@given(calendars, instants)
def test_nothing_changes_before_the_next_change_and_something_does_at_it(found: Calendar, when: datetime) -> None:
    change = found.next_change(when)
    assert change is not None
    assert found.is_open(change) is not found.is_open(change - MINUTE / 60)
    between = when + (change - when) / 2
    assert found.is_open(when) is found.is_open(between) is found.is_open(change - MINUTE / 60)


@given(calendars, instants, st.integers(1, 10_000))
def test_what_is_waited_for_has_passed_in_open_hours_and_not_a_second_more(found: Calendar, when: datetime, minutes: int) -> None:
    due = found.after(when, minutes * MINUTE)
    assert due is not None
    assert found.open_between(when, due) == minutes * MINUTE
    assert found.is_open(due)
    assert found.open_between(when, due + MINUTE / 60) > minutes * MINUTE


@given(calendars, instants, st.integers(0, 3_000), st.integers(0, 3_000))
def test_open_time_adds_up(found: Calendar, when: datetime, first: int, second: int) -> None:
    middle = when + first * MINUTE
    end = middle + second * MINUTE
    assert found.open_between(when, end) == found.open_between(when, middle) + found.open_between(middle, end)


@pytest.mark.parametrize("text", ["", "6-7", "06:00", "25:00-26:00", "06:60-07:00", "24:00-01:00", "06:00-09:00,08:00-10:00", "a-b"])
def test_hours_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|begins|overlap"):
        read_hours(text)


@pytest.mark.parametrize("text", ["", "monday", "mon-", "-fri", "mon fri"])
def test_days_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected days"):
        read_days(text)


def test_days_may_go_over_the_end_of_the_week() -> None:
    assert [DAYS[day] for day in read_days("sat-mon")] == ["sat", "sun", "mon"]


def test_open_time_of_several_years_is_counted_whole() -> None:
    office = calendar(ANGELES, {"mon-fri": "09:00-17:00"})
    start, end = at(ANGELES, 2024, 1, 1), at(ANGELES, 2027, 1, 1)
    workdays = sum((date(2024, 1, 1) + timedelta(days=n)).weekday() < 5 for n in range(1096))
    assert office.open_between(start, end) == workdays * 8 * HOUR


@given(st.integers(1, 36), st.integers(-3_000, 3_000), st.integers(0, 40_000))
def test_open_time_is_that_of_the_spans_also_where_a_month_or_a_year_begins(month: int, minutes: int, length: int) -> None:
    start = datetime(2025 + month // 12, month % 12 + 1, 1, tzinfo=UTC) + minutes * MINUTE
    end = start + length * MINUTE
    for one in (OFFICE, NIGHT, calendar(KATHMANDU, {"mon-sun": "00:00-24:00"}), calendar(BERLIN, {"sun": "20:00-20:00"})):
        cut = [(max(opens, start), min(closes, end)) for opens, closes in one.spans(start)]
        assert one.open_between(start, end) == sum((closes - opens for opens, closes in cut if opens < closes), timedelta())
        assert one.is_open(start) is any(opens <= start < closes for opens, closes in cut) or length == 0


def test_what_takes_longer_than_is_looked_ahead_never_comes() -> None:
    office = calendar(ANGELES, {"mon-fri": "09:00-17:00"})
    assert office.after(at(ANGELES, 2026, 1, 1), 3_000 * HOUR) is None
    assert calendar(ANGELES, {}).after(at(ANGELES, 2026, 1, 1), HOUR) is None

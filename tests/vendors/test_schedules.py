"""Zendesk's schedules become calendars that are open in the same minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.rulebook.books import ZONE, book
from tests.vendors.test_setup import account, zendesk
from tsbridge.core.calendar import Calendar
from tsbridge.core.rules.document import read
from tsbridge.document_files import dump, load_text
from tsbridge.rulebook.check import check
from tsbridge.simulator.zendesk import Zendesk
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.schedules import as_calendars

__all__ = ["account", "zendesk"]
MINUTE = timedelta(minutes=1)


def intervals(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"start_time": start, "end_time": end} for start, end in pairs]


def schedule(**more: Any) -> dict[str, Any]:
    return {"id": 7, "name": "Office hours", "time_zone": "Pacific Time (US & Canada)", "intervals": intervals((1980, 2460)), **more}


def ours(written: Any) -> Calendar:
    text = dump({"calendars": {"c": written}})
    return read(book(**load_text(text.encode()))).calendars["c"]


@pytest.mark.parametrize(
    ("theirs", "hours"),
    [
        (intervals((1980, 2460)), {"mon": "09:00-17:00"}),
        (intervals(*((1440 * day + 540, 1440 * day + 1020) for day in range(1, 6))), {"mon-fri": "09:00-17:00"}),
        (intervals((0, 480), (480, 720)), {"sun": "00:00-12:00"}),
        (intervals((9960, 10080), (0, 60)), {"sat": "22:00-24:00", "sun": "00:00-01:00"}),
        (intervals((9960, 0)), {"sat": "22:00-24:00"}),
        (intervals((1380, 1500)), {"mon": "00:00-01:00", "sun": "23:00-24:00"}),
        (intervals((0, 10080)), {"mon-sun": "00:00-24:00"}),
        (intervals((1980, 2100), (2160, 2460)), {"mon": "09:00-11:00,12:00-17:00"}),
        ([], {"mon-sun": "closed"}),
    ],
)
def test_minutes_of_the_week_become_hours_of_days(theirs: Any, hours: dict[str, str]) -> None:
    carried = as_calendars([(schedule(intervals=theirs), [])])
    assert (dict(carried.calendars["office-hours"]["hours"]), carried.left) == (hours, ())
    assert ours(carried.calendars["office-hours"]).zone == ZoneInfo("America/Los_Angeles")


def test_names_are_apart_and_what_cannot_be_carried_over_is_said() -> None:
    many = [schedule(), schedule(id=8), schedule(id=9, name="Always"), schedule(id=10, name="\u6771\u4eac")]
    odd = [schedule(id=11, name="odd", intervals=intervals((5, 4))), schedule(id=12, name="far", time_zone="Mars")]
    carried = as_calendars([(one, []) for one in many + odd])
    assert list(carried.calendars) == ["office-hours", "office-hours-8", "always-9", "schedule-10", "far"]
    assert [words.partition(":")[0] for words in carried.left] == ["odd", "far"]


def test_random_schedules_are_open_in_the_minutes_that_zendesk_counts() -> None:
    dice = Random("schedules")  # noqa: S311
    for _ in range(60):
        open_in_week = [False] * 10_080
        pairs = []
        for day in range(7):
            marks = sorted(dice.sample(range(0, 1441, 15), dice.choice([0, 2, 2, 4])))
            pairs += [(1440 * day + start, 1440 * day + end) for start, end in zip(marks[::2], marks[1::2], strict=True)]
        for start, end in pairs:
            open_in_week[start:end] = [True] * (end - start)
        name = dice.choice(["Pacific Time (US & Canada)", "London", "Kathmandu", "Casablanca", "Canberra"])
        first = date(2026, 1, 1) + timedelta(days=dice.randrange(360))
        off = {"id": 1, "name": "x", "start_date": str(first), "end_date": str(first + timedelta(days=dice.randrange(4)))}
        written = as_calendars([(schedule(time_zone=name, intervals=intervals(*pairs)), [off])]).calendars["office-hours"]
        calendar = ours(written)
        at = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=2)
        for _ in range(200):
            when = at + dice.randrange(8 * 1440) * MINUTE
            local = when.astimezone(calendar.zone)
            minute = (local.isoweekday() % 7) * 1440 + local.hour * 60 + local.minute
            closed = off["start_date"] <= local.date().isoformat() <= off["end_date"]  # type: ignore[operator]
            steady = local.utcoffset() == (when - timedelta(hours=26)).astimezone(calendar.zone).utcoffset()
            assert calendar.is_open(when) is (open_in_week[minute] and not closed) or not steady


@pytest.mark.anyio
async def test_what_the_account_has_comes_as_calendars_that_pass_the_check(account: Zendesk, zendesk: ZendeskClient) -> None:
    made = await zendesk.ask("POST", "business_hours/schedules.json", {"schedule": {"name": "Nights", "time_zone": "London"}})
    place = f"business_hours/schedules/{made['schedule']['id']}"
    await zendesk.ask("PUT", f"{place}/workweek.json", {"workweek": {"intervals": intervals((9960, 10080), (0, 360))}})
    for first, last in (("2026-12-24", "2026-12-26"), ("2027-01-01", "2027-01-01")):
        await zendesk.ask("POST", f"{place}/holidays.json", {"holiday": {"name": "Off", "start_date": first, "end_date": last}})
    carried = as_calendars(await zendesk.schedules())
    assert carried.calendars == {
        "office": {"timezone": "Pacific Time (US & Canada)", "hours": {"mon-fri": "09:00-17:00"}},
        "nights": {
            "timezone": "London",
            "hours": {"sat": "22:00-24:00", "sun": "00:00-06:00"},
            "holidays": {"dates": ["2026-12-24..2026-12-26", "2027-01-01"]},
        },
    }
    assert check(book(calendars=dict(carried.calendars)), ZONE) == ()

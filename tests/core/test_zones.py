"""Zones by every name that reaches us."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tsbridge.core.moments import instant_text
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import RulebookError
from tsbridge.core.zones import RAILS, WINDOWS, zone


@pytest.mark.parametrize("name", sorted({*RAILS, *WINDOWS}))
def test_every_name_leads_to_a_zone_that_is_there(name: str) -> None:
    assert datetime(2026, 1, 1, tzinfo=zone(name)).utcoffset() is not None


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC+01:00) Berlin", "Europe/Berlin"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Canberra", "Australia/Canberra"),
        ("New Delhi", "Asia/Kolkata"),
        ("Kuala Lumpur", "Asia/Kuala_Lumpur"),
        ("UTC-08", "Pacific/Pitcairn"),
        ("America/Vancouver", "America/Vancouver"),
        ("UTC", "UTC"),
        ("Singapore", "Singapore"),  # IANA's own name goes before
    ],
)
def test_zendesks_and_windowss_names_are_known_beside_ianas(name: str, iana: str) -> None:
    assert zone(name).key == iana


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "../etc/passwd", "/etc/passwd", "Eastern", "pacific standard time", "a\x00b", "x" * 500]
)
def test_other_names_are_none(name: str) -> None:
    with pytest.raises(LookupError):
        zone(name)


def test_a_calendar_may_say_its_zone_as_zendesk_does() -> None:
    book: dict[str, Any] = {
        "schema": 1,
        "calendars": {"office": {"timezone": "Eastern Time (US & Canada)", "hours": {"mon-fri": "09:00-17:00"}}},
        "queues": {"intake": {"calendar": "office"}},
        "rules": [{"key": "default", "kind": "routing", "title": "All", "when": {}, "then": [{"route": "intake"}]}],
    }
    office = read(book).calendars["office"]
    assert [office.is_open(datetime(2026, 11, 23, hour, 30, tzinfo=UTC)) for hour in (13, 14, 21, 22)] == [False, True, True, False]
    for wrong in ("Eastern", 7, None, ["UTC"]):
        book["calendars"]["office"]["timezone"] = wrong
        with pytest.raises(RulebookError):
            read(book)


def test_the_hour_that_comes_twice_is_two_instants_in_text() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=zone("Europe/Berlin"))
    second = first.replace(fold=1)
    assert first == second, "so Python compares them"
    assert [instant_text(first), instant_text(second)] == ["2026-10-25T00:30:00.000000Z", "2026-10-25T01:30:00.000000Z"]

"""The feeds that people's calendars read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tsbridge.roster.ical_in import read
from tsbridge.roster.ical_out import Entry, write

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001
ENTRIES = st.lists(st.builds(lambda at, hours: (at, at + timedelta(hours=hours)), STARTS, st.integers(1, 200)), max_size=20)


@given(ENTRIES)
def test_what_is_written_is_read_back(turns: list[tuple[datetime, datetime]]) -> None:
    entries = [Entry(f"duty-{number}", start, end, f"P{number}") for number, (start, end) in enumerate(turns)]
    people = {f"p{number}": f"p{number}" for number in range(len(turns))}
    back = read(
        write("Night shift", entries, AS_OF), AS_OF - timedelta(days=400), AS_OF + timedelta(days=400), UTC, means="shift", people=people
    )
    assert sorted((span.start, span.end, span.agent) for span in back.spans) == sorted((e.start, e.end, e.title.lower()) for e in entries)


def test_every_event_is_concrete_in_utc_and_stays_the_same() -> None:
    entries = [Entry("duty-1", AS_OF, AS_OF + timedelta(hours=8), "On call: lead, all queues; day and night")]
    text = write("Ana", entries, AS_OF)
    assert text == write("Ana", entries, AS_OF)
    lines = text.decode().split("\r\n")
    assert {"DTSTART:20261101T000000Z", "DTEND:20261101T080000Z", "UID:duty-1@tsbridge", "TRANSP:TRANSPARENT"} <= set(lines)
    assert "SUMMARY:On call: lead\\, all queues\\; day and night" in lines
    assert not any(line.startswith(("RRULE", "TZID", "BEGIN:VTIMEZONE")) for line in lines)
    assert {"REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"} <= set(lines)

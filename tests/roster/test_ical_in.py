"""iCalendar feeds are read as the programs that made them show them, or refused with the line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.roster.feed_texts import HOUSE_TIME, NEW_YORK, OLD_VANCOUVER, event, feed
from tsbridge.roster.ical_events import BadFeed
from tsbridge.roster.ical_in import read

BERLIN = ZoneInfo("Europe/Berlin")
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
IN_NEW_YORK = "DTSTART;TZID=America/New_York:"


def spans(content: bytes, since: datetime = SINCE, until: datetime = UNTIL) -> list[str]:
    """As `2026-11-05 14:00 PT8H`: the start in UTC, and how long."""
    return [shown(start, end) for start, end, _ in read(content, since, until, BERLIN).spans]


def shown(start: datetime, end: datetime) -> str:
    hours = (end - start) / timedelta(hours=1)
    return f"{start:%Y-%m-%d %H:%M} {hours:g}h"


def warned(content: bytes) -> tuple[str, ...]:
    return read(content, SINCE, UNTIL, BERLIN).warnings


def refused(content: bytes) -> str:
    with pytest.raises(BadFeed) as told:
        read(content, SINCE, UNTIL, BERLIN)
    return str(told.value)


def test_a_whole_day_is_a_day_of_the_agents_own_zone() -> None:
    google = event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227", "SUMMARY:Out of office", "TRANSP:OPAQUE")
    assert spans(feed(google)) == ["2026-12-23 23:00 72h"]


def test_a_day_of_a_clock_change_is_as_long_as_it_is() -> None:
    assert spans(feed(event("DTSTART;VALUE=DATE:20261025"))) == ["2026-10-24 22:00 25h"]
    assert spans(feed(event("DTSTART;VALUE=DATE:20260329"))) == ["2026-03-28 23:00 23h"]


def test_windows_names_of_zones_are_known() -> None:
    outlook = event("DTSTART;TZID=Pacific Standard Time:20261105T090000", "DTEND;TZID=Pacific Standard Time:20261105T170000")
    assert spans(feed(outlook, zones="")) == ["2026-11-05 17:00 8h"]


def test_a_zone_of_the_feeds_own_is_read_from_the_feed() -> None:
    outlook = event("DTSTART;TZID=Customized Time Zone:20261105T090000", "DTEND;TZID=Customized Time Zone:20261105T170000")
    assert spans(feed(outlook, zones=HOUSE_TIME)) == ["2026-11-05 14:00 8h"]


def test_a_zone_of_the_feeds_own_changes_by_one_rule_a_year_or_is_not_read() -> None:
    outlook = event("DTSTART;TZID=Customized Time Zone:20261105T090000", "DURATION:PT1H")
    part = HOUSE_TIME[HOUSE_TIME.index("BEGIN:STANDARD") : HOUSE_TIME.index("END:VTIMEZONE")]
    rule = "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\n"
    assert spans(feed(outlook, zones=HOUSE_TIME.replace(rule, ""))) == ["2026-11-05 13:00 1h"]
    for other in ("RRULE:FREQ=MONTHLY;BYDAY=1SU\n", rule + rule, rule.replace("=11", "=13")):
        assert "none that is known" in refused(feed(outlook, zones=HOUSE_TIME.replace(rule, other)))
    assert "none that is known" in refused(feed(outlook, zones=HOUSE_TIME.replace(part, part * 200)))


def test_a_zones_name_may_have_an_address_in_front() -> None:
    named = "DTSTART;TZID=/freeassociation.sourceforge.net/America/New_York:20261105T090000"
    assert spans(feed(event(named, "DURATION:PT1H"), zones="")) == ["2026-11-05 14:00 1h"]


def test_our_table_goes_before_an_older_one_of_the_feed_and_the_difference_is_told() -> None:
    turn = event("DTSTART;TZID=America/Vancouver:20261215T090000", "DURATION:PT1H")
    assert spans(feed(turn, zones=OLD_VANCOUVER)) == ["2026-12-15 16:00 1h"]
    assert warned(feed(turn, zones=OLD_VANCOUVER)) == ("zone_differs:1",)
    assert warned(feed(event(f"{IN_NEW_YORK}20261215T090000", "DURATION:PT1H"))) == ()


def test_a_unknown_zone_and_a_time_without_one_are_refused_with_the_line() -> None:
    unknown = feed(event("DTSTART;TZID=Middle Earth:20261105T090000", "DURATION:PT1H"), zones="")
    assert refused(unknown) == "line 8: the time zone of DTSTART is none that is known, and the feed does not tell it"
    floating = feed(event("DTSTART:20261105T090000", "DTEND:20261105T170000"), zones="", head="X-WR-TIMEZONE:America/New_York\n")
    assert refused(floating) == "line 9: DTSTART has no time zone; expected a TZID or a time in UTC"


def test_the_header_x_wr_timezone_moves_no_event_in_utc() -> None:
    weekly = event("DTSTART:20260302T140000Z", "DTEND:20260302T150000Z", "RRULE:FREQ=WEEKLY;COUNT=3")
    assert spans(feed(weekly, head="X-WR-TIMEZONE:America/New_York\n")) == [
        "2026-03-02 14:00 1h",
        "2026-03-09 14:00 1h",
        "2026-03-16 14:00 1h",
    ]


def test_a_turn_every_week_keeps_its_wall_clock_over_a_clock_change() -> None:
    weekly = event(f"{IN_NEW_YORK}20261026T090000", "DTEND;TZID=America/New_York:20261026T170000", "RRULE:FREQ=WEEKLY;COUNT=2")
    assert spans(feed(weekly)) == ["2026-10-26 13:00 8h", "2026-11-02 14:00 8h"]


def test_a_night_over_a_clock_change_ends_by_the_wall_clock_and_a_duration_is_time_that_passes() -> None:
    start = f"{IN_NEW_YORK}20261031T220000"
    assert spans(feed(event(start, "DTEND;TZID=America/New_York:20261101T060000"))) == ["2026-11-01 02:00 9h"]
    assert spans(feed(event(start, "DURATION:PT8H"))) == ["2026-11-01 02:00 8h"]
    assert spans(feed(event(start, "DURATION:P1D"))) == ["2026-11-01 02:00 25h"]
    assert spans(feed(event(start, "DURATION:P1DT2H"))) == ["2026-11-01 02:00 27h"]


def test_what_starts_in_the_skipped_hour_starts_behind_it_and_keeps_its_length() -> None:
    nightly = event(f"{IN_NEW_YORK}20260307T023000", "DTEND;TZID=America/New_York:20260307T030000", "RRULE:FREQ=DAILY;COUNT=3")
    assert spans(feed(nightly)) == ["2026-03-07 07:30 0.5h", "2026-03-08 07:30 0.5h", "2026-03-09 06:30 0.5h"]


def test_until_without_a_zone_is_the_events_own_wall_clock() -> None:
    start = f"{IN_NEW_YORK}20261102T180000"
    own = event(start, "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20261109T180000")
    assert spans(feed(own)) == ["2026-11-02 23:00 1h", "2026-11-09 23:00 1h"]
    utc = event(start, "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20261109T230000Z")
    assert spans(feed(utc)) == spans(feed(own))
    day = event(start, "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20261109")
    assert spans(feed(day)) == spans(feed(own))


def test_whole_days_end_on_the_day_of_until() -> None:
    for until in ("20261224", "20261224T000000Z", "20261224T235959Z"):
        assert spans(feed(event("DTSTART;VALUE=DATE:20261223", f"RRULE:FREQ=DAILY;UNTIL={until}"))) == ["2026-12-22 23:00 48h"]


def test_exceptions_leave_out_an_occurrence_or_every_one_of_a_day() -> None:
    weekly = (f"{IN_NEW_YORK}20261102T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3")
    assert spans(feed(event(*weekly, "EXDATE;TZID=America/New_York:20261109T090000"))) == ["2026-11-02 14:00 1h", "2026-11-16 14:00 1h"]
    assert spans(feed(event(*weekly, "EXDATE:20261109T140000Z"))) == ["2026-11-02 14:00 1h", "2026-11-16 14:00 1h"]
    whole = feed(event(*weekly, "EXDATE;VALUE=DATE:20261109"))
    assert spans(whole) == ["2026-11-02 14:00 1h", "2026-11-16 14:00 1h"]
    assert warned(whole) == ("whole_day_exception:1",)
    two = event(*weekly, "EXDATE:20261109T140000Z,20261116T140000Z")
    assert spans(feed(two)) == ["2026-11-02 14:00 1h"]


def test_a_cancelled_event_and_a_cancelled_occurrence_are_none() -> None:
    weekly = event(f"{IN_NEW_YORK}20261102T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3")
    at = "TZID=America/New_York:20261109T090000"
    gone = event(f"RECURRENCE-ID;{at}", f"DTSTART;{at}", "DURATION:PT1H", "STATUS:CANCELLED")
    assert spans(feed(weekly, gone)) == ["2026-11-02 14:00 1h", "2026-11-16 14:00 1h"]
    assert spans(feed(event("DTSTART:20261102T140000Z", "DURATION:PT1H", "STATUS:CANCELLED"))) == []


def test_a_moved_occurrence_is_where_it_was_moved_to() -> None:
    weekly = event(f"{IN_NEW_YORK}20261102T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3")
    moved = event("RECURRENCE-ID:20261109T140000Z", f"{IN_NEW_YORK}20261110T120000", "DURATION:PT2H")
    assert spans(feed(weekly, moved)) == ["2026-11-02 14:00 1h", "2026-11-10 17:00 2h", "2026-11-16 14:00 1h"]
    by_day = event("RECURRENCE-ID;VALUE=DATE:20261109", f"{IN_NEW_YORK}20261110T120000", "DURATION:PT2H")
    assert spans(feed(weekly, by_day)) == spans(feed(weekly, moved))
    again = event("RECURRENCE-ID:20261109T140000Z", f"{IN_NEW_YORK}20261111T120000", "DURATION:PT1H", "SEQUENCE:2")
    assert spans(feed(weekly, again, moved))[1] == "2026-11-11 17:00 1h"


def test_this_and_future_moves_all_from_there_on() -> None:
    weekly = event(f"{IN_NEW_YORK}20261102T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=4")
    later = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261116T140000Z", f"{IN_NEW_YORK}20261117T100000", "DURATION:PT2H")
    moved = ["2026-11-02 14:00 1h", "2026-11-09 14:00 1h", "2026-11-17 15:00 2h", "2026-11-24 15:00 2h"]
    assert spans(feed(weekly, later)) == moved
    once = event("RECURRENCE-ID:20261123T140000Z", "DTSTART:20261123T200000Z", "DURATION:PT1H")
    assert spans(feed(weekly, later, once)) == [*moved[:3], "2026-11-23 20:00 1h"]
    no_more = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261116T140000Z", f"{IN_NEW_YORK}20261116T090000", "STATUS:CANCELLED")
    assert spans(feed(weekly, no_more)) == moved[:2]


def test_an_occurrence_without_its_series_stands_for_itself() -> None:
    alone = event("RECURRENCE-ID:20261109T140000Z", "DTSTART:20261109T150000Z", "DURATION:PT1H")
    assert spans(feed(alone)) == ["2026-11-09 15:00 1h"]


def test_added_dates_and_periods() -> None:
    turn = event("DTSTART:20261102T140000Z", "DURATION:PT1H", "RDATE:20261103T140000Z", "RDATE;VALUE=PERIOD:20261104T100000Z/PT3H")
    assert spans(feed(turn)) == ["2026-11-02 14:00 1h", "2026-11-03 14:00 1h", "2026-11-04 10:00 3h"]


def test_the_event_itself_is_an_occurrence_though_its_rule_skips_it() -> None:
    odd = event("DTSTART:20261103T140000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261110T000000Z")
    assert spans(feed(odd)) == ["2026-11-03 14:00 1h", "2026-11-09 14:00 1h"]


def test_time_that_is_marked_free_is_no_absence_and_is_told() -> None:
    google = event("DTSTART;VALUE=DATE:20261224", "TRANSP:TRANSPARENT", uid="a")
    outlook = event("DTSTART:20261102T140000Z", "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:FREE", uid="b")
    away = event("DTSTART:20261102T160000Z", "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", uid="c")
    assert spans(feed(google, outlook, away)) == ["2026-11-02 16:00 1h"]
    assert warned(feed(google, outlook, away)) == ("free:2",)


def test_absences_that_touch_are_one() -> None:
    days = [event(f"DTSTART;VALUE=DATE:202612{day}", uid=day) for day in ("24", "25", "26")]
    assert spans(feed(*days)) == ["2026-12-23 23:00 72h"]


def test_an_old_rota_has_its_shift_of_today() -> None:
    daily = event(f"{IN_NEW_YORK}20120102T220000", "DTEND;TZID=America/New_York:20120103T060000", "RRULE:FREQ=DAILY")
    assert spans(feed(daily), datetime(2026, 11, 30, 4, tzinfo=UTC), datetime(2026, 11, 30, 5, tzinfo=UTC)) == ["2026-11-30 03:00 8h"]


def test_a_rota_kept_elsewhere_names_people_of_the_roster() -> None:
    people = {"ana silva": "ana", "ben@example.com": "ben"}
    turns = [
        event("DTSTART:20261102T140000Z", "DTEND:20261109T140000Z", "SUMMARY:Ana  Silva", "TRANSP:TRANSPARENT", uid="a"),
        event("DTSTART:20261109T140000Z", "DTEND:20261116T140000Z", "SUMMARY:BEN@example.com", uid="b"),
    ]
    found = read(feed(*turns), SINCE, UNTIL, BERLIN, means="rotation", people=people).spans
    assert [(span.agent, shown(span.start, span.end)) for span in found] == [
        ("ana", "2026-11-02 14:00 168h"),
        ("ben", "2026-11-09 14:00 168h"),
    ]
    with pytest.raises(BadFeed, match=r"^line 10: the summary is nobody's key, name or address in the roster$"):
        read(
            feed(event("DTSTART:20261102T140000Z", "DURATION:PT1H", "SUMMARY:Carla"), zones=""),
            SINCE,
            UNTIL,
            BERLIN,
            means="shift",
            people=people,
        )


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["DTSTART:20261102T140000Z", "DTEND:20261102T130000Z"], "line 9: it ends before it starts"),
        (["DTSTART:20261102T140000Z", "DTEND;VALUE=DATE:20261103"], "line 9: expected DTEND to be a day like DTSTART, or a time like it"),
        (["DTSTART:20261102T140000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY"], "line 10: expected a rule of days, weeks, months or years"),
        (["DTSTART:20261102T140000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;BYHOUR=9,17"], "line 10: a rule finer than a day is not read"),
        (["DTSTART:20261102T140000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], "line 10: expected one RRULE"),
        (["DTSTART:20261102T140000Z", "DURATION:PT1H", "EXRULE:FREQ=DAILY"], "line 10: EXRULE is not read; RFC 5545 has none any more"),
        (["DTSTART:tomorrow", "DURATION:PT1H"], "line 8: DTSTART cannot be read"),
        (["DURATION:PT1H"], "line 5: expected a DTSTART"),
        (["DTSTART:19000101T140000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY"], "line 10: expected at most 20000 occurrences"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_line(lines: list[str], why: str) -> None:
    assert refused(feed(event(*lines), zones="")) == why


def test_what_is_no_feed_is_refused() -> None:
    assert refused(b"<html>Sign in</html>").startswith("line 1: expected an iCalendar text")
    assert refused(b"BEGIN:VCALENDAR\r\nX:\xff\r\nEND:VCALENDAR\r\n") == "line 2: expected UTF-8"
    assert refused(b"x" * (2 * 1024 * 1024 + 1)) == "line 1: expected at most 2097152 bytes"
    busy = "BEGIN:VFREEBUSY\nUID:x\nDTSTAMP:20261101T000000Z\nFREEBUSY:20261102T140000Z/PT1H\nEND:VFREEBUSY\n"
    assert refused(feed(busy, zones="")) == "line 5: expected events; a feed of free and busy times is not read"
    assert spans(feed(zones="")) == []


def test_a_refusal_never_repeats_what_the_line_says() -> None:
    for bad in ("DTSTART:jane doe", "DTSTART;TZID=jane doe:20261105T090000"):
        assert "jane" not in refused(feed(event(bad, "DURATION:PT1H"), zones=NEW_YORK))

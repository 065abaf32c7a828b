#!/bin/sh
# ical 14.3.1 (Python): of a duty on several dates the first is left out, and a swap that is written in UTC leaves both on duty.
#
# Expected: DTSTART is the first instance and RDATE adds more (RFC 5545, 3.8.2.4 and 3.8.5.2); an event with a RECURRENCE-ID stands in the
# place of the instance that begins at that moment, in whatever zone it is written (3.8.4.4). recurring-ical-events 3.8.2 reads both so.
# Seen: with RDATE and no RRULE only the dates of RDATE are there: whoever is on call on the three nights of a holiday is on call on two, and
# an absence of three days is one of two. With RRULE the first is there. A RECURRENCE-ID in UTC finds no instance of a series in another
# zone, so that the shift that was given away stays and the new one comes on top; written in the series' own zone it is found. No error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ical==14.3.1 recurring-ical-events==3.8.2 icalendar==7.3.2 tzdata 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from ical.calendar_stream import IcsCalendarStream

berlin = ZoneInfo("Europe/Berlin")
night = "SUMMARY:Kim\nDTSTART;TZID=Europe/Berlin:20261224T220000\nDTEND;TZID=Europe/Berlin:20261225T060000\n"
swap = "SUMMARY:Sam\nRECURRENCE-ID{}\nDTSTART;TZID=Europe/Berlin:20261225T230000\nDTEND;TZID=Europe/Berlin:20261226T060000\n"
calendars = {
    "RDATE": [night + "RDATE;TZID=Europe/Berlin:20261225T220000,20261226T220000\n"],
    "RDATE and RRULE": [night + "RRULE:FREQ=DAILY;COUNT=2\nRDATE;TZID=Europe/Berlin:20261226T220000\n"],
    "days": ["SUMMARY:Kim\nDTSTART;VALUE=DATE:20261224\nRDATE;VALUE=DATE:20261225,20261226\n"],
    "swap in its zone": [night + "RRULE:FREQ=DAILY;COUNT=3\n", swap.format(";TZID=Europe/Berlin:20261225T220000")],
    "swap in UTC": [night + "RRULE:FREQ=DAILY;COUNT=3\n", swap.format(":20261225T210000Z")],
}
start, end = datetime(2026, 12, 20, tzinfo=berlin), datetime(2026, 12, 31, tzinfo=berlin)
for name, events in calendars.items():
    lines = "".join(f"BEGIN:VEVENT\nUID:1\nDTSTAMP:20261201T000000Z\n{event}END:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//desk//EN\n{lines}END:VCALENDAR\n".replace("\n", "\r\n")
    with_ical = [(event.dtstart, event.summary) for event in IcsCalendarStream.calendar_from_ics(text).timeline_tz(berlin).overlapping(start, end)]
    other = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(start, end)
    with_other = sorted((event.decoded("DTSTART"), str(event["SUMMARY"])) for event in other)
    for who, found in (("ical", with_ical), ("recurring-ical-events", with_other)):
        print(f"{name}, {who}:", ", ".join(f"{summary} {at:%d}{at:@%H}" if hasattr(at, "hour") else f"{summary} {at:%d}" for at, summary in found))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
RDATE, ical: Kim 25@22, Kim 26@22
RDATE, recurring-ical-events: Kim 24@22, Kim 25@22, Kim 26@22
RDATE and RRULE, ical: Kim 24@22, Kim 25@22, Kim 26@22
RDATE and RRULE, recurring-ical-events: Kim 24@22, Kim 25@22, Kim 26@22
days, ical: Kim 25, Kim 26
days, recurring-ical-events: Kim 24, Kim 25, Kim 26
swap in its zone, ical: Kim 24@22, Sam 25@23, Kim 26@22
swap in its zone, recurring-ical-events: Kim 24@22, Sam 25@23, Kim 26@22
swap in UTC, ical: Kim 24@22, Kim 25@22, Sam 25@23, Kim 26@22
swap in UTC, recurring-ical-events: Kim 24@22, Sam 25@23, Kim 26@22
SEEN
echo "ical 14.3.1: as described"

#!/bin/sh
# ics 0.7.3: a weekly event of a zone, read and written again, lies an hour off after the next change of the clocks.
#
# Expected: what is read as 09:00 in New York every Monday is 09:00 there every Monday when it was written again.
# Seen: begin and end are written in UTC and the zone is left out, while the recurrence rule and the excepted dates are written as they
# came, those still in the zone. So the event recurs at one UTC time: 09:00 in October is 08:00 from November on. A rota that
# passes through such a program hands over an hour early all winter, and nothing in the file says so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ics==0.7.3 icalendar==7.3.2 recurring-ical-events==3.8.2 tzdata 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from ics import Calendar

FEED = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//desk//rota//EN
CALSCALE:GREGORIAN
BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:mondays
DTSTAMP:20261001T000000Z
DTSTART;TZID=America/New_York:20261019T090000
DTEND;TZID=America/New_York:20261019T170000
RRULE:FREQ=WEEKLY;BYDAY=MO
SUMMARY:on call
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def begins(feed):
    """When the duty begins in New York, from the middle of October to the middle of November."""
    calendar = icalendar.Calendar.from_ical(feed.replace("CALSCALE:GEORGIAN", "CALSCALE:GREGORIAN"))
    window = (datetime(2026, 10, 18, tzinfo=timezone.utc), datetime(2026, 11, 14, tzinfo=timezone.utc))
    found = recurring_ical_events.of(calendar).between(*window)
    return ", ".join(f"{one['DTSTART'].dt.astimezone(ZoneInfo('America/New_York')):%d %b %H:%M}" for one in found)


written = Calendar(FEED).serialize()
print("as it came:", begins(FEED))
print("written again:", begins(written))
print("zones written:", written.count("BEGIN:VTIMEZONE"), "of", FEED.count("BEGIN:VTIMEZONE"))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
as it came: 19 Oct 09:00, 26 Oct 09:00, 02 Nov 09:00, 09 Nov 09:00
written again: 19 Oct 09:00, 26 Oct 09:00, 02 Nov 08:00, 09 Nov 08:00
zones written: 0 of 1
SEEN
echo "ics 0.7.3: as described"

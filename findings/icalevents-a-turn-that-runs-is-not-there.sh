#!/bin/sh
# icalevents 0.3.1: a recurring event that began before the window and still runs in it is left out; a single one is returned.
#
# Expected: whoever has the week is in the answer for each of its 168 hours.
# Seen: of a recurring event only occurrences that begin inside the window are returned, though a single event that runs is;
# and the window's UTC hours are read as wall-clock hours of the event's zone, so that it lies five hours off in New York. A rota
# of weeks, asked hour by hour who is on call, answers nobody for the whole week and somebody in one hour before it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check icalevents==0.3.1 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timedelta, timezone

from icalevents.icalevents import events

WEEK = """BEGIN:VEVENT
UID:week-{name}
DTSTAMP:20261101T000000Z
DTSTART;TZID=America/New_York:20261102T090000
DTEND;TZID=America/New_York:20261109T090000
{rule}SUMMARY:{name}
END:VEVENT
"""


def feed(name, rule=""):
    text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//desk//rota//EN\n" + WEEK.format(name=name, rule=rule) + "END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def hours(content):
    """At how many hours of the week, from its first to its last, somebody is on call; and at how many of the five before it."""
    begins = datetime(2026, 11, 2, 14, tzinfo=timezone.utc)  # 09:00 in New York
    there = [
        bool(events(string_content=content, start=at, end=at + timedelta(minutes=59)))
        for at in (begins + timedelta(hours=hour) for hour in range(-6, 7 * 24))
    ]
    return f"{sum(there[6:])} of 168 hours in the week, {sum(there[:6])} before it"


print("once:", hours(feed("ana")))
print("every other week:", hours(feed("ana", "RRULE:FREQ=WEEKLY;INTERVAL=2\n")))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
once: 164 of 168 hours in the week, 5 before it
every other week: 0 of 168 hours in the week, 1 before it
SEEN
echo "icalevents 0.3.1: as described"

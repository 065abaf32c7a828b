#!/bin/sh
# ics 0.7.3 with recurring-ical-events 3.8.2: what the one writes, the other refuses as no Gregorian calendar.
#
# Expected: a calendar that came without CALSCALE, or with GREGORIAN, is written without it, or with GREGORIAN.
# Seen: into a calendar that it read without a scale, as most are, ics writes CALSCALE:GEORGIAN; one that it makes anew has none.
# recurring-ical-events raises over it, so a duty feed that passed through ics shows nobody on call there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ics==0.7.3 icalendar==7.3.2 recurring-ical-events==3.8.2 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timezone

import icalendar
import recurring_ical_events
from ics import Calendar, Event

DUTY = """BEGIN:VEVENT
UID:monday
DTSTAMP:20261001T000000Z
DTSTART:20261102T140000Z
DTEND:20261102T220000Z
SUMMARY:on call
END:VEVENT
"""


def feed(scale):
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//desk//rota//EN\n{scale}{DUTY}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def duties(text):
    try:
        found = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).at(datetime(2026, 11, 2, tzinfo=timezone.utc).date())
    except Exception as refused:
        return type(refused).__name__
    return f"{len(found)} duty"


def scale(text):
    return next((line for line in text.splitlines() if line.startswith("CALSCALE")), "no CALSCALE")


made = Calendar()
made.events.add(Event(name="on call", begin="2026-11-02T14:00:00Z", end="2026-11-02T22:00:00Z", uid="monday"))
for name, text in (
    ("as it came", feed("")),
    ("came without, written again", Calendar(feed("")).serialize()),
    ("came with GREGORIAN, written again", Calendar(feed("CALSCALE:GREGORIAN\n")).serialize()),
    ("made anew", made.serialize()),
):
    print(f"{name}: {scale(text)}, {duties(text)}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
as it came: no CALSCALE, 1 duty
came without, written again: CALSCALE:GEORGIAN, InvalidCalendar
came with GREGORIAN, written again: CALSCALE:GREGORIAN, 1 duty
made anew: no CALSCALE, 1 duty
SEEN
echo "ics 0.7.3 with recurring-ical-events 3.8.2: as described"

#!/bin/sh
# x-wr-timezone 2.0.1: a weekly duty given in UTC that begins on another day in the calendar's zone is moved by a day, all turns but the first.
#
# Expected: to_standard() writes the same calendar without the need of X-WR-TIMEZONE: times in UTC become times of that zone, the instants stay, and
# three turns stay three.
# Seen: DTSTART goes from Sunday 02:00 UTC to Saturday 21:00 in New York, and BYDAY=SU stays, now of New York. The first turn is where it was, one more than
# the rule has, and each other comes a day late. Of the working week of a desk the turns of Monday to Friday end with one on Saturday.
# recurring-ical-events 3.8.0, which does the same before it looks, tells the same. Where the day is the same in both zones all is well.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check x-wr-timezone==2.0.1 icalendar==6.3.2 recurring-ical-events==3.8.0 2>/dev/null
cat >try.py <<'PY'
from datetime import timezone

import icalendar
import recurring_ical_events
import x_wr_timezone


def turns(calendar):
    found = recurring_ical_events.of(calendar).between("20260110", "20260201")
    return sorted(event["DTSTART"].dt.astimezone(timezone.utc) for event in found)


for hour, days in (("02", "SU"), ("14", "SU"), ("02", "MO,TU,WE,TH,FR")):
    first, count = {"SU": ("20260111", 3), "MO,TU,WE,TH,FR": ("20260112", 5)}[days]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//desk//EN", "X-WR-TIMEZONE:America/New_York", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z"]
    lines += [f"DTSTART:{first}T{hour}0000Z", "DURATION:PT8H", f"RRULE:FREQ=WEEKLY;BYDAY={days};COUNT={count}", "SUMMARY:Ana", "END:VEVENT"]
    calendar = icalendar.Calendar.from_ical("\r\n".join([*lines, "END:VCALENDAR", ""]))
    standard = x_wr_timezone.to_standard(calendar)
    seen = [turns(standard), turns(calendar)]
    del calendar["X-WR-TIMEZONE"]
    print(f"{count} turns from {days} {hour}:00 UTC, by the rule: {', '.join(turn.strftime('%a %d %H:%M') for turn in turns(calendar))}")
    print(f"  as standard: {', '.join(turn.strftime('%a %d %H:%M') for turn in seen[0])}; looked at as it came: {'the same' if seen[0] == seen[1] else 'otherwise'}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
3 turns from SU 02:00 UTC, by the rule: Sun 11 02:00, Sun 18 02:00, Sun 25 02:00
  as standard: Sun 11 02:00, Mon 12 02:00, Mon 19 02:00, Mon 26 02:00; looked at as it came: the same
3 turns from SU 14:00 UTC, by the rule: Sun 11 14:00, Sun 18 14:00, Sun 25 14:00
  as standard: Sun 11 14:00, Sun 18 14:00, Sun 25 14:00; looked at as it came: the same
5 turns from MO,TU,WE,TH,FR 02:00 UTC, by the rule: Mon 12 02:00, Tue 13 02:00, Wed 14 02:00, Thu 15 02:00, Fri 16 02:00
  as standard: Mon 12 02:00, Tue 13 02:00, Wed 14 02:00, Thu 15 02:00, Fri 16 02:00, Sat 17 02:00; looked at as it came: the same
SEEN
echo "x-wr-timezone 2.0.1: as described"

#!/bin/sh
# business-duration 0.68: of a desk that works from nine in the evening to three, the hours after midnight count on the last day and no other.
#
# Expected: hours that end before they begin go over midnight, which its code takes them for and some spans show: 22:00 to 02:00 is four hours.
# Seen: what lies between midnight and three is left out of the first day and of each one in between, so a wait from ten to two three nights later is
# fourteen hours of sixteen, and one that began and ended after midnight is nothing at all. Friday night ends at twelve, since Saturday is a weekend.
# No error, no nan; hours by day are right. Each counted by the minute as well:
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check business-duration==0.68 'pandas==2.3.3' 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, time, timedelta

from business_duration import businessDuration


def counted(at, end, opens, closes):
    minutes = 0
    while at < end:
        belongs = at - timedelta(days=closes < opens and at.time() < closes)  # to the evening before
        open_now = opens <= at.time() < closes if opens < closes else at.time() >= opens or at.time() < closes
        minutes += open_now and belongs.weekday() < 5
        at += timedelta(minutes=1)
    return minutes


for opens, closes, *waits in (
    (time(9), time(17), ("2026-12-03 16:00", "2026-12-07 10:00")),
    (time(21), time(3), ("2026-12-01 22:00", "2026-12-02 02:00"), ("2026-12-01 22:00", "2026-12-04 02:00"), ("2026-12-01 01:00", "2026-12-01 02:00"),
     ("2026-12-02 01:00", "2026-12-03 02:00"), ("2026-12-04 22:00", "2026-12-05 02:00")),
):
    for begin, end in waits:
        begin, end = datetime.fromisoformat(begin), datetime.fromisoformat(end)
        seen = businessDuration(begin, end, opens, closes, unit="min")
        print(f"{opens:%H:%M}-{closes:%H:%M}, {begin:%a %d %H:%M} to {end:%a %d %H:%M}: {seen:.0f} minutes, counted {counted(begin, end, opens, closes)}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
09:00-17:00, Thu 03 16:00 to Mon 07 10:00: 600 minutes, counted 600
21:00-03:00, Tue 01 22:00 to Wed 02 02:00: 240 minutes, counted 240
21:00-03:00, Tue 01 22:00 to Fri 04 02:00: 840 minutes, counted 960
21:00-03:00, Tue 01 01:00 to Tue 01 02:00: 0 minutes, counted 60
21:00-03:00, Wed 02 01:00 to Thu 03 02:00: 300 minutes, counted 420
21:00-03:00, Fri 04 22:00 to Sat 05 02:00: 120 minutes, counted 240
SEEN
echo "business-duration 0.68: as described"

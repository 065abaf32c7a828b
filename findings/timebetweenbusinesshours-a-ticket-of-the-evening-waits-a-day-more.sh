#!/bin/sh
# TimeBetweenBusinessHours 0.8.5: what comes in after closing time waits a whole day more, what is answered after it a day less.
#
# Expected: get_hours_and_minutes() is get_hours() with the minutes: one library, the same two moments, the same working hours.
# Seen: a moment behind the last hour becomes the first hour of that same day, where get_hours() makes it the last. Received at eight in the evening and
# answered at ten the next morning is nine hours, not one; answered at eight in the evening is seven hours instead of fifteen. And get_hours() in its
# turn takes a Saturday's beginning for a worked day, and is a day short. Each counted by the hour as well:
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check TimeBetweenBusinessHours==0.8.5 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timedelta

from TimeBetweenBusinessHours import TimeBetweenBusinessHours


def counted(at, end):
    hours = 0
    while at < end:
        hours += at.weekday() < 5 and 9 <= at.hour < 17
        at += timedelta(hours=1)
    return hours


for begin, end in (
    ("2026-12-01 10:00", "2026-12-02 10:00"),
    ("2026-12-01 20:00", "2026-12-02 10:00"),
    ("2026-12-01 10:00", "2026-12-02 20:00"),
    ("2026-12-05 18:00", "2026-12-08 20:00"),
):
    begin, end = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    between = TimeBetweenBusinessHours(begin, end, [9, 17], [6, 7], [])
    seen = f"{between.get_hours()} hours, with minutes {between.get_hours_and_minutes()}"
    print(f"{begin:%a %H:%M} to {end:%a %H:%M}: {seen}, counted {counted(begin, end)}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
Tue 10:00 to Wed 10:00: 8 hours, with minutes 8:00, counted 8
Tue 20:00 to Wed 10:00: 1 hours, with minutes 9:00, counted 1
Tue 10:00 to Wed 20:00: 15 hours, with minutes 7:00, counted 15
Sat 18:00 to Tue 20:00: 8 hours, with minutes 16:00, counted 16
SEEN
echo "TimeBetweenBusinessHours 0.8.5: as described"

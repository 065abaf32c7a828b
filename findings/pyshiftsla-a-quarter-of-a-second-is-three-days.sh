#!/bin/sh
# pyshiftsla 0.5.0 (an SLA calculator): of the time of day seconds are nothing, and a quarter of a second is 69 hours of work, or takes them away.
#
# Expected: milliseconds of work between two moments, as its documentation says of the result: within a day of eight hours at most eight hours, and
# never below nought.
# Seen: of a time of day it takes the hours and the minutes, leaves the seconds out and counts each microsecond as a thousand milliseconds. An answer on
# the next morning that ends with a fraction of a second, as any moment out of a database or from now() does, has taken days; a ticket that comes
# with one waited for less than nothing. With whole minutes, as in its examples, all is right. Asked about one day alone it raises a TypeError.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyshiftsla==0.5.0 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime

from pyshiftsla.shifts_builder import DailyShift, ShiftsBuilder
from pyshiftsla.shift import Shift

desk = ShiftsBuilder(workdays_weekly=[0, 1, 2, 3, 4], daily_shifts=DailyShift([Shift.fromstr("09001700")]))
for came, answered in (
    ("2026-11-30 16:00", "2026-12-01 09:30"),
    ("2026-11-30 16:00:59", "2026-12-01 09:30"),
    ("2026-11-30 16:00", "2026-12-01 09:30:00.250"),
    ("2026-11-30 16:00:00.250", "2026-12-01 09:30"),
    ("2026-11-30 16:00", "2026-11-30 16:30"),
):
    start, end = datetime.fromisoformat(came), datetime.fromisoformat(answered)
    try:
        took = f"{desk.calculate_sla(start_deal=start, end_deal=end, default_if_no_shifts_are_between=0) / 3_600_000:.2f} hours"
    except TypeError:
        took = "TypeError"
    print(f"{start:%a %H:%M:%S.%f} to {end:%a %H:%M:%S.%f}: {took}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
Mon 16:00:00.000000 to Tue 09:30:00.000000: 1.50 hours
Mon 16:00:59.000000 to Tue 09:30:00.000000: 1.50 hours
Mon 16:00:00.000000 to Tue 09:30:00.250000: 70.94 hours
Mon 16:00:00.250000 to Tue 09:30:00.000000: -67.94 hours
Mon 16:00:00.000000 to Mon 16:30:00.000000: TypeError
SEEN
echo "pyshiftsla 0.5.0: as described"

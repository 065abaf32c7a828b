#!/bin/sh
# businesstime 0.3.0: what comes after closing and is done after closing of the next working day took no working time at all.
#
# Expected: the hours of the working day between the two, as counting them half hour by half hour gives.
# Seen: from any evening to the next working day's evening the answer is zero, where eight hours passed; to the evening after that it is
# right again, and so is it from and to any other time. So the tickets that came by night and were left a whole day are the fastest of the
# table, and meet every response time.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check businesstime==0.3.0 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timedelta

from businesstime import BusinessTime

desk = BusinessTime()  # Monday to Friday, 9 to 17
half = timedelta(minutes=30)


def counted(start, end):
    steps = (start + half * step for step in range((end - start) // half))
    return half * sum(at.weekday() < 5 and 9 <= at.hour < 17 for at in steps)


monday = datetime(2026, 11, 23)
for start, end in ((18, 42), (16, 42), (18, 40), (18, 66)):
    start, end = (monday + timedelta(hours=hours) for hours in (start, end))
    print(f"{start:%a %H:%M} to {end:%a %H:%M}: {desk.businesstime_hours(start, end)}, counted {counted(start, end)}")

times = [monday + half * step for step in range(0, 7 * 48)]
pairs = [(start, end) for start in times for end in times if start < end]
wrong = [(start, end) for start, end in pairs if desk.businesstime_hours(start, end) != counted(start, end)]
print(f"of one week: {len(wrong)} of {len(pairs)} wrong, {sum(not desk.businesstime_hours(*pair) for pair in wrong)} of them zero")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
Mon 18:00 to Tue 18:00: 0:00:00, counted 8:00:00
Mon 16:00 to Tue 18:00: 9:00:00, counted 9:00:00
Mon 18:00 to Tue 16:00: 7:00:00, counted 7:00:00
Mon 18:00 to Wed 18:00: 16:00:00, counted 16:00:00
of one week: 728 of 56280 wrong, 728 of them zero
SEEN
echo "businesstime 0.3.0: as described"

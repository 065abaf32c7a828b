#!/bin/sh
# sla-calculator 1.0.0: what comes on a Friday is due on Sunday, Fridays and Saturdays count as closed, and Sundays as working days.
#
# Expected: Saturday and Sunday are closed, as the source says beside its check (its comment counts the days from Monday), and every answer
# lies inside the opening hours that were given.
# Seen: the pendulum that the package pins, 2.1.2, counts the days from Sunday, so that the two days left out are Friday and Saturday. After
# the first day it is the whole promise, not what is left of it, that is compared with the hours of the day: a due time can be 08:30 at
# a desk that opens at 09:00. And a rest shorter than what the first day had left is not checked at all: it falls on Thanksgiving.
# Short promises from Monday to Wednesday are right, which is what one tries. One of an hour, made on Friday at noon, may be kept on Sunday.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check sla-calculator==1.0.0 pendulum==2.1.2 holidays==0.10.3 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timedelta

from sla_calculator import SLA_Calculator


def counted(at, hours):
    """Minute by minute, Monday to Friday from 9 to 17; the only holiday near is Thanksgiving, November 26."""
    left = hours * 60
    while left:
        left -= at.weekday() < 5 and (at.month, at.day) != (11, 26) and 9 <= at.hour < 17
        at += timedelta(minutes=1)
    return at


for came, hours in (
    ("2026-11-02T14:30", 4),
    ("2026-11-02T14:30", 10),
    ("2026-11-05T14:30", 8),
    ("2026-11-06T12:00", 1),
    ("2026-11-06T14:30", 4),
    ("2026-11-07T10:00", 4),
    ("2026-11-08T10:00", 4),
    ("2026-11-25T14:30", 4),
):
    due = SLA_Calculator().calculate(came + "Z", 9, 17, "US", hours)
    at = datetime.fromisoformat(came)
    print(f"{at:%a %H:%M} and {hours} h: {due:%a %H:%M}, counted {counted(at, hours):%a %H:%M}")
PY
TZ=UTC env/bin/python try.py | tee seen
diff seen - <<'SEEN'
Mon 14:30 and 4 h: Tue 10:30, counted Tue 10:30
Mon 14:30 and 10 h: Wed 08:30, counted Tue 16:30
Thu 14:30 and 8 h: Sun 14:30, counted Fri 14:30
Fri 12:00 and 1 h: Sun 10:00, counted Fri 13:00
Fri 14:30 and 4 h: Sun 13:00, counted Mon 10:30
Sat 10:00 and 4 h: Sun 13:00, counted Mon 13:00
Sun 10:00 and 4 h: Sun 14:00, counted Mon 13:00
Wed 14:30 and 4 h: Thu 10:30, counted Fri 10:30
SEEN
echo "sla-calculator 1.0.0: as described"

#!/bin/sh
# recurrent 0.4.1 (schedules in English, as RRULEs): "every day for 10 days" is the tenth of January of each year, and a duty at noon has no hour.
#
# Expected: the rule that the words say, as its documentation has of "tuesdays for the next six weeks" and "every other tuesday at noon", or None, which it
# gives for what it cannot read.
# Seen: a number of days becomes a day of the year, so a cover of ten days from today begins in January, is over after one, and comes again each year.
# "Noon" and "midnight" are dropped, and the duty is at whatever hour it was typed; of "9am and 5pm" the first is kept; "1st and 3rd monday" is every
# third week. What it reads back to be looked over, "daily", shows none of this.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check recurrent==0.4.1 parsedatetime==2.6 python-dateutil==2.9.0.post0 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime

from dateutil.rrule import rrulestr
from recurrent.event_parser import RecurringEvent

typed = datetime(2026, 11, 30, 14, 25)
for words in (
    "tuesdays for the next six weeks",
    "every day for 10 days",
    "every day at 5pm for 10 days",
    "every day at 12pm",
    "every other tuesday at noon",
    "every day at 9am and 5pm",
    "every 1st and 3rd monday at 9am",
):
    event = RecurringEvent(now_date=typed)
    turns = rrulestr(event.parse(words), dtstart=typed).xafter(typed, count=3)
    print(f"{words}: {', '.join(f'{turn:%a %d.%m.%y %H:%M}' for turn in turns)}; read back: {event.format(event.get_RFC_rrule())}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
tuesdays for the next six weeks: Tue 01.12.26 14:25, Tue 08.12.26 14:25, Tue 15.12.26 14:25; read back: every Tue until Mon Jan 11, 2027
every day for 10 days: Sun 10.01.27 14:25, Mon 10.01.28 14:25, Wed 10.01.29 14:25; read back: daily
every day at 5pm for 10 days: Sun 10.01.27 17:00, Mon 10.01.28 17:00, Wed 10.01.29 17:00; read back: daily at 5pm
every day at 12pm: Tue 01.12.26 12:00, Wed 02.12.26 12:00, Thu 03.12.26 12:00; read back: daily at 12pm
every other tuesday at noon: Tue 01.12.26 14:25, Tue 15.12.26 14:25, Tue 29.12.26 14:25; read back: every other week on Tue
every day at 9am and 5pm: Tue 01.12.26 09:00, Wed 02.12.26 09:00, Thu 03.12.26 09:00; read back: daily at 9am
every 1st and 3rd monday at 9am: Mon 21.12.26 09:00, Mon 11.01.27 09:00, Mon 01.02.27 09:00; read back: every 3 weeks on Mon at 9am
SEEN
echo "recurrent 0.4.1: as described"

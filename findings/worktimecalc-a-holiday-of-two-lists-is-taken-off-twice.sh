#!/bin/sh
# worktimecalc 0.1.4: a holiday that is named twice is taken off twice, and with a list that is not in order holidays are working days.
#
# Expected: the holidays are a set of days: the documentation asks for a list of dates and says nothing of an order or of doubles.
# Seen: the first of the list is taken for the earliest and the last for the latest, and each entry is counted. A list of two countries, or of the firm's own
# days and the public ones, is neither sorted nor without doubles: then New Year's Day and Thanksgiving are working days, and a wait over Christmas
# is a day shorter than it was. No error is raised. Sorted and each once, the same days are counted as by hand.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check worktimecalc==0.1.4 2>/dev/null
cat >try.py <<'PY'
from datetime import date, datetime, timedelta

from worktimecalc.calc import WorkTimeCalculator

PUBLIC = [date(2026, 11, 26), date(2026, 12, 25), date(2027, 1, 1)]
FIRM = [date(2026, 12, 24), date(2026, 12, 25)]
DAYS = sorted({*PUBLIC, *FIRM})
WAITS = {
    "Nov 25 to Nov 27": ("2026-11-25T09:00", "2026-11-27T17:00"),
    "Dec 23 to Dec 28": ("2026-12-23T09:00", "2026-12-28T17:00"),
    "Dec 31 to Jan 4": ("2026-12-31T09:00", "2027-01-04T17:00"),
    "two hours of Jan 1": ("2027-01-01T10:00", "2027-01-01T12:00"),
}


def by_hand(begin, end):
    hour, end, hours = datetime.fromisoformat(begin), datetime.fromisoformat(end), 0
    while hour < end:
        hours += hour.weekday() < 5 and 9 <= hour.hour < 17 and hour.date() not in DAYS
        hour += timedelta(hours=1)
    return hours


print("by hand:", {name: by_hand(*wait) for name, wait in WAITS.items()})
for kind, holidays in {
    "in order, each once": DAYS,
    "the firm's behind the public ones": PUBLIC + FIRM,
    "both sorted, with the double": sorted(PUBLIC + FIRM),
    "the firm's before the public ones": FIRM + PUBLIC,
}.items():
    calculator, hours = WorkTimeCalculator(9, 17, holidays=holidays), {}
    for name, wait in WAITS.items():
        hours[name] = int(calculator(*wait).seconds / 3600)
    print(f"{kind}: {hours}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
by hand: {'Nov 25 to Nov 27': 16, 'Dec 23 to Dec 28': 16, 'Dec 31 to Jan 4': 16, 'two hours of Jan 1': 0}
in order, each once: {'Nov 25 to Nov 27': 16, 'Dec 23 to Dec 28': 16, 'Dec 31 to Jan 4': 16, 'two hours of Jan 1': 0}
the firm's behind the public ones: {'Nov 25 to Nov 27': 16, 'Dec 23 to Dec 28': 16, 'Dec 31 to Jan 4': 24, 'two hours of Jan 1': 2}
both sorted, with the double: {'Nov 25 to Nov 27': 16, 'Dec 23 to Dec 28': 8, 'Dec 31 to Jan 4': 16, 'two hours of Jan 1': 0}
the firm's before the public ones: {'Nov 25 to Nov 27': 24, 'Dec 23 to Dec 28': 8, 'Dec 31 to Jan 4': 16, 'two hours of Jan 1': 0}
SEEN
echo "worktimecalc 0.1.4: as described"

#!/bin/sh
# zen-engine 2.1.3: in a rule, a day or a week added to a date of a time zone is 24 or 168 hours, while a month keeps the clock.
#
# Expected: "two days from midnight" is a midnight (the zone is given to d() for that, and add(1, "M") keeps the hour), or else diff
# counts the days as add makes them.
# Seen: over the change of October two days from midnight end at 23:00 of the day before the one that is meant, over that of March a
# deadline moves from 12:00 to 13:00; and diff in days says that after add(1, "d") no day has passed. A rule for a due date or for
# quiet days is wrong for everything that reaches over two weekends of the year, and right in every other test.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check zen-engine==2.1.3 2>/dev/null
cat >try.py <<'PY'
import zen

form = '.format("%Y-%m-%d %H:%M %z")'
for moment, amount in (
    ("2026-10-24 00:00", '2, "d"'),
    ("2026-03-28 12:00", '1, "d"'),
    ("2026-03-28 12:00", '1, "w"'),
    ("2026-03-28 12:00", '1, "M"'),
):
    print(moment, f"add({amount}):", zen.evaluate_expression(f'd("{moment}", "Europe/Berlin").add({amount}){form}', {}))
start = 'd("2026-10-25 00:00", "Europe/Berlin")'
for what, end in (('add(1, "d")', f'{start}.add(1, "d")'), ("the next midnight", 'd("2026-10-26 00:00", "Europe/Berlin")')):
    print("whole days to", what + ":", zen.evaluate_expression(f'{end}.diff({start}, "d")', {}))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
2026-10-24 00:00 add(2, "d"): 2026-10-25 23:00 +0100
2026-03-28 12:00 add(1, "d"): 2026-03-29 13:00 +0200
2026-03-28 12:00 add(1, "w"): 2026-04-04 13:00 +0200
2026-03-28 12:00 add(1, "M"): 2026-04-28 12:00 +0200
whole days to add(1, "d"): 0.0
whole days to the next midnight: 1.0
SEEN
echo "zen-engine 2.1.3: as described"

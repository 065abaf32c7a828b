#!/bin/sh
# opening-hours-py 2.1.4 beside opening_hours 3.15.0: hours "by appointment" or "on call" are hours when it is open, so a desk is open day and night.
#
# Expected: the format's own rule: a comment and no open, closed or unknown before it means unknown. `Mo-Fr 09:00-17:00 || "on call"` is open on weekdays
# and unknown for the rest, as the library in JavaScript has it; is_unknown() of this one is there for that.
# Seen: the comment is kept and the state is open: at three on a Sunday night that desk is open, and whoever computes a due time or a page's way
# from it waits for somebody who is not there. With the word `unknown` written before the comment both agree.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check opening-hours-py==2.1.4 2>/dev/null
npm init -y >/dev/null
npm install --silent --no-audit --no-fund opening_hours@3.15.0 >/dev/null
cat >hours.json <<'JSON'
["Mo-Fr 09:00-17:00", "Mo-Fr 09:00-17:00 || \"on call\"", "Mo-Fr 09:00-17:00 || unknown \"on call\"", "Mo-Fr 09:00-17:00; Sa 10:00-14:00 \"by appointment\""]
JSON
cat >try.js <<'JS'
const OpeningHours = require('opening_hours');
const moments = ['2026-12-04T11:30:00', '2026-12-05T11:30:00', '2026-12-06T03:00:00'].map((moment) => new Date(moment));
for (const text of require('./hours.json')) {
  const hours = new OpeningHours(text);
  const states = moments.map((moment) => (hours.getState(moment) ? 'open' : hours.getUnknown(moment) ? 'unknown' : 'closed'));
  console.log(`js ${text}: Fri 11:30 ${states[0]}, Sat 11:30 ${states[1]}, Sun 03:00 ${states[2]}`);
}
JS
cat >try.py <<'PY'
import json
from datetime import datetime

from opening_hours import OpeningHours

for text in json.load(open("hours.json")):
    states = [OpeningHours(text).state(datetime(2026, 12, *moment))[0] for moment in ((4, 11, 30), (5, 11, 30), (6, 3, 0))]
    states = [str(state).split(".")[-1].lower() for state in states]
    print(f"py {text}: Fri 11:30 {states[0]}, Sat 11:30 {states[1]}, Sun 03:00 {states[2]}")
PY
{ TZ=UTC0 node try.js; TZ=UTC0 env/bin/python try.py; } | tee seen
diff seen - <<'SEEN'
js Mo-Fr 09:00-17:00: Fri 11:30 open, Sat 11:30 closed, Sun 03:00 closed
js Mo-Fr 09:00-17:00 || "on call": Fri 11:30 open, Sat 11:30 unknown, Sun 03:00 unknown
js Mo-Fr 09:00-17:00 || unknown "on call": Fri 11:30 open, Sat 11:30 unknown, Sun 03:00 unknown
js Mo-Fr 09:00-17:00; Sa 10:00-14:00 "by appointment": Fri 11:30 open, Sat 11:30 unknown, Sun 03:00 closed
py Mo-Fr 09:00-17:00: Fri 11:30 open, Sat 11:30 closed, Sun 03:00 closed
py Mo-Fr 09:00-17:00 || "on call": Fri 11:30 open, Sat 11:30 open, Sun 03:00 open
py Mo-Fr 09:00-17:00 || unknown "on call": Fri 11:30 open, Sat 11:30 unknown, Sun 03:00 unknown
py Mo-Fr 09:00-17:00; Sa 10:00-14:00 "by appointment": Fri 11:30 open, Sat 11:30 open, Sun 03:00 closed
SEEN
echo "opening-hours-py 2.1.4: as described"

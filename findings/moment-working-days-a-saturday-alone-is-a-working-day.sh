#!/bin/sh
# moment-working-days 0.1.8: a stretch that begins and ends on one Saturday takes a working day, the whole weekend none; at ten in the morning Christmas is one.
#
# Expected: working days between two dates, the weekend and holidays left out, however short the stretch; of a moment, whether its day is a working day.
# Seen: where start and end are the same day it is counted without a look at what day it is. A longer stretch is counted right, so a claim that
# was opened and closed on Saturday took longer than one closed on Sunday. And a holiday is known only at its midnight: a moment object with a time of
# day, which isWorkingday and addWorkingDays take, is compared with that instant, so the next working day after the 24th at four is the 25th.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund moment-working-days@0.1.8 moment@2.30.1 >/dev/null
cat >try.js <<'JS'
const moment = require('moment');
const WorkingDays = require('moment-working-days');
const days = new WorkingDays({ customHolidays: ['2026-12-25'] });  // a Friday
for (const [from, to] of [['26', '26'], ['26', '27'], ['25', '25'], ['25', '27'], ['24', '27']])
  console.log(`from December ${from} to ${to}: ${days.getWorkingDays([`2026-12-${from}`, `2026-12-${to}`])}`);
for (const one of ['2026-12-25', moment('2026-12-25'), moment('2026-12-25T10:00')])
  console.log(`${moment.isMoment(one) ? one.format('YYYY-MM-DD HH:mm') : one} is ${days.isWorkingday(one) ? 'a working day' : 'none'}`);
for (const one of ['2026-12-24', moment('2026-12-24T16:00')]) console.log(`the next one: ${days.addWorkingDays(one, 1)}`);
JS
TZ=UTC0 node try.js | tee seen
diff seen - <<'SEEN'
from December 26 to 26: 1
from December 26 to 27: 0
from December 25 to 25: 1
from December 25 to 27: 0
from December 24 to 27: 1
2026-12-25 is none
2026-12-25 00:00 is none
2026-12-25 10:00 is a working day
the next one: 2026-12-28
the next one: 2026-12-25
SEEN
echo "moment-working-days 0.1.8: as described"

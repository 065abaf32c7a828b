#!/bin/sh
# moment-business-time 2.0.0: with a break in the day, as its own documentation shows, `workingDiff` is wrong, down to below zero.
#
# Expected: the minutes of working time between two instants, as counting them one by one gives.
# Seen: when the two do not lie in the same part of the day, or the end lies in the break, hours of the break are taken off once
# too often: 10:00 to 11:00 of one morning is minus 60 minutes. Response times of a desk that closes at noon come out too
# short, and some below zero; no error. Without a break the same figures are right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund moment-business-time@2.0.0 moment@2.30.1 >/dev/null
cat >try.js <<'JS'
const moment = require('moment-business-time');

const daily = (hours) => Object.fromEntries([0, 1, 2, 3, 4, 5, 6].map((day) => [day, hours]));
const spans = {'without a break': [[9, 17]], 'with a break': [[9, 12], [13, 17]]};

// One by one: every minute whose hour lies in a span.
const counted = (from, to, open) => {
  let minutes = 0;
  for (const at = from.clone(); at < to; at.add(1, 'minute')) {
    const hour = at.hour() + at.minute() / 60;
    if (open.some(([start, end]) => hour >= start && hour < end)) minutes += 1;
  }
  return minutes;
};
const times = ['08:00', '10:00', '11:00', '12:30', '14:00', '16:00', '18:00'];

for (const [name, open] of Object.entries(spans)) {
  const clock = (hour) => `${String(hour).padStart(2, '0')}:00:00`;
  moment.updateLocale('en', {workinghours: daily(open.flat().map(clock)), holidays: []});
  let wrong = 0, asked = 0, below = 0;
  for (const start of times) for (const day of ['24', '25']) for (const end of times) {
    const from = moment(`2026-11-24T${start}:00`), to = moment(`2026-11-${day}T${end}:00`);
    if (from >= to) continue;
    asked += 1;
    const told = to.workingDiff(from, 'minutes');
    if (told !== counted(from, to, open)) wrong += 1;
    if (told < 0) below += 1;
  }
  console.log(`${name}: ${wrong} of ${asked} wrong, ${below} below zero`);
}
console.log(`10:00 to 11:00: ${moment('2026-11-24T11:00:00').workingDiff(moment('2026-11-24T10:00:00'), 'minutes')} minutes`);
JS
TZ=UTC node try.js | tee seen
diff seen - <<'SEEN'
without a break: 0 of 70 wrong, 0 below zero
with a break: 27 of 70 wrong, 4 below zero
10:00 to 11:00: -60 minutes
SEEN
echo "moment-business-time 2.0.0: as described"

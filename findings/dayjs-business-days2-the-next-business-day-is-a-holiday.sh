#!/bin/sh
# dayjs-business-days2 1.4.0: where the office is shut for six days, the next business day is a holiday.
#
# Expected: nextBusinessDay and prevBusinessDay give a business day, by the plugin's own isBusinessDay, as their documentation says.
# Seen: both look at six days and hand on the sixth, whatever it is. From the last day before the Spring Festival of China, nine days in 2026,
# or before a desk's own shutdown from Christmas to New Year, a reply that is due on the next business day is due in the middle of the holidays, and
# who answers on the day of return is late. One business day added is right, from the same day and with the same holidays.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund dayjs-business-days2@1.4.0 dayjs@1.11.23 >/dev/null
cat >try.js <<'JS'
const dayjs = require('dayjs');
const plugin = require('dayjs-business-days2');

const days = (from, to) => {
  const found = [];
  for (let day = dayjs(from); !day.isAfter(dayjs(to)); day = day.add(1, 'day')) found.push(day.format('YYYY-MM-DD'));
  return found;
};
const holidays = [...days('2026-02-15', '2026-02-23'), ...days('2026-04-03', '2026-04-06'), ...days('2026-12-24', '2027-01-01')];
dayjs.extend(plugin.default ?? plugin, {holidays, holidayFormat: 'YYYY-MM-DD'});

const say = (day) => `${day.format('ddd MM-DD')}${day.isBusinessDay() ? '' : ' (no business day)'}`;
for (const [last, first] of [['2026-04-02', '2026-04-07'], ['2026-02-13', '2026-02-24'], ['2026-12-23', '2027-01-04']]) {
  const [before, after] = [dayjs(last), dayjs(first)];
  console.log(`after ${say(before)}: ${say(before.nextBusinessDay())}, one added ${say(before.businessDaysAdd(1))}; ` +
    `before ${say(after)}: ${say(after.prevBusinessDay())}, one taken off ${say(after.businessDaysSubtract(1))}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
after Thu 04-02: Tue 04-07, one added Tue 04-07; before Tue 04-07: Thu 04-02, one taken off Thu 04-02
after Fri 02-13: Thu 02-19 (no business day), one added Tue 02-24; before Tue 02-24: Wed 02-18 (no business day), one taken off Fri 02-13
after Wed 12-23: Tue 12-29 (no business day), one added Mon 01-04; before Mon 01-04: Tue 12-29 (no business day), one taken off Wed 12-23
SEEN
echo "dayjs-business-days2 1.4.0: as described"

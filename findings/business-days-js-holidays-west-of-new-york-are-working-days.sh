#!/bin/sh
# business-days-js 2.3.0: of a state west of New York's time zone the public holidays are business days, and the days after them are not.
#
# Expected: with {state: 'ca'} the holidays that its own getHolidays names for California are no business days, as its README says.
# Seen: a day is looked up as the midnight that begins it in New York, when the day before still runs in every zone to the west. So Labor
# Day is a business day in California, Texas and Colorado and the Tuesday after it is none; only a holiday behind another one is found. What
# is due in three business days is due a day early, and a count that ends on a holiday holds it. New York, Massachusetts and no state at
# all, which is what most people would try first, are right, whatever the zone of the machine.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund business-days-js@2.3.0 date-holidays@3.37.0 dayjs@1.11.23 >/dev/null
cat >try.js <<'JS'
const businessDays = require('business-days-js');

for (const state of ['us', 'ny', 'ma', 'ca', 'tx', 'co']) {
  const days = businessDays({state});
  const holidays = days.getHolidays('2026').map(({date}) => date.slice(0, 10)).filter((date) => new Date(date).getUTCDay() % 6);
  const working = holidays.filter((date) => days.check(date));
  const due = days.addDays('2026-07-01', 3).format('MM-DD');
  const until = days.countDays('2026-09-03', '2026-09-07').businessDays;
  console.log(`${state}: ${working.length} of ${holidays.length} holidays are business days; the Tuesday after Labor Day ` +
    `${days.check('2026-09-08') ? 'is one' : 'is none'}; from Thursday to Labor Day ${until}; three from July 1st: ${due}`);
}
JS
TZ=America/Los_Angeles node try.js | tee seen
TZ=UTC node try.js | diff seen -
diff seen - <<'SEEN'
us: 0 of 11 holidays are business days; the Tuesday after Labor Day is one; from Thursday to Labor Day 1; three from July 1st: 07-07
ny: 0 of 13 holidays are business days; the Tuesday after Labor Day is one; from Thursday to Labor Day 1; three from July 1st: 07-07
ma: 0 of 14 holidays are business days; the Tuesday after Labor Day is one; from Thursday to Labor Day 1; three from July 1st: 07-07
ca: 11 of 12 holidays are business days; the Tuesday after Labor Day is none; from Thursday to Labor Day 2; three from July 1st: 07-06
tx: 11 of 13 holidays are business days; the Tuesday after Labor Day is none; from Thursday to Labor Day 2; three from July 1st: 07-06
co: 11 of 11 holidays are business days; the Tuesday after Labor Day is none; from Thursday to Labor Day 2; three from July 1st: 07-06
SEEN
echo "business-days-js 2.3.0: as described"

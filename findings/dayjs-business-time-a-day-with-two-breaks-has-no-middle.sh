#!/bin/sh
# dayjs-business-time 1.0.4: of a day with two breaks the hours between them are no time, and within one day lie none, one or two business days.
#
# Expected: businessHoursDiff() is the time within the segments of a day, as many as it has; businessDaysDiff() of two times on one day is nought.
# Seen: on one day the segments that hold the beginning and the end are counted and none between them: eleven to five over two breaks is two and a
# half hours of four and a half. The same wait from one day to the next is right. For days, a beginning before hours is put back to the evening before and an
# end after hours on to the next morning, so eight to six is two business days, and a Saturday to its Sunday one. All hours below counted by the minute:
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund dayjs-business-time@1.0.4 dayjs@1.11.13 >/dev/null
cat >try.js <<'JS'
const dayjs = require('dayjs');
const businessTime = require('dayjs-business-time');
dayjs.extend(businessTime.default ?? businessTime);

function tell(segments, waits, say) {
  const week = { sunday: null, saturday: null };
  for (const day of ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'])
    week[day] = segments.map(([start, end]) => ({ start: `${start}:00`, end: `${end}:00` }));
  dayjs.setBusinessTime(week);
  console.log(segments.map((segment) => segment.join('-')).join(', '));
  for (const [from, to] of waits) {
    let minutes = 0;
    for (let at = dayjs(from); at.isBefore(to); at = at.add(1, 'minute'))
      minutes += at.day() % 6 !== 0 && segments.some(([start, end]) => start <= at.format('HH:mm') && at.format('HH:mm') < end);
    console.log(`  ${dayjs(from).format('ddd HH:mm')} to ${dayjs(to).format('ddd HH:mm')}: ${say(dayjs(from), dayjs(to))}, counted ${minutes / 60} hours`);
  }
}

const hours = (from, to) => `${from.businessHoursDiff(to)} hours`;
tell([['09:00', '12:00'], ['13:00', '17:00']], [['2026-12-01 11:00', '2026-12-01 16:00']], hours);
tell([['09:00', '12:00'], ['13:00', '15:00'], ['15:30', '18:00']], [
  ['2026-12-01 11:00', '2026-12-01 14:00'],
  ['2026-12-01 11:00', '2026-12-01 17:00'],
  ['2026-12-01 09:00', '2026-12-01 18:00'],
  ['2026-12-01 11:00', '2026-12-02 17:00'],
], hours);
tell([['09:00', '17:00']], [
  ['2026-12-01 09:00', '2026-12-01 17:00'],
  ['2026-12-01 08:00', '2026-12-01 10:00'],
  ['2026-12-01 08:00', '2026-12-01 18:00'],
  ['2026-12-05 10:00', '2026-12-06 10:00'],
], (from, to) => `${from.businessDaysDiff(to)} days`);
JS
TZ=UTC0 node try.js | tee seen
diff seen - <<'SEEN'
09:00-12:00, 13:00-17:00
  Tue 11:00 to Tue 16:00: 4 hours, counted 4 hours
09:00-12:00, 13:00-15:00, 15:30-18:00
  Tue 11:00 to Tue 14:00: 2 hours, counted 2 hours
  Tue 11:00 to Tue 17:00: 2.5 hours, counted 4.5 hours
  Tue 09:00 to Tue 18:00: 5.5 hours, counted 7.5 hours
  Tue 11:00 to Wed 17:00: 12 hours, counted 12 hours
09:00-17:00
  Tue 09:00 to Tue 17:00: 0 days, counted 8 hours
  Tue 08:00 to Tue 10:00: 1 days, counted 1 hours
  Tue 08:00 to Tue 18:00: 2 days, counted 8 hours
  Sat 10:00 to Sun 10:00: 1 days, counted 0 hours
SEEN
echo "dayjs-business-time 1.0.4: as described"

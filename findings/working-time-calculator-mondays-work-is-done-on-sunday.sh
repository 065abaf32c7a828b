#!/bin/sh
# working-time-calculator 0.0.2: what weekday it is is asked of the day where a wait began, not where the desk is: Friday is shut and Sunday open.
#
# Expected: working hours in the zone they were given for; the same two moments have the same hours between them, however they are written.
# Seen: from the beginning of the wait on it goes day by day, looks up the weekday in that moment's own zone, and sets nine to five on the desk's date.
# At nine in the evening in New York it is two in the morning of the next day in UTC, so for whatever comes in of an evening (a Date on a server in
# UTC, or a text with Z) Monday to Friday are Sunday to Thursday: a claim of Thursday night that waited all Friday waited no time, and one
# that came at the weekend waited eight hours before Monday. By day all is right, and so is any whole week.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund working-time-calculator@0.0.2 >/dev/null
cat >try.js <<'JS'
const Calculator = require('working-time-calculator');
const hours = new Calculator();
hours.addWorkingHours(Calculator.WEEKDAYS, '09:00', '17:00', 'America/New_York');

// minute by minute, by Node's own calendar
const clock = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', weekday: 'short', hour: 'numeric', hourCycle: 'h23' });
function counted(from, to) {
  let minutes = 0;
  for (let at = Date.parse(from); at < Date.parse(to); at += 60000) {
    const part = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
    minutes += !part.weekday.startsWith('S') && part.hour >= 9 && part.hour < 17;
  }
  return minutes / 60;
}

const told = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', weekday: 'short', hour: 'numeric' });
for (const [from, to] of [
  ['2026-12-03T21:00:00-05:00', '2026-12-04T17:00:00-05:00'],
  ['2026-12-04T02:00:00Z', '2026-12-04T22:00:00Z'],
  ['2026-12-06T02:00:00Z', '2026-12-07T14:00:00Z'],
  ['2026-12-03T15:00:00Z', '2026-12-07T15:00:00Z'],
]) {
  const spoken = `${told.format(Date.parse(from))} to ${told.format(Date.parse(to))}`;
  console.log(`${from} to ${to} (${spoken}): ${hours.calcHoursBetween(from, to)} hours, counted ${counted(from, to)}`);
}
const [from, to] = [new Date('2026-12-03T21:00:00-05:00'), new Date('2026-12-04T17:00:00-05:00')];
console.log(`as Dates on a machine in ${process.env.TZ.slice(0, 3)}: ${hours.calcHoursBetween(from, to)}`);
JS
for zone in UTC0 EST5EDT; do TZ=$zone node try.js | if [ $zone = UTC0 ]; then cat; else tail -1; fi; done | tee seen
diff seen - <<'SEEN'
2026-12-03T21:00:00-05:00 to 2026-12-04T17:00:00-05:00 (Thu 9 PM to Fri 5 PM): 8 hours, counted 8
2026-12-04T02:00:00Z to 2026-12-04T22:00:00Z (Thu 9 PM to Fri 5 PM): 0 hours, counted 8
2026-12-06T02:00:00Z to 2026-12-07T14:00:00Z (Sat 9 PM to Mon 9 AM): 8 hours, counted 0
2026-12-03T15:00:00Z to 2026-12-07T15:00:00Z (Thu 10 AM to Mon 10 AM): 16 hours, counted 16
as Dates on a machine in UTC: 0
as Dates on a machine in EST: 8
SEEN
echo "working-time-calculator 0.0.2: as described"

#!/bin/sh
# rosters 0.0.1 (the rotations of testbeats' alerts): a layer that goes over midnight is never on call, nor is anybody's in the first hour of the day.
#
# Expected: getOnCallPerson() takes the last layer whose start and end the time of day lies between, and the layer without times when there is none.
# Seen: times are compared as texts, so between 22:00 and 06:00 lies nothing and the night's layer is passed over. The time of day itself is asked for
# in a way that says 24:30 at half past twelve, which is later than every end: from midnight to one a layer that begins at 00:00 is passed over, too.
# Alerts go to the fallback; without one it raises. In years of 53 weeks a weekly rotation of three leaves
# one person out.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund rosters@0.0.1 >/dev/null
cat >try.js <<'JS'
const { getOnCallPerson } = require('rosters');
const RealDate = Date;
let now;
global.Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(now); }
};
const at = (moment, layers) => { now = moment; return getOnCallPerson({ layers }).name; };
const named = (name, start, end) => ({ user: { name }, start, end });
const fallback = { user: { name: 'fallback' } };
const two = [fallback, named('day', '06:00:00', '22:00:00'), named('night', '22:00:00', '06:00:00')];
const three = [fallback, named('night', '00:00:00', '08:00:00'), named('day', '08:00:00', '16:00:00'), named('evening', '16:00:00', '24:00:00')];
for (const time of ['00:30', '01:30', '05:30', '12:00', '23:30'])
  console.log(`${time}: of day and night ${at(`2026-11-30T${time}:00`, two)}, of three shifts ${at(`2026-11-30T${time}:00`, three)}`);
const weekly = [{ rotation: { every: 'week', users: ['Ana', 'Ben', 'Cleo'].map((name) => ({ name })) } }];
const mondays = ['2026-12-14', '2026-12-21', '2026-12-28', '2027-01-04', '2027-01-11', '2027-01-18'];
console.log(`weeks from December 14 on: ${mondays.map((day) => at(`${day}T12:00:00`, weekly)).join(', ')}`);
JS
TZ=UTC0 node try.js | tee seen
diff seen - <<'SEEN'
00:30: of day and night fallback, of three shifts fallback
01:30: of day and night fallback, of three shifts night
05:30: of day and night fallback, of three shifts night
12:00: of day and night day, of three shifts day
23:30: of day and night fallback, of three shifts evening
weeks from December 14 on: Ana, Ben, Cleo, Ben, Cleo, Ana
SEEN
echo "rosters 0.0.1: as described"

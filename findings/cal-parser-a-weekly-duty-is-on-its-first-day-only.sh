#!/bin/sh
# cal-parser 1.0.2: asked for the events of a day it finds a recurring one on its first day alone, unless the day is given with the event's very second.
#
# Expected: getEventsOnDate(day) has what falls on that day, as it has for single events and for the first of a series, whatever time of day `day` has.
# Seen: later ones are looked for from `day` to `day`, a stretch of no length, so a duty at eight is found for "the 14th at 08:00:00" and not for
# the 14th. Whoever asks who is on duty today hears it in the first week and nobody afterwards. getEventsBetweenDates has them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cal-parser@1.0.2 >/dev/null
cat >try.js <<'JS'
const calendar = require('cal-parser');
const rota = calendar.parseString(['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//desk//EN', 'BEGIN:VEVENT', 'UID:1', 'DTSTAMP:20261101T000000Z',
  'DTSTART:20261207T080000Z', 'DTEND:20261207T160000Z', 'RRULE:FREQ=WEEKLY;COUNT=4', 'SUMMARY:Ana', 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n'));
const names = (events) => JSON.stringify(events.map((event) => event.summary.value));
const at = (day, hour) => new Date(Date.UTC(2026, 11, day, hour));
for (const day of [7, 14, 21])
  console.log(`December ${day}: on the day ${names(rota.getEventsOnDate(at(day, 0)))}, at noon ${names(rota.getEventsOnDate(at(day, 12)))}, ` +
    `at eight ${names(rota.getEventsOnDate(at(day, 8)))}, from midnight to midnight ${names(rota.getEventsBetweenDates(at(day, 0), at(day + 1, 0)))}`);
JS
TZ=UTC0 node try.js | tee seen
diff seen - <<'SEEN'
December 7: on the day ["Ana"], at noon ["Ana"], at eight ["Ana"], from midnight to midnight ["Ana"]
December 14: on the day [], at noon [], at eight ["Ana"], from midnight to midnight ["Ana"]
December 21: on the day [], at noon [], at eight ["Ana"], from midnight to midnight ["Ana"]
SEEN
echo "cal-parser 1.0.2: as described"

#!/bin/sh
# ical-expander 3.2.0: with its default, a daily shift is in no answer any more once a thousand days have passed since its first.
#
# Expected: the night shift of tonight, however long the rota has been running; or a sign that the answer was cut.
# Seen: occurrences are counted from the first one of the series, not from the window; after 1,000 the search ends and `between`
# returns as if nobody worked. Weekly turns are there for nineteen years, so tests of them say nothing about the daily ones.
# `maxIterations: 0` lifts the limit, at a cost that grows with the age of the rota.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ical-expander@3.2.0 ical.js@2.2.1 >/dev/null
cat >try.js <<'JS'
const IcalExpander = require('ical-expander');

const feed = (rule) => ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//desk//rota//EN', 'BEGIN:VEVENT', 'UID:night', 'DTSTAMP:20240101T000000Z',
  'DTSTART:20240101T220000Z', 'DTEND:20240102T060000Z', `RRULE:FREQ=${rule}`, 'SUMMARY:night', 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');
const first = Date.UTC(2024, 0, 1, 22);
const day = 24 * 3600 * 1000;
const onShift = (rule, after, more) => new IcalExpander({ics: feed(rule), ...more})
  .between(new Date(first + after * day), new Date(first + after * day + 3600 * 1000)).occurrences.length;

for (const after of [998, 999, 1000, 1001]) console.log(`daily, ${after} days on: ${onShift('DAILY', after)}`);
console.log(`weekly, 1001 days on: ${onShift('WEEKLY', 1001)}`);
console.log(`daily, 1001 days on, no limit: ${onShift('DAILY', 1001, {maxIterations: 0})}`);
JS
node try.js | tee seen
diff seen - <<'SEEN'
daily, 998 days on: 1
daily, 999 days on: 1
daily, 1000 days on: 0
daily, 1001 days on: 0
weekly, 1001 days on: 1
daily, 1001 days on, no limit: 1
SEEN
echo "ical-expander 3.2.0: as described"

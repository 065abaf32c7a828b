#!/bin/sh
# ts-ics 2.4.6: of a monthly duty the hour is lost, the last day is the last but one, and a limited series of weekdays ends early.
#
# Expected: `extendByRecurrenceRule` gives the occurrences that RFC 5545, 3.3.10 describes, as rrule 2.8.1 does for the same rules.
# Seen: BYDAY in a monthly rule gives midnight instead of 09:00, so that the first occurrence lies before the start and is gone; -1 in
# BYMONTHDAY and BYSETPOS counts from the day before the last; COUNT is taken before BYDAY, so that five days of a working week are three.
# Weekly rules and monthly ones by the number of the day are right. Nothing is raised: who is on call at month's end is told a day early.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ts-ics@2.4.6 rrule@2.8.1 >/dev/null
cat >try.mjs <<'JS'
import rrule from 'rrule';
import {convertIcsRecurrenceRule, extendByRecurrenceRule} from 'ts-ics';

const until = new Date('2027-02-10T00:00:00Z');
const told = (dates) => dates.filter((date) => date < until).slice(0, 5).map((date) => date.toISOString().slice(2, 16)).join(' ');
for (const [rule, first] of [
  ['FREQ=WEEKLY;INTERVAL=4;BYDAY=MO', '2026-11-02'],
  ['FREQ=MONTHLY;BYMONTHDAY=2', '2026-11-02'],
  ['FREQ=MONTHLY;BYDAY=1MO', '2026-11-02'],
  ['FREQ=MONTHLY;BYMONTHDAY=-1', '2026-11-30'],
  ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', '2026-11-30'],
  ['FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=5', '2026-11-06'],
]) {
  const start = new Date(`${first}T09:00:00Z`);
  const meant = rrule.rrulestr(rule, {dtstart: start}).between(start, until, true);
  const seen = extendByRecurrenceRule(convertIcsRecurrenceRule(undefined, {value: rule}), {start, end: until});
  console.log(`${rule}\n  meant ${told(meant)}\n  seen  ${told(seen)}`);
}
JS
TZ=UTC node try.mjs | tee seen
diff seen - <<'SEEN'
FREQ=WEEKLY;INTERVAL=4;BYDAY=MO
  meant 26-11-02T09:00 26-11-30T09:00 26-12-28T09:00 27-01-25T09:00
  seen  26-11-02T09:00 26-11-30T09:00 26-12-28T09:00 27-01-25T09:00
FREQ=MONTHLY;BYMONTHDAY=2
  meant 26-11-02T09:00 26-12-02T09:00 27-01-02T09:00 27-02-02T09:00
  seen  26-11-02T09:00 26-12-02T09:00 27-01-02T09:00 27-02-02T09:00
FREQ=MONTHLY;BYDAY=1MO
  meant 26-11-02T09:00 26-12-07T09:00 27-01-04T09:00 27-02-01T09:00
  seen  26-12-07T00:00 27-01-04T00:00 27-02-01T00:00
FREQ=MONTHLY;BYMONTHDAY=-1
  meant 26-11-30T09:00 26-12-31T09:00 27-01-31T09:00
  seen  26-12-30T09:00 27-01-30T09:00
FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1
  meant 26-11-30T09:00 26-12-31T09:00 27-01-29T09:00
  seen  26-12-30T00:00 27-01-28T00:00
FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=5
  meant 26-11-06T09:00 26-11-09T09:00 26-11-10T09:00 26-11-11T09:00 26-11-12T09:00
  seen  26-11-06T09:00 26-11-09T09:00 26-11-10T09:00
SEEN
echo "ts-ics 2.4.6: as described"

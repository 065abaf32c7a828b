#!/bin/sh
# syslog-parse 2.0.0: read on the 31st, a line of a shorter month is of the month after it, and a line without a priority is an emergency of the kernel.
#
# Expected: the day and month that the line names, at a year that makes it no future (RFC 3164, 4.1.2, names no year, and 4.3.3 gives a line without
# PRI the priority 13, a notice of the user's).
# Seen: month, day and time are set one after the other on the date of today. On October 31st September has no 31st day, so the month becomes October
# before the day is set: the last line of September 30th is of October 30th. On March 29th to 31st February is March. New Year's Eve read on
# New Year's Day is a year ahead. A priority that is not there counts as 0, so each line of a plain file is what wakes people: kern, emerg.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund syslog-parse@2.0.0 >/dev/null
cat >try.mjs <<'JS'
import {mock} from 'node:test';
import parse from 'syslog-parse';

const day = (date) => new Intl.DateTimeFormat('en', {dateStyle: 'medium', timeZone: 'UTC'}).format(date);
for (const [today, line] of [
  ['2026-10-30', '<38>Sep 30 09:02:03 desk tsbridge[253]: answered'],
  ['2026-10-31', '<38>Sep 30 09:02:03 desk tsbridge[253]: answered'],
  ['2026-03-30', '<38>Feb 12 09:02:03 desk tsbridge[253]: answered'],
  ['2027-01-01', '<38>Dec 31 09:02:03 desk tsbridge[253]: answered'],
  ['2026-10-30', 'Oct 30 09:02:03 desk tsbridge[253]: answered'],
]) {
  mock.timers.enable({apis: ['Date'], now: new Date(`${today}T12:00:00Z`)});
  const {time, facility, severity} = parse(line);
  console.log(`read on ${day(new Date())}: ${line.slice(0, -29)} is ${facility} ${severity} of ${day(time)}`);
  mock.timers.reset();
}
JS
TZ=UTC node --no-warnings try.mjs | tee seen
diff seen - <<'SEEN'
read on Oct 30, 2026: <38>Sep 30 09:02:03 is auth info of Sep 30, 2026
read on Oct 31, 2026: <38>Sep 30 09:02:03 is auth info of Oct 30, 2026
read on Mar 30, 2026: <38>Feb 12 09:02:03 is auth info of Mar 12, 2026
read on Jan 1, 2027: <38>Dec 31 09:02:03 is auth info of Dec 31, 2027
read on Oct 30, 2026: Oct 30 09:02:03 is kern emerg of Oct 30, 2026
SEEN
echo "syslog-parse 2.0.0: as described"

#!/bin/sh
# crontzconvert 1.1.1: of many hours the first decides whether the day changes for all, so what lies on the other side of midnight is a day off.
#
# Expected: the same moments, told in the other zone, or an error where one expression cannot say them (its documentation: transforms the expression
# for that time zone; local-crontab on PyPI, which does the like, answers with several lines).
# Seen: hours and days are moved apart, the days by what the first hour needs. Six and eight on a Friday evening in Bogotá become Friday 23:00 and
# Friday 01:00 UTC, the second being Thursday evening there. Of Saturday's hours in Tokyo only the first is on Saturday, the other ten are Friday's: the
# shift is called a day early, and on its day nobody is. One hour by itself is right. Neither zone changes its clocks.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund crontzconvert@1.1.1 cron-parser@5.10.5 >/dev/null
cat >try.js <<'JS'
const {convert} = require('crontzconvert');
const {CronExpressionParser} = require('cron-parser');

const week = {currentDate: '2026-11-29T12:00:00Z'}; // a Sunday
const moments = (expression, tz, count) =>
  CronExpressionParser.parse(expression, {...week, tz}).take(count).map((one) => one.toDate().toISOString().slice(0, 16));
const asZone = (timeZone) => (moment) =>
  new Date(`${moment}Z`).toLocaleString('en', {weekday: 'short', hour: 'numeric', hourCycle: 'h23', timeZone});
for (const [expression, zone, count] of [['0 20 * * 5', 'America/Bogota', 1], ['0 18,20 * * 5', 'America/Bogota', 2], ['0 8-18 * * 6', 'Asia/Tokyo', 11]]) {
  const converted = convert(expression, zone, 'UTC');
  const right = moments(expression, zone, count);
  const came = moments(converted, 'UTC', count);
  console.log(`${expression} in ${zone}: ${converted}, right: ${came.filter((one) => right.includes(one)).length} of ${count}`);
  console.log(`  there: ${came.map(asZone(zone)).join(', ')}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
0 20 * * 5 in America/Bogota: 0 0 1 * * 6, right: 1 of 1
  there: Fri, 20
0 18,20 * * 5 in America/Bogota: 0 0 1,23 * * 5, right: 1 of 2
  there: Thu, 20, Fri, 18
0 8-18 * * 6 in Asia/Tokyo: 0 0 0-9,23 * * 5, right: 1 of 11
  there: Fri, 09, Fri, 10, Fri, 11, Fri, 12, Fri, 13, Fri, 14, Fri, 15, Fri, 16, Fri, 17, Fri, 18, Sat, 08
SEEN
echo "crontzconvert 1.1.1: as described"

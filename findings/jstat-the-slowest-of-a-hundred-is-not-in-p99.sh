#!/bin/sh
# jstat 1.9.6: a percentile above the last but one value is that value: the slowest case has no part in p99, nor in p95 of a small team.
#
# Expected: percentile(array, k), which has the ends of its range in it as PERCENTILE.INC of spreadsheets has, goes between two values from one
# to the other, from the least at 0 to the greatest at 1, as its own comment says and as 0.3 of 1, 2, 3, 4 does with 1.9.
# Seen: between the last two values it stays at the lower one and jumps to the greatest at exactly 1. Of ten waits of which one took thirty
# hours, p90, p95 and p99 are the longest of the other nine; of a hundred, p99 and p99.9 hide how long the worst was. What is below is
# right, and with `exclusive` the same place is wrong. quantiles of the same library goes up to the greatest. In brackets what it should be:
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund jstat@1.9.6 >/dev/null
cat >try.js <<'JS'
const jStat = require('jstat');

function inclusive(sorted, k) {
  const place = k * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

const minutes = (count) => [...Array.from({length: count - 1}, (_, n) => n + 1), 1800];
const shown = (value) => Number(value.toFixed(2));
console.log(`1 to 4: 0.3 is ${shown(jStat.percentile([1, 2, 3, 4], 0.3))}, 0.9 is ${shown(jStat.percentile([1, 2, 3, 4], 0.9))}, not 3.7`);
for (const count of [10, 20, 100]) {
  const waits = minutes(count);
  const found = [0.5, 0.9, 0.95, 0.99, 0.999, 1].map(
    (k) => `p${100 * k} ${shown(jStat.percentile(waits, k))} (${shown(inclusive(waits, k))})`);
  console.log(`${count} waits, the longest 1800: ${found.join(', ')}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
1 to 4: 0.3 is 1.9, 0.9 is 3, not 3.7
10 waits, the longest 1800: p50 5.5 (5.5), p90 9 (188.1), p95 9 (994.05), p99 9 (1638.81), p99.9 9 (1783.88), p100 1800 (1800)
20 waits, the longest 1800: p50 10.5 (10.5), p90 18.1 (18.1), p95 19 (108.05), p99 19 (1461.61), p99.9 19 (1766.16), p100 1800 (1800)
100 waits, the longest 1800: p50 50.5 (50.5), p90 90.1 (90.1), p95 95.05 (95.05), p99 99 (116.01), p99.9 99 (1631.6), p100 1800 (1800)
SEEN
echo "jstat 1.9.6: as described"

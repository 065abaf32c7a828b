#!/bin/sh
# parse-prometheus-text-format 1.1.1: of a histogram or summary of several queues the buckets of the last one are all there is, and sum and count are gone.
#
# Expected: an entry for each set of labels, as of counters, and as prom2json has it, whose output its documentation says it aims to be compatible with.
# Seen: buckets go into one object by `le` alone, so each queue's write over those before it, and the sum and the count of what has labels are in no
# answer. Of three queues the figures of the last are shown for the whole desk: with phone and chat on fire and mail quiet, nobody waited.
# Without labels, as in its example, all is there; a summary without quantiles keeps its labels.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund parse-prometheus-text-format@1.1.1 >/dev/null
cat >try.js <<'JS'
const parse = require('parse-prometheus-text-format');

const queues = {phone: [10, 250], chat: [5, 90], mail: [40, 41]}; // within a minute, in all
const labelled = Object.entries(queues).flatMap(([queue, [soon, all]]) => [
  `wait_seconds_bucket{queue="${queue}",le="60"} ${soon}`,
  `wait_seconds_bucket{queue="${queue}",le="+Inf"} ${all}`,
  `wait_seconds_sum{queue="${queue}"} ${100 * (all - soon)}`,
  `wait_seconds_count{queue="${queue}"} ${all}`,
]);
const counters = Object.entries(queues).map(([queue, [, all]]) => `calls_total{queue="${queue}"} ${all}`);
for (const [type, name, lines] of [['histogram', 'wait_seconds', labelled], ['counter', 'calls_total', counters]]) {
  const [{metrics}] = parse([`# TYPE ${name} ${type}`, ...lines, ''].join('\n'));
  console.log(`${type} of ${Object.keys(queues).length} queues: ${JSON.stringify(metrics)}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
histogram of 3 queues: [{"buckets":{"60":"40","+Inf":"41"}}]
counter of 3 queues: [{"value":"250","labels":{"queue":"phone"}},{"value":"90","labels":{"queue":"chat"}},{"value":"41","labels":{"queue":"mail"}}]
SEEN
echo "parse-prometheus-text-format 1.1.1: as described"

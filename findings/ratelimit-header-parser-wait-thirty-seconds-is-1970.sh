#!/bin/sh
# ratelimit-header-parser 0.1.0 (npm) and ratelimit-headers 0.1.0 (PyPI): of an answer that says to wait thirty seconds, one reads 1970 and one nothing.
#
# Expected: the moment from which to ask again. Retry-After is a number of seconds from now, or a date (RFC 9110, 10.2.3); both have it among what
# they read. Freshdesk (the first answer here) sends it with 429, beside how many requests are left.
# Seen: where no reset stands beside the numbers, the first takes Retry-After for seconds since 1970, so the moment is long past and whoever waits for
# it asks at once, again and again until the account is shut out; of a date it makes no date. The second reads Retry-After only where nothing
# else is told: with the numbers beside it there is neither a wait nor a reset, and its own `wait` ends with an error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ratelimit-header-parser@0.1.0 >/dev/null
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ratelimit-headers==0.1.0 2>/dev/null
cat >answers.json <<'JSON'
[{"x-ratelimit-total": "4000", "x-ratelimit-remaining": "0", "retry-after": "30"},
 {"x-rate-limit": "700", "x-rate-limit-remaining": "0", "retry-after": "30"},
 {"x-ratelimit-limit": "700", "x-ratelimit-remaining": "0", "retry-after": "Tue, 30 Nov 2027 09:00:30 GMT"},
 {"ratelimit-limit": "700", "ratelimit-remaining": "0", "ratelimit-reset": "30"},
 {"retry-after": "30"}]
JSON
cat >try.js <<'JS'
const {parseRateLimit} = require('ratelimit-header-parser');
for (const answer of JSON.parse(require('fs').readFileSync('answers.json'))) {
  const found = parseRateLimit(answer);
  const seconds = found && Math.round((found.reset - Date.now()) / 1000);
  const told = !found ? 'nothing' : Number.isNaN(seconds) ? 'no date' : seconds < -1e9 ? found.reset.toISOString() : `in ${seconds > 60 ? 'time' : `${seconds} s`}`;
  console.log(`js ${JSON.stringify(answer)}: ${told}`);
}
JS
cat >try.py <<'PY'
import json

from ratelimit_headers import parse

for answer in json.load(open("answers.json")):
    found = parse(response_headers=answer)
    print(f"py {json.dumps(answer, separators=(',', ':'))}: {'nothing' if found.retry_after is None and found.reset is None else f'in {found.retry_after} s'}")
PY
{ node try.js; env/bin/python try.py; } | tee seen
diff seen - <<'SEEN'
js {"x-ratelimit-total":"4000","x-ratelimit-remaining":"0","retry-after":"30"}: 1970-01-01T00:00:30.000Z
js {"x-rate-limit":"700","x-rate-limit-remaining":"0","retry-after":"30"}: 1970-01-01T00:00:30.000Z
js {"x-ratelimit-limit":"700","x-ratelimit-remaining":"0","retry-after":"Tue, 30 Nov 2027 09:00:30 GMT"}: no date
js {"ratelimit-limit":"700","ratelimit-remaining":"0","ratelimit-reset":"30"}: in 30 s
js {"retry-after":"30"}: nothing
py {"x-ratelimit-total":"4000","x-ratelimit-remaining":"0","retry-after":"30"}: nothing
py {"x-rate-limit":"700","x-rate-limit-remaining":"0","retry-after":"30"}: nothing
py {"x-ratelimit-limit":"700","x-ratelimit-remaining":"0","retry-after":"Tue, 30 Nov 2027 09:00:30 GMT"}: nothing
py {"ratelimit-limit":"700","ratelimit-remaining":"0","ratelimit-reset":"30"}: in 30 s
py {"retry-after":"30"}: in 30 s
SEEN
echo "ratelimit-header-parser 0.1.0, ratelimit-headers 0.1.0: as described"

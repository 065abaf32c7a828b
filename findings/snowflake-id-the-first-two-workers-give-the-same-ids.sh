#!/bin/sh
# snowflake-id 1.1.0 (the npm package): worker 0 is worker 1, so two machines with numbers of their own give the same ids.
#
# Expected: of two machines with different `mid` never the same id: its documentation asks for a mid that is unique to the machine, and gives it
# ten bits of the id.
# Seen: `mid || 1` makes 0 a 1. As the sequence begins at nought in each new millisecond, whatever the two make in the same millisecond has one id: of
# workers that are counted from nought, as orchestrators count them, the first two. Where the id is the key, of two claims one is refused or
# written over; where it is not, what is asked for one of them is answered with the other.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund snowflake-id@1.1.0 >/dev/null
cat >try.js <<'JS'
const {mock} = require('node:test');
const {default: Snowflake} = require('snowflake-id');

const began = Date.UTC(2026, 10, 30, 9);
mock.timers.enable({apis: ['Date'], now: began});
for (const [one, other] of [[0, 1], [1, 2], [2, 3]]) {
  const ids = [one, other].map((mid) => new Snowflake({mid, offset: Date.UTC(2026, 0, 1)}).generate());
  console.log(`workers ${one} and ${other}: ${ids.join(' and ')}${ids[0] === ids[1] ? ', the same' : ''}`);
}
JS
node --no-warnings try.js | tee seen
diff seen - <<'SEEN'
workers 0 and 1: 120811054694404096 and 120811054694404096, the same
workers 1 and 2: 120811054694404096 and 120811054694408192
workers 2 and 3: 120811054694408192 and 120811054694412288
SEEN
echo "snowflake-id 1.1.0: as described"

#!/bin/sh
# mann-whitney-utest 1.0.5: `significant` compares a count of pairs with a number of standard deviations, so nearly nothing is ever significant.
#
# Expected: whether two samples differ beyond chance: its documentation holds the U value against a critical value, and U's critical value at five
# per cent for twice twenty cases is 127 (any table of the test; the normal approximation that it names says z above 1.96).
# Seen: what it calls the critical value is z, and the answer is whether U is smaller than that. Of twenty waits of last week and twenty of this
# week, each half an hour longer, U is 78 and z 3.3: not significant, p being 0.001. The clearer the difference and the larger the samples, the
# further the two are apart. Two waits beside two others, of which a third of all draws look like that, are significant.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mann-whitney-utest@1.0.5 >/dev/null
cat >try.js <<'JS'
const {test, criticalValue, significant} = require('mann-whitney-utest');
const minutes = (n, from) => Array.from({length: n}, (_, one) => from + 4 * one);
for (const [what, samples] of [
  ['twenty and twenty, half an hour more', [minutes(20, 10), minutes(20, 41)]],
  ['twenty and twenty, an hour more', [minutes(20, 10), minutes(20, 71)]],
  ['fifty and fifty, an hour more', [minutes(50, 10), minutes(50, 71)]],
  ['two and two', [[10, 12], [20, 22]]],
]) {
  const u = test(samples);
  console.log(`${what}: U ${Math.min(...u)}, z ${criticalValue(u, samples).toFixed(2)}, significant: ${significant(u, samples)}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
twenty and twenty, half an hour more: U 78, z 3.30, significant: false
twenty and twenty, an hour more: U 10, z 5.14, significant: false
fifty and fifty, an hour more: U 595, z 4.52, significant: false
two and two: U 0, z 1.55, significant: true
SEEN
echo "mann-whitney-utest 1.0.5: as described"

#!/bin/sh
# comma-separated-values 3.6.4: the first row decides what a column is, so a blank wait is nought and the ticket T-4712 is not a number.
#
# Expected: numbers "automatically cast to their JavaScript equivalents", as the default has it; what is no number stays what it was, and a blank a blank.
# Seen: if the first row has a number in a column, every later row is made one: a blank becomes 0, so a claim that nobody has answered yet was answered at once
# and the mean goes down by it, and any text becomes NaN, the number of a ticket with a letter, a phone number with blanks in it. A blank in the first row
# is a number, too; with a text there the whole column is texts. No error either way. With `cast: false` all is kept.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund comma-separated-values@3.6.4 >/dev/null
cat >try.js <<'JS'
const CSV = require('comma-separated-values');
const rows = ['Ana,12,4711,14155550132', 'Ben,,T-4712,1 415 555 0133', 'Cleo,30,4713,14155550134'];
const read = (order, options) => new CSV(['caller,waited,ticket,phone', ...order, ''].join('\n'), { header: true, ...options }).parse();
for (const [name, order, options] of [
  ['Ana first', rows, {}],
  ['Ben first', [rows[1], rows[0], rows[2]], {}],
  ['Ana first, cast: false', rows, { cast: false }],
]) {
  console.log(name);
  const found = read(order, options);
  for (const row of found) console.log(`  ${Object.entries(row).map(([key, value]) => `${key} ${typeof value === 'string' ? `'${value}'` : value}`).join(', ')}`);
  const waits = found.map((row) => row.waited).filter((waited) => typeof waited === 'number');
  if (waits.length) console.log(`  mean of ${waits.length} waits: ${waits.reduce((sum, waited) => sum + waited, 0) / waits.length} (21 of the two that there are)`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
Ana first
  caller 'Ana', waited 12, ticket 4711, phone 14155550132
  caller 'Ben', waited 0, ticket NaN, phone NaN
  caller 'Cleo', waited 30, ticket 4713, phone 14155550134
  mean of 3 waits: 14 (21 of the two that there are)
Ben first
  caller 'Ben', waited 0, ticket 'T-4712', phone '1 415 555 0133'
  caller 'Ana', waited 12, ticket '4711', phone '14155550132'
  caller 'Cleo', waited 30, ticket '4713', phone '14155550134'
  mean of 3 waits: 14 (21 of the two that there are)
Ana first, cast: false
  caller 'Ana', waited '12', ticket '4711', phone '14155550132'
  caller 'Ben', waited '', ticket 'T-4712', phone '1 415 555 0133'
  caller 'Cleo', waited '30', ticket '4713', phone '14155550134'
SEEN
echo "comma-separated-values 3.6.4: as described"

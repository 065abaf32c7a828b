#!/bin/sh
# simhash-js 1.0.0: a long text is told by its rest, one letter in front makes another text of it, and what `hash` gives `Comparator` reads wrong.
#
# Expected: similar documents have hashes a few bits apart, and their similarity is near one; its documentation: two that differ in a single byte hash to
# similar values, and the two functions belong together. Its comment: at most `maxFeatures` (128) shingles, those with the least hashes, make the hash.
# Seen: the hash is a decimal number, and the comparison reads its digits as hexadecimal: tickets that differ in four letters of four hundred, two
# bits apart, are told as 34 of 32 bits and less alike than strangers. Beyond 128 shingles those are cut off and the rest is kept: of a text of 516
# letters one piece of four makes the hash, and the text may be any other around it. The pieces do not overlap, so that a letter in front
# changes them all.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund simhash-js@1.0.0 >/dev/null
cat >try.js <<'JS'
const {SimHash, Comparator} = require('simhash-js');

const bits = (number) => (number >>> 0).toString(2).replaceAll('0', '').length;
const simhash = new SimHash();
let seed = 1;
const piece = () => ((seed = (seed * 48271) % 2147483647) % 1e4).toString().padStart(4, '0');
const text = (pieces) => Array.from({length: pieces}, piece).join('');
function told(what, one, other) {
  const [a, b] = [one, other].map((text) => simhash.hash(text));
  console.log(`${what}: ${bits(a ^ b)} of 32 bits apart, told ${Comparator.hammingDistance(a, b)}, similarity ${Comparator.similarity(a, b).toFixed(2)}`);
}
const ticket = text(100);
told('two strangers', ticket, text(100));
told('one piece of a hundred changed', ticket, ticket.slice(0, -4) + piece());
told('one letter in front', ticket, `>${ticket}`);
for (const pieces of [128, 129]) {
  const long = text(pieces);
  const seen = Array.from({length: pieces}, (_, n) => long.slice(0, 4 * n) + piece() + long.slice(4 * n + 4));
  console.log(`${pieces} pieces, one changed: the hash changes for ${seen.filter((one) => simhash.hash(one) !== simhash.hash(long)).length} of them`);
}
console.log(`2147483648 and 0, one bit apart: told ${Comparator.hammingDistance(2147483648, 0)}`);
JS
node try.js | tee seen
diff seen - <<'SEEN'
two strangers: 18 of 32 bits apart, told 28, similarity 0.26
one piece of a hundred changed: 2 of 32 bits apart, told 34, similarity 0.15
one letter in front: 8 of 32 bits apart, told 28, similarity 0.26
128 pieces, one changed: the hash changes for 55 of them
129 pieces, one changed: the hash changes for 1 of them
2147483648 and 0, one bit apart: told 24
SEEN
echo "simhash-js 1.0.0: as described"

#!/bin/sh
# merkle-tools 1.4.1: making a Bitcoin style tree of an odd number of leaves adds a leaf, and the next tree has another root than it should.
#
# Expected: makeBTCTree makes a tree of the leaves, as makeTree does; a leaf added later, and the tree made anew, give the root of all leaves.
# Seen: the repeated last leaf that the tree needs while it is made stays in the list of leaves. A log of three entries has four leaves after
# its root was taken, and with the fourth entry a root that no other reader of these entries comes to, then and ever after; the proof of
# the newest entry fails against the true root, so that who checks it takes an honest log for a changed one. A tree that is made once is right,
# so is one whose count is even each time, and makeTree is right always. No error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund merkle-tools@1.4.1 >/dev/null
cat >try.js <<'JS'
const {createHash} = require('node:crypto');
const MerkleTools = require('merkle-tools');

const hash = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const entries = ['opened', 'taken', 'called', 'handed over', 'closed'].map((text) => hash(Buffer.from(text)));

function rootOf(level) {
  if (level.length === 1) return level[0];
  const pairs = [];
  for (let n = 0; n < level.length; n += 2) pairs.push(hash(level[n], level[n + 1] ?? level[n]));
  return rootOf(pairs);
}

const log = new MerkleTools();
for (const [n, entry] of entries.entries()) {
  log.addLeaf(entry);
  log.makeBTCTree();
  const all = entries.slice(0, n + 1);
  const atOnce = new MerkleTools();
  atOnce.addLeaves(all);
  atOnce.makeBTCTree();
  const right = ({getMerkleRoot}) => (getMerkleRoot().equals(rootOf(all)) ? 'right' : 'wrong');
  const proof = log.validateProof(log.getProof(n), entry, rootOf(all)) ? 'proved' : 'not proved';
  console.log(`${n + 1} entries: ${log.getLeafCount()} leaves, root ${right(log)}, made at once ${right(atOnce)}, the newest ${proof}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
1 entries: 1 leaves, root right, made at once right, the newest proved
2 entries: 2 leaves, root right, made at once right, the newest proved
3 entries: 4 leaves, root right, made at once right, the newest proved
4 entries: 6 leaves, root wrong, made at once right, the newest not proved
5 entries: 8 leaves, root wrong, made at once right, the newest not proved
SEEN
echo "merkle-tools 1.4.1: as described"

#!/bin/sh
# anonymize-nlp 1.0.6: the same name twice makes two people one, and putting names back gives one caller's words to another.
#
# Expected: "revert anonymized text back to its original form", as its example does: a text that was masked and not changed comes back as it was, and a
# mask stands for one person.
# Seen: masks are numbered by how many names are known, so a name that comes again takes the number that the next new name will have: from there
# on two people share a mask, and both come back as the first of them. What was known is thrown away with each text, while the numbers begin at
# the same one: of two texts masked by one object, the first comes back with the second one's name and the second not at all. No error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund anonymize-nlp@1.0.6 >/dev/null
cat >try.js <<'JS'
const { AnonymizeNlp } = require('anonymize-nlp');
for (const texts of [
  ['Anna called. Then Ben called.'],
  ['Anna called. Anna cried. Then Ben called.'],
  ['Anna was bitten.', 'Ben walks the dog.'],
]) {
  const masks = new AnonymizeNlp();
  const masked = texts.map((text) => masks.anonymize(text));
  for (const [n, text] of texts.entries()) console.log(`${text} -> ${masked[n]} -> ${masks.deAnonymize(masked[n])}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
Anna called. Then Ben called. -> <FIRSTNAME> called. Then <FIRSTNAME1> called. -> Anna called. Then Ben called.
Anna called. Anna cried. Then Ben called. -> <FIRSTNAME> called. <FIRSTNAME1> cried. Then <FIRSTNAME1> called. -> <FIRSTNAME> called. Anna cried. Then Anna called.
Anna was bitten. -> <FIRSTNAME> was bitten. -> Ben was bitten.
Ben walks the dog. -> <FIRSTNAME> walks the dog. -> <FIRSTNAME> walks the dog.
SEEN
echo "anonymize-nlp 1.0.6: as described"

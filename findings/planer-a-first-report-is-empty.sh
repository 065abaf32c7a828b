#!/bin/sh
# planer 1.2.0: of a first report that begins by naming who wrote what, or from when on, nothing is left.
#
# Expected: extractFrom gives the person's own words; a mail without a quotation comes back as it is.
# Seen: a line such as "On Sunday the sitter, Ben, wrote:" or one beginning with "From: " is taken for the head of a quotation wherever it
# stands, and everything behind it, the person's own report included, is left out: the answer is the empty text, as if nobody had said
# anything. A rule that looks for injuries in what is new then finds none.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund planer@1.2.0 >/dev/null
cat >try.js <<'JS'
const planer = require('planer');

const mails = {
  'names who wrote': 'On Sunday the sitter, Ben, wrote:\nI lost the dog.\n\nI am hurt and need a doctor.',
  'says from when': 'From: the first minute, the guest was shouting.\nThen the guest hit me.',
  'the same, put otherwise': 'Since the first minute, the guest was shouting.\nThen the guest hit me.',
};
for (const [name, text] of Object.entries(mails)) console.log(`${name}: ${JSON.stringify(planer.extractFrom(text, 'text/plain'))}`);
JS
node try.js | tee seen
diff seen - <<'SEEN'
names who wrote: ""
says from when: ""
the same, put otherwise: "Since the first minute, the guest was shouting.\nThen the guest hit me."
SEEN
echo "planer 1.2.0: as described"

#!/bin/sh
# vtt-to-json 0.1.1: the last cue of a transcript is missing when the file ends with a line end, and the second of two equal lines stays out.
#
# Expected: a section for each cue, with its words, whether or not a line end follows the last one (a text file has one), and an answer that says
# the same as the question before it.
# Seen: a cue is kept when the next begins; the last only if it is the very last line. The first is there twice, the second time without words. A
# line that equals the one before is dropped as a repetition: "No." answered with "No." is a cue without words.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund vtt-to-json@0.1.1 >/dev/null
cat >try.js <<'JS'
const toJson = require('vtt-to-json');
const lines = ['Is it deep?', 'He says: no.', 'No.', 'No.', 'Then wait.', 'He faints.'];
const cue = (text, n) => `00:00:0${n + 1}.000 --> 00:00:0${n + 2}.000\n${text}`;
const call = `WEBVTT\n\n${lines.map(cue).join('\n\n')}`;
(async () => {
  for (const [name, file] of [['as usual', `${call}\n`], ['without the last line end', call]])
    console.log(`${lines.length} cues, ${name}: ${JSON.stringify((await toJson(file)).map((one) => one.part))}`);
})();
JS
node try.js | tee seen
diff seen - <<'SEEN'
6 cues, as usual: ["Is it deep?","","He says: no.","No.","","Then wait."]
6 cues, without the last line end: ["Is it deep?","","He says: no.","No.","","Then wait.","He faints."]
SEEN
echo "vtt-to-json 0.1.1: as described"

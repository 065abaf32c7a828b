#!/bin/sh
# @plussub/srt-vtt-parser 2.0.5, subtitles-parser-vtt 0.1.0 and vtt-2-json 1.1.4: of one transcript a cue has no end, cues are missing, and a label is said.
#
# Expected: each cue with its start, its end and its words (W3C WebVTT, 4.1 and 4.3): settings may stand behind the end, hours may be left out, and a line
# in front of the times is the cue's identifier, no word of anybody's.
# Seen: with settings behind it the end is NaN for the first, and so is each length and sum made of it: how long the agent spoke. The second needs hours and
# a number in front: all up to the first cue that has both is gone, and those behind it that lack one are words of the cue before, times and all. For the
# third the label of a cue belongs to what was said before it, glued to its last word. webvtt-parser 2.2.0 reads the file as it is meant.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @plussub/srt-vtt-parser@2.0.5 subtitles-parser-vtt@0.1.0 vtt-2-json@1.1.4 webvtt-parser@2.2.0 >/dev/null
cat >call.vtt <<'VTT'
WEBVTT

caller
00:05.000 --> 00:07.500 align:start
Is anyone there?

2
00:00:08.000 --> 00:00:09.000
Yes.

agent
00:10.000 --> 00:12.000
Your sitter is on the way.

4
00:00:13.000 --> 00:00:14.000
Thank you.
VTT
cat >try.js <<'JS'
const {parse} = require('@plussub/srt-vtt-parser');
const {fromVtt} = require('subtitles-parser-vtt');
const toJson = require('vtt-2-json');
const {WebVTTParser} = require('webvtt-parser');

const file = require('node:fs').readFileSync('call.vtt', 'utf8');
const told = (cues) => cues.map(({from, to, text}) => `${from / 1000}-${to / 1000} ${JSON.stringify(text)}`).join(', ');
(async () => {
  const meant = new WebVTTParser([]).parse(file).cues.map(({startTime, endTime, text}) => ({from: 1000 * startTime, to: 1000 * endTime, text}));
  console.log(`webvtt-parser: ${told(meant)}`);
  console.log(`srt-vtt-parser: ${told(parse(file).entries)}`);
  console.log(`subtitles-parser-vtt: ${told(fromVtt(file, 'ms').map(({startTime, endTime, text}) => ({from: startTime, to: endTime, text})))}`);
  console.log(`vtt-2-json: ${told((await toJson(file)).map(({start, end, part}) => ({from: start, to: end, text: part})))}`);
})();
JS
node try.js | tee seen
diff seen - <<'SEEN'
webvtt-parser: 5-7.5 "Is anyone there?", 8-9 "Yes.", 10-12 "Your sitter is on the way.", 13-14 "Thank you."
srt-vtt-parser: 5-NaN "Is anyone there?", 8-9 "Yes.", 10-12 "Your sitter is on the way.", 13-14 "Thank you."
subtitles-parser-vtt: 8-9 "Yes.\n\nagent\n00:10.000 --> 00:12.000\nYour sitter is on the way.", 13-14 "Thank you."
vtt-2-json: 5-7.5 "Is anyone there?\n2", 8-9 "Yes.\nagent", 10-12 "Your sitter is on the way.\n4", 13-14 "Thank you."
SEEN
echo "@plussub/srt-vtt-parser 2.0.5, subtitles-parser-vtt 0.1.0, vtt-2-json 1.1.4: as described"

#!/bin/sh
# subsrt 1.1.1: a WebVTT transcript with line feeds alone holds no captions, and a SubRip one holds a single one.
#
# Expected: the same captions whichever line ends a file has; WebVTT allows CR LF, LF and CR, and transcripts of calls mostly come with LF.
# Seen: cues are told apart only where a blank line ends with CR LF. With LF a WebVTT file is one piece of "meta" named WEBVTT, and every word is gone
# from what is parsed or converted (a SubRip file of nothing); of SubRip and SubViewer the first caption swallows all others, numbers and times among
# its text. No error, nothing said unless `verbose`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund subsrt@1.1.1 >/dev/null
cat >try.js <<'JS'
const subsrt = require('subsrt');
const call = {
  vtt: ['WEBVTT', '', '00:00:01.000 --> 00:00:03.000', 'Where are you?', '', '00:00:03.000 --> 00:00:05.000', 'In the park.', ''],
  srt: ['1', '00:00:01,000 --> 00:00:03,000', 'Where are you?', '', '2', '00:00:03,000 --> 00:00:05,000', 'In the park.', ''],
};
for (const [format, lines] of Object.entries(call))
  for (const [name, end] of [['CR LF', '\r\n'], ['LF', '\n']]) {
    const found = subsrt.parse(lines.join(end), { format }).filter((one) => one.type === 'caption');
    const converted = subsrt.convert(lines.join(end), { format: 'srt' });
    console.log(`${format}, ${name}: ${found.length} captions, of ${JSON.stringify(found.map((one) => one.text.trim().length))} letters; ` +
      `as SubRip "In the park." ${converted.includes('In the park.') ? 'is there' : 'is gone'}`);
  }
JS
node try.js | tee seen
diff seen - <<'SEEN'
vtt, CR LF: 2 captions, of [14,12] letters; as SubRip "In the park." is there
vtt, LF: 0 captions, of [] letters; as SubRip "In the park." is gone
srt, CR LF: 2 captions, of [14,12] letters; as SubRip "In the park." is there
srt, LF: 1 captions, of [64] letters; as SubRip "In the park." is there
SEEN
echo "subsrt 1.1.1: as described"

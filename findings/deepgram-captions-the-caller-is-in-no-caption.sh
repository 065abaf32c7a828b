#!/bin/sh
# deepgram-captions 2.0.0 and @deepgram/captions 1.2.0: of a call on two channels one side is left out; AssemblyAI's second is 17 minutes.
#
# Expected: captions of everybody who spoke, at the time when they spoke; or an error.
# Seen: an answer of Deepgram's to multichannel=true has the words of each channel for itself, and without utterances=true (Deepgram's default
# is false; the Python documentation advises true for better breaks, not for the other channels) the converters take those of the
# first. The agent speaks to nobody, while the note on top of the file says that there are two channels. And the start and end of
# AssemblyAI, which it documents as milliseconds, are taken for seconds by the converter for it: what was said after one second stands at
# 00:16:40, and after a minute and a half at 01:00:00, as the 25 hours lose their day.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check deepgram-captions==2.0.0 2>/dev/null
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @deepgram/captions@1.2.0 dayjs@1.11.23 >/dev/null
cat >try.py <<'PY'
import json

from deepgram_captions import AssemblyAIConverter, DeepgramConverter, webvtt

said = [
    [{"word": "emergency", "start": 1.0, "end": 1.5, "confidence": 0.9}, {"word": "desk", "start": 1.5, "end": 2.0, "confidence": 0.9}],
    [{"word": "smoke", "start": 90.0, "end": 90.5, "confidence": 0.9}, {"word": "upstairs", "start": 90.5, "end": 91.0, "confidence": 0.9}],
]
words = [" ".join(word["word"] for word in side) for side in said]
channels = [{"alternatives": [{"transcript": text, "confidence": 0.9, "words": side}]} for text, side in zip(words, said)]
utterances = [
    {"start": side[0]["start"], "end": side[-1]["end"], "confidence": 0.9, "channel": n, "transcript": words[n], "words": side}
    for n, side in enumerate(said)
]
in_milliseconds = [
    [{**word, "text": word["word"], "start": int(word["start"] * 1000), "end": int(word["end"] * 1000), "speaker": "AB"[n]} for word in side]
    for n, side in enumerate(said)
]
answers = {
    "one channel": {"metadata": {"channels": 1}, "results": {"channels": channels[:1]}},
    "two channels": {"metadata": {"channels": 2}, "results": {"channels": channels}},
    "two with utterances": {"metadata": {"channels": 2}, "results": {"channels": channels, "utterances": utterances}},
    "AssemblyAI": {"utterances": [{"words": side} for side in in_milliseconds]},
}
json.dump(answers, open("answers.json", "w"))

for name, answer in answers.items():
    converter = (DeepgramConverter if "results" in answer else AssemblyAIConverter)(answer)
    cues = [line for line in webvtt(converter).splitlines() if line and not line.startswith(("WEBVTT", "NOTE", "Transcription"))]
    print(f"Python, {name}: {' | '.join(cues)}")
PY
cat >try.js <<'JS'
const {AssemblyAiConverter, DeepgramConverter, webvtt} = require('@deepgram/captions');

for (const [name, answer] of Object.entries(require('./answers.json'))) {
  const converter = answer.results ? new DeepgramConverter(answer) : new AssemblyAiConverter(answer);
  const cues = webvtt(converter).split('\n').filter((line) => line && !/^(WEBVTT|NOTE|Transcription)/.test(line));
  console.log(`JavaScript, ${name}: ${cues.join(' | ')}`);
}
JS
env/bin/python try.py | tee seen
node try.js | tee -a seen
diff seen - <<'SEEN'
Python, one channel: Channels: 1 | 00:00:01.000 --> 00:00:02.000 | emergency desk
Python, two channels: Channels: 2 | 00:00:01.000 --> 00:00:02.000 | emergency desk
Python, two with utterances: Channels: 2 | 00:00:01.000 --> 00:00:02.000 | emergency desk | 00:01:30.000 --> 00:01:31.000 | smoke upstairs
Python, AssemblyAI: 00:16:40.000 --> 00:33:20.000 | <v Speaker A>emergency desk | 01:00:00.000 --> 01:16:40.000 | <v Speaker B>smoke upstairs
JavaScript, one channel: Channels: 1 | 00:00:01.000 --> 00:00:02.000 | emergency desk
JavaScript, two channels: Channels: 2 | 00:00:01.000 --> 00:00:02.000 | emergency desk
JavaScript, two with utterances: Channels: 2 | 00:00:01.000 --> 00:00:02.000 | emergency desk | 00:01:30.000 --> 00:01:31.000 | smoke upstairs
JavaScript, AssemblyAI: 00:16:40.000 --> 00:33:20.000 | <v Speaker A>emergency desk | 01:00:00.000 --> 01:16:40.000 | <v Speaker B>smoke upstairs
SEEN
echo "deepgram-captions 2.0.0 and @deepgram/captions 1.2.0: as described"

#!/bin/sh
# webvtt-py 0.6.0: where two people speak in one cue, all of it is said by the first of them.
#
# Expected: a cue of a call's transcript may hold several voice spans, `<v Anna>..</v>` and `<v Agent>..</v>`, one a line or side by side, as
# the WebVTT format has them and as recordings of meetings and calls are exported when people talk at once. Whoever asks a caption for its
# voice and text should learn that there were two, or find the names in the text still.
# Seen: `voice` is the first name, `text` all words without any name, and what is written out as SubRip has the words of both as one person's.
# Only `raw_text` still knows. "Where are you?", asked by the agent, becomes the caller's.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check webvtt-py==0.6.0
cat >call.vtt <<'VTT'
WEBVTT

00:00:01.000 --> 00:00:04.000
<v Anna>My dog was bitten.</v>

00:00:04.000 --> 00:00:09.000
<v Anna>We are in the park.</v>
<v Agent>Where are you?</v>
VTT
cat >try.py <<'PY'
import io

import webvtt

captions = webvtt.read("call.vtt")
for caption in captions:
    print(f"{caption.voice}: {caption.text!r}")
written = io.StringIO()
captions.write(written, format="srt")
print("names in SubRip:", [name for name in ("Anna", "Agent") if name in written.getvalue()])
print("as it came:", repr(captions[1].raw_text))
PY
venv/bin/python try.py | tee seen
diff seen - <<'SEEN'
Anna: 'My dog was bitten.'
Anna: 'We are in the park.\nWhere are you?'
names in SubRip: []
as it came: '<v Anna>We are in the park.</v>\n<v Agent>Where are you?</v>'
SEEN
echo "webvtt-py 0.6.0: as described"

#!/bin/sh
# human-interval 2.0.1 (the intervals of Agenda's jobs): "an hour" is nought, "one and a half hours" an hour, and "1,000 minutes" a minute.
#
# Expected: what the English says, as its documentation has of "three minutes" and "forty-five seconds", or NaN, which it gives for what holds no unit
# that it knows.
# Seen: what stands before a unit and is no number counts as nought, so "remind in an hour" is due at once and "half a day" too, where a text
# without a number, "hour", is one. Of a number with words only a part is read: the half is lost, a comma ends it, and of 1,5 (most of Europe)
# 1 is left. What is written short behind is dropped: of 2 hours 30m two hours are left. A wait is always too short, never an error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund human-interval@2.0.1 >/dev/null
cat >try.js <<'JS'
const humanInterval = require('human-interval');
const texts = ['three minutes', 'hour', 'an hour', 'half a day', 'one and a half hours', 'a day and 2 hours', '1,000 minutes', '1,5 hours', '2 hours 30m'];
for (const text of [...texts, '5 fortnights'])
  console.log(`${text}: ${humanInterval(text) / 60000} minutes`);
JS
node try.js | tee seen
diff seen - <<'SEEN'
three minutes: 3 minutes
hour: 60 minutes
an hour: 0 minutes
half a day: 0 minutes
one and a half hours: 60 minutes
a day and 2 hours: 120 minutes
1,000 minutes: 1 minutes
1,5 hours: 60 minutes
2 hours 30m: 120 minutes
5 fortnights: NaN minutes
SEEN
echo "human-interval 2.0.1: as described"

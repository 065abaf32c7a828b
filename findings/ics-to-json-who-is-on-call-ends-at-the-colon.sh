#!/bin/sh
# ics-to-json 2.0.2: what stands behind a second colon in a summary, description or location is cut off.
#
# Expected: the value of a property is all that follows the first colon outside of parameters (RFC 5545, 3.1); a colon within a text stands as it is.
# Seen: "Primary: Ana" is "Primary", the same for whoever has the duty, a link is "https", and of "ring at 18:30" the minutes are gone. Of a
# text that is folded, a later line that has a colon is left out whole. No error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ics-to-json@2.0.2 >/dev/null
cat >try.js <<'JS'
const { icsToJson } = require('ics-to-json');
const duty = (who, day) => ['BEGIN:VEVENT', `UID:${day}`, 'DTSTAMP:20261101T000000Z', `DTSTART:202612${day}T080000Z`, `DTEND:202612${day}T160000Z`,
  `SUMMARY:Primary: ${who}`, 'LOCATION:https://desk.example.com', 'DESCRIPTION:Whoever has the duty rings back at once, ', ' by 18:30 at the latest', 'END:VEVENT'];
const calendar = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//desk//EN', ...duty('Ana', '07'), ...duty('Ben', '08'), 'END:VCALENDAR', ''];
for (const one of icsToJson(calendar.join('\r\n')))
  console.log(`${one.startDate}: ${JSON.stringify([one.summary, one.location, one.description])}`);
JS
node try.js | tee seen
diff seen - <<'SEEN'
20261207T080000Z: ["Primary","https","Whoever has the duty rings back at once,"]
20261208T080000Z: ["Primary","https","Whoever has the duty rings back at once,"]
SEEN
echo "ics-to-json 2.0.2: as described"

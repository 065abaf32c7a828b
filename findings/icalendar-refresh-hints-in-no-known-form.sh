#!/bin/sh
# icalendar 7.3.2: how often a feed is to be looked at again is written in forms that the formats do not have.
#
# Expected: REFRESH-INTERVAL;VALUE=DURATION:PT1H, for the property has no default type and the parameter is required (RFC 7986, 5.7); and
# X-PUBLISHED-TTL:PT1H, a duration (MS-OXCICAL, 2.1.3.1.1.15).
# Seen: of a timedelta the first is written without the parameter, and the second in Python's own words, 1:00:00, which is no duration: a
# feed of duties says nothing that a strict reader understands about how soon a swap has to be looked for. Given as a vDuration
# with its parameter, the first is written as the RFC has it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2 2>/dev/null
cat >try.py <<'PY'
from datetime import timedelta

from icalendar import Calendar, vDuration

feed = Calendar()
feed.add("prodid", "-//desk//duties//EN")
feed.add("version", "2.0")
feed.add("refresh-interval", timedelta(hours=1))
feed.add("x-published-ttl", timedelta(hours=1))
for line in feed.to_ical().decode().splitlines()[3:-1]:
    print(line)
typed = Calendar()
typed.add("refresh-interval", vDuration(timedelta(hours=1)), parameters={"VALUE": "DURATION"})
print("typed by hand:", typed.to_ical().decode().splitlines()[1])
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
REFRESH-INTERVAL:PT1H
X-PUBLISHED-TTL:1:00:00
typed by hand: REFRESH-INTERVAL;VALUE=DURATION:PT1H
SEEN
echo "icalendar 7.3.2: as described"

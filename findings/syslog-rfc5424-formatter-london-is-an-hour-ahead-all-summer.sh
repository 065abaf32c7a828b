#!/bin/sh
# syslog-rfc5424-formatter 1.2.3: where winter time is UTC, as in London and Lisbon, all that is logged in summer is an hour ahead.
#
# Expected: a time stamp with the offset that the clock has (RFC 5424, 6.2.3: the local time and its offset, or UTC and Z); its documentation promises
# full compliance, with a corrected zone.
# Seen: it writes the local time, and Z behind it when the offset of winter is nought, whatever the clock shows. From March to October each line is an
# hour in the future: beside other machines' lines the answer stands before the question, and a search of the last five minutes finds none of London's.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check syslog-rfc5424-formatter==1.2.3 2>/dev/null
cat >try.py <<'PY'
import logging
import os
import time
from datetime import datetime, timezone

from syslog_rfc5424_formatter import RFC5424Formatter

formatter = RFC5424Formatter()
for month in (1, 7):
    at = datetime(2026, month, 6, 9, tzinfo=timezone.utc)
    for zone in ("UTC", "Europe/London", "Europe/Lisbon"):
        os.environ["TZ"] = zone
        time.tzset()
        record = logging.LogRecord("desk", logging.INFO, "", 0, "answered", (), None)
        record.created = at.timestamp()
        stamp = formatter.format(record).split(" ")[1]
        ahead = (datetime.fromisoformat(stamp.replace("Z", "+00:00")) - at).total_seconds()
        print(f"{at:%d %B %H:%M} UTC in {zone}: {stamp}, {ahead / 60:g} minutes ahead")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
06 January 09:00 UTC in UTC: 2026-01-06T09:00:00Z, 0 minutes ahead
06 January 09:00 UTC in Europe/London: 2026-01-06T09:00:00Z, 0 minutes ahead
06 January 09:00 UTC in Europe/Lisbon: 2026-01-06T09:00:00Z, 0 minutes ahead
06 July 09:00 UTC in UTC: 2026-07-06T09:00:00Z, 0 minutes ahead
06 July 09:00 UTC in Europe/London: 2026-07-06T10:00:00Z, 60 minutes ahead
06 July 09:00 UTC in Europe/Lisbon: 2026-07-06T10:00:00Z, 60 minutes ahead
SEEN
echo "syslog-rfc5424-formatter 1.2.3: as described"

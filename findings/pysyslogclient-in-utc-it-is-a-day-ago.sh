#!/bin/sh
# pysyslogclient 0.1.1: a message by RFC 5424 has no structured data, so parsers refuse it, and a time given in UTC or New York is a day off.
#
# Expected: HEADER SP STRUCTURED-DATA [SP MSG], a "-" where there is none, and an offset with a colon (RFC 5424, 6), after which the class is named.
# Seen: behind the message's id comes the message, whose first word stands where the structured data should. syslog-rfc5424-parser refuses every one.
# A time that is given gets an offset without a colon, the hours of what the local clock is ahead of UTC's, read a moment later: so an hour less than it is
# in Tokyo (unless both are read in the same microsecond), and since a difference below nought counts from the day before, 23 hours in London and
# 18 in New York: both 23 hours before what was meant.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pysyslogclient==0.1.1 syslog-rfc5424-parser==0.3.2 freezegun==1.5.5 2>/dev/null
cat >try.py <<'PY'
import socket
from datetime import datetime

from freezegun import freeze_time
from pysyslogclient import SyslogClientRFC5424
from syslog_rfc5424_parser import ParseError, SyslogMessage

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = SyslogClientRFC5424("127.0.0.1", server.getsockname()[1])


def heard(**given):
    client.log("nobody answers", program="tsbridge", hostname="desk", **given)
    return server.recv(2048).decode().rstrip()


for zone, hours in (("London", 0), ("Tokyo", 9), ("New York", -5)):
    for ticks in (0, 1):  # microseconds between the two clocks
        with freeze_time("2026-01-06", tz_offset=hours, auto_tick_seconds=ticks / 1_000_000):
            print(f"{zone}, read {ticks} microseconds apart: {heard(timestamp=datetime(2026, 1, 6, 9))}")
line = heard()
for what, text in (("as it comes", line), ("with a - before the message", line.replace(" nobody", " - nobody"))):
    try:
        print(f"{what}: {SyslogMessage.parse(text).msg}")
    except ParseError as error:
        print(f"{what}: {error.description}")
PY
env/bin/python -W ignore try.py | tee seen
diff seen - <<'SEEN'
London, read 0 microseconds apart: <14>1 2026-01-06T09:00:00.000000Z desk tsbridge - - nobody answers
London, read 1 microseconds apart: <14>1 2026-01-06T09:00:00.000000+2300 desk tsbridge - - nobody answers
Tokyo, read 0 microseconds apart: <14>1 2026-01-06T09:00:00.000000+0900 desk tsbridge - - nobody answers
Tokyo, read 1 microseconds apart: <14>1 2026-01-06T09:00:00.000000+0800 desk tsbridge - - nobody answers
New York, read 0 microseconds apart: <14>1 2026-01-06T09:00:00.000000+1900 desk tsbridge - - nobody answers
New York, read 1 microseconds apart: <14>1 2026-01-06T09:00:00.000000+1800 desk tsbridge - - nobody answers
as it comes: Unable to parse message
with a - before the message: nobody answers
SEEN
echo "pysyslogclient 0.1.1: as described"

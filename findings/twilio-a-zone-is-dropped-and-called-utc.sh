#!/bin/sh
# twilio 9.13.0 (the official Python client): of an aware datetime the wall clock is sent as UTC, so that a text goes out hours off.
#
# Expected: a datetime with a zone is one moment, sent as that moment; or a datetime that is not UTC is refused.
# Seen: every datetime is written with a Z behind its own wall clock, whatever its zone. A reminder for 18:00 in Berlin, before the night
# shift, is sent at 19:00 or 20:00, one for New York hours before it was meant; and calls listed since a moment lack its first hours or
# hold hours before it. What comes back is aware and in UTC, so a bookmark of the client's own making works. The same moment, three zones:
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check twilio==9.13.0 tzdata 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client


class Here(TwilioHttpClient):
    """Keeps what it is asked to send and answers as the service does."""

    sent = None

    def request(self, method, url, params=None, data=None, **more):
        Here.sent = data or params
        return Response(201 if method == "POST" else 200, '{"calls": []}')


client = Client("AC00000000000000000000000000000000", "token", http_client=Here())
moment = datetime(2026, 12, 1, 17, tzinfo=timezone.utc)
for zone in ("UTC", "Europe/Berlin", "America/New_York"):
    at = moment.astimezone(ZoneInfo(zone))
    client.messages.create(
        to="+15005550006", messaging_service_sid="MG00000000000000000000000000000000", body="on call", schedule_type="fixed", send_at=at
    )
    sent = Here.sent["SendAt"]
    client.calls.list(start_time_after=at)
    print(f"{at.isoformat()}: SendAt {sent}, StartTime> {Here.sent['StartTime>']}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
2026-12-01T17:00:00+00:00: SendAt 2026-12-01T17:00:00Z, StartTime> 2026-12-01T17:00:00Z
2026-12-01T18:00:00+01:00: SendAt 2026-12-01T18:00:00Z, StartTime> 2026-12-01T18:00:00Z
2026-12-01T12:00:00-05:00: SendAt 2026-12-01T12:00:00Z, StartTime> 2026-12-01T12:00:00Z
SEEN
echo "twilio 9.13.0: as described"

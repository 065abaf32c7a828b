#!/bin/sh
# chump 1.6.0 (Pushover): an emergency message that was taken raises when the look at its receipt fails, so whoever tries again pages twice.
#
# Expected: send() of an emergency message tells whether it was sent: the documentation has a bool, and for an ordinary message a refusal is
# False with the reason in `error`, never an exception.
# Seen: right after the message was taken the receipt is asked for once, and what goes wrong there comes out of send(): APIError when Pushover says
# 429, UnboundLocalError when it says 5xx (the same for any 5xx, an ordinary message's too). The message is out and rings until it is acknowledged;
# `is_sent` and `receipt` say so, but the caller of User.send_message never gets the object. Tried again, somebody is paged by two alarms, and
# acknowledging one does not end the other.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check chump==1.6.0 2>/dev/null
cat >try.py <<'PY'
import io
import json
from email.message import Message
from types import SimpleNamespace

import chump


class Service:
    """Takes every message; says what it is told to say about the first receipts."""

    def __init__(self, *first):
        self.first, self.taken = list(first), 0

    def open(self, url, data=None):
        headers = Message()
        headers["Date"] = "Mon, 30 Nov 2026 03:00:00 GMT"
        for name in ("Limit", "Remaining", "Reset"):
            headers[f"X-Limit-App-{name}"] = "10000"
        if url.endswith("messages.json"):
            self.taken += 1
            code, said = 200, {"status": 1, "request": f"r{self.taken}", "receipt": f"receipt{self.taken}"}
        else:
            code = self.first.pop(0) if self.first else 200
            said = {"status": int(code == 200), "request": "p", "errors": ["not now"], "acknowledged_by": ""}
            said |= dict.fromkeys(("acknowledged", "expired", "called_back", "acknowledged_at", "expires_at", "called_back_at", "last_delivered_at"), 0)
        body = io.BytesIO(json.dumps(said).encode())
        return SimpleNamespace(code=code, headers=headers, read=body.read)


for first in ((), (429,), (503,)):
    chump.pool = service = Service(*first)
    anna = chump.Application("a" * 30).get_user("u" * 30)
    seen = []
    for attempt in (1, 2):
        try:
            sent = anna.send_message("A severe incident waits.", priority=chump.EMERGENCY)
        except Exception as error:
            seen.append(type(error).__name__)
        else:
            seen.append(f"sent {sent.is_sent}")
            break
    print(f"receipts answered with {first or 200}: {', then '.join(seen)}; alarms that ring: {service.taken}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
receipts answered with 200: sent True; alarms that ring: 1
receipts answered with (429,): APIError, then sent True; alarms that ring: 2
receipts answered with (503,): UnboundLocalError, then sent True; alarms that ring: 2
SEEN
echo "chump 1.6.0: as described"

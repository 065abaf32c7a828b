#!/bin/sh
# standardwebhooks 1.1.0, and svix 2.9.1 above it (Python): a webhook signed at an aware datetime of another zone than UTC is refused.
#
# Expected: `sign(id, at, body)` signs the moment that `at` is, whatever its zone; webhook-timestamp, made of the same datetime, fits it.
# Seen: the zone is replaced by UTC, not converted, so that the wall clock is signed as if it were UTC's. The header says another second
# than the signature, and every receiver refuses every delivery. In a zone that keeps UTC in winter, such as London, all works until the
# last Sunday of March. Convert to UTC before signing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1 tzdata 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import standardwebhooks
import svix.webhooks

key, body = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", '{"type": "case.escalated"}'
desk = datetime.now(ZoneInfo("Asia/Kolkata"))
for name, library in (("standardwebhooks", standardwebhooks), ("svix", svix.webhooks)):
    hook = library.Webhook(key)
    for at in (desk.astimezone(timezone.utc), desk):
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": hook.sign("msg_1", at, body)}
        try:
            hook.verify(body, headers)
            told = "taken"
        except library.WebhookVerificationError as refused:
            told = f"refused, {refused}"
        print(f"{name}, {at.tzname()}: {told}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
standardwebhooks, UTC: taken
standardwebhooks, IST: refused, No matching signature found
svix, UTC: taken
svix, IST: refused, No matching signature found
SEEN
echo "standardwebhooks 1.1.0, svix 2.9.1: as described"

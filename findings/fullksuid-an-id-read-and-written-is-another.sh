#!/bin/sh
# fullksuid 1.2.2 (Cuvva's KSUIDs in Python): an id that is read and written again is another id wherever the clock is not UTC's.
#
# Expected: `str(Id.parse(text))` is the text, as its documentation has an id parsed from its text; and the moment in it that at which it was made.
# Seen: parsing takes the seconds out as a naive UTC time, writing takes a naive time for the machine's own. In Berlin the id that comes back is an
# hour older, two in summer, in New York five or four younger: a valid id, of the same length and prefix, that nothing is filed under. What parses an
# id to look at it and passes it on asks for a ticket that is not there; on a server that runs in UTC every test passes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check fullksuid==1.2.2 setuptools==80.9.0 2>/dev/null
cat >try.py <<'PY'
import os
import time
from datetime import datetime, timezone

from fullksuid.Id import Id
from fullksuid.Instance import Instance
from fullksuid.Schemes import Schemes

made = datetime(2026, 7, 6, 9, tzinfo=timezone.utc)
text = str(Id("prod", "ticket", made, Instance(Schemes.RANDOM, bytes(range(8))), 1))
for zone in ("UTC", "Europe/Berlin", "America/New_York"):
    os.environ["TZ"] = zone
    time.tzset()
    read = Id.parse(text)
    print(f"{zone}: {text} is {str(read)}, made {read.timestamp.astimezone(timezone.utc):%H:%M}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
UTC: ticket_000000DMBEjibPCQeBfrs8JKmrar3 is ticket_000000DMBEjibPCQeBfrs8JKmrar3, made 09:00
Europe/Berlin: ticket_000000DMBEjibPCQeBfrs8JKmrar3 is ticket_000000DMB1sp3Gj87kcL5Ocu2JMEz, made 07:00
America/New_York: ticket_000000DMBEjibPCQeBfrs8JKmrar3 is ticket_000000DMBeRVhg91h3mvRbgCHy45B, made 13:00
SEEN
echo "fullksuid 1.2.2: as described"

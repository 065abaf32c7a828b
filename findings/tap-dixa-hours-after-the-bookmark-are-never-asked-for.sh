#!/bin/sh
# tap-dixa 1.0.10 (the Singer tap): on a machine east of Greenwich the first hours after the bookmark are never asked for.
#
# Expected: conversations and messages from the bookmark on, which is the moment of the newest one that was written.
# Seen: the bookmark, milliseconds since 1970, is turned into the machine's wall clock and that is called UTC. In Copenhagen, where Dixa is,
# each run begins an hour late in winter and two in summer, and what was said in that time, right after the newest record, is in no run.
# Of messages that keep coming, a run every two hours finds a third. In UTC it is right, and west of it asks only for more than it keeps. No
# setting has a word about the zone; the run ends well, and the next one begins behind the gap.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check tap-dixa==1.0.10 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import sys
from datetime import datetime, timedelta, timezone
from io import StringIO

import singer
from tap_dixa.discover import discover
from tap_dixa.streams import STREAMS

logging.disable()
began = datetime(2026, 7, 20, 8, tzinfo=timezone.utc)
said = [{"id": str(n), "created_at": int((began + timedelta(minutes=20 * n)).timestamp() * 1000)} for n in range(31)]  # ten hours, in July


class Service:
    """The messages between two moments, in milliseconds, of those that were said by now."""

    now = None

    def get(self, base_url, endpoint, params):
        until = min(params["created_before"], Service.now.timestamp() * 1000)
        return [dict(message) for message in said if params["created_after"] <= message["created_at"] <= until]


stream = discover({}).get_stream("messages")
state, written = {}, []
for hour in (2, 4, 6, 8, 10):
    Service.now = began + timedelta(hours=hour)
    singer.utils.now = lambda: Service.now
    shown, sys.stdout = sys.stdout, StringIO()
    with singer.Transformer() as transformer:
        tap = STREAMS["messages"](Service())
        state = tap.sync(state, stream.schema.to_dict(), singer.metadata.to_map(stream.metadata), {"start_date": "2026-07-01T00:00:00Z"}, transformer)
    rows, sys.stdout = sys.stdout.getvalue(), shown
    written += [message["record"]["id"] for message in map(json.loads, rows.splitlines()) if message["type"] == "RECORD"]
print(f"a run every two hours: {len(set(written))} of {len(said)} messages")
PY
for zone in UTC=UTC0 New_York=EST5EDT,M3.2.0,M11.1.0 Copenhagen=CET-1CEST,M3.5.0,M10.5.0/3 Manila=PST-8; do
  printf '%s, ' "${zone%%=*}"
  TZ=${zone#*=} env/bin/python try.py
done | tee seen
diff seen - <<'SEEN'
UTC, a run every two hours: 31 of 31 messages
New_York, a run every two hours: 31 of 31 messages
Copenhagen, a run every two hours: 11 of 31 messages
Manila, a run every two hours: 8 of 31 messages
SEEN
echo "tap-dixa 1.0.10: as described"

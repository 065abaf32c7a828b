#!/bin/sh
# tap-ringcentral 1.1.0 (the Singer tap): whoever asks for calls but not for contacts gets none, and the weeks count as read.
#
# Expected: the stream of calls stands for itself in the catalog (discovery tells of no stream that it needs), so choosing it alone brings the
# calls since the start date; if it cannot, an error, or at least a bookmark that stays where it was.
# Seen: calls and messages are asked for of each contact that the contacts stream left in memory in the same run. Without that stream not one
# request is made, the run ends well with no record, and the bookmark moves week by week up to now. Choosing contacts as well later on
# does not bring them: the next run begins at the bookmark, so of five weeks of calls the last is there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check tap-ringcentral==1.1.0 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import sys
import time
from datetime import datetime, timedelta, timezone
from io import StringIO
from types import SimpleNamespace

import tap_ringcentral.cache
from singer import metadata
from tap_ringcentral import RingCentralRunner
from tap_ringcentral.discover import discover

logging.disable()
time.sleep = lambda seconds: None  # it waits five seconds before each request
now = datetime.now(timezone.utc)
start = now - timedelta(days=32)
calls = [{"id": f"call {day}", "startTime": (start + timedelta(days=day, hours=1)).isoformat()} for day in range(32)]


class Service:
    """One extension, a call a day."""

    base_url = "http://127.0.0.1"
    asked = 0

    def make_request(self, url, method, params=None, body=None):
        Service.asked += 1
        if url.endswith("/directory/entries"):
            return {"records": [{"id": "101"}], "paging": {"page": 1, "totalPages": 1}}
        began, ended = datetime.fromisoformat(params["dateFrom"]), datetime.fromisoformat(params["dateTo"])
        return {"records": [dict(call) for call in calls if began <= datetime.fromisoformat(call["startTime"]) < ended]}


def run(chosen, state):
    tap_ringcentral.cache.contacts.clear()  # each run is a process of its own
    catalog = discover()
    for stream in catalog.streams:
        known = metadata.write(metadata.to_map(stream.metadata), (), "selected", stream.stream in chosen)
        stream.metadata = metadata.to_list(known)
    Service.asked = 0
    shown, sys.stdout = sys.stdout, StringIO()
    runner = RingCentralRunner(SimpleNamespace(config={"start_date": start.isoformat()}, state=state, catalog=catalog), Service())
    runner.do_sync()
    lines, sys.stdout = [json.loads(line) for line in sys.stdout.getvalue().splitlines()], shown
    read = {line["record"]["id"] for line in lines if line["type"] == "RECORD" and line["stream"] == "call_log"}
    at = datetime.fromisoformat(runner.state["bookmarks"]["call_log"]["last_record"].replace("Z", "+00:00"))
    print(f"{' and '.join(chosen)}: {Service.asked} requests, {len(read)} of {len(calls)} calls, the bookmark {(at - start).days + 1} days on")
    return runner.state


run(["contacts", "call_log"], {})
run(["contacts", "call_log"], run(["call_log"], {}))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
contacts and call_log: 6 requests, 32 of 32 calls, the bookmark 28 days on
call_log: 0 requests, 0 of 32 calls, the bookmark 28 days on
contacts and call_log: 2 requests, 4 of 32 calls, the bookmark 28 days on
SEEN
echo "tap-ringcentral 1.1.0: as described"

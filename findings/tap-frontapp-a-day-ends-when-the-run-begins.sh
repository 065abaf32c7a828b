#!/bin/sh
# tap-frontapp 2.1.0 (the Singer tap): of each day only the hours before that day's run are counted, and only the first page of tags is.
#
# Expected: a daily figure of a whole day, and a bookmark that comes back to a day that was not over; a report of each tag, Front's lists being
# pages of fifty with a link to the next.
# Seen: a run counts up to tomorrow's midnight, writes the day that has just begun with what it has by now, and moves the bookmark past it. The
# next run begins with its own day, so a tap that runs at six each morning reports six hours a day under "daily", and nobody asks for the other
# eighteen again. The link to the next page is not followed. Every run ends well; `end_date` in the config, one for all runs, would not help.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check tap-frontapp==2.1.0 2>/dev/null
cat >try.py <<'PY'
import inspect
import json
import logging
import sys
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import singer
from tap_frontapp import streams, sync
from tap_frontapp.context import Context
from tap_frontapp.discover import discover
from tap_frontapp.http import Client

logging.disable()
begin = datetime(2026, 11, 2, tzinfo=timezone.utc)
written = [begin + timedelta(hours=hour) for hour in range(24 * 5)]  # a message an hour
tags = [{"id": f"tag_{n}", "name": f"tag {n}"} for n in range(60)]


class Front(BaseHTTPRequestHandler):
    now, reports = begin, []

    def answer(self, body):
        body = json.dumps(body).encode()
        self.send_response(200)
        for name, value in (("X-RateLimit-Remaining", 50), ("X-RateLimit-Reset", 0), ("Content-Length", len(body))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        Front.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer({"_links": {"self": f"{Client.BASE_URL}/analytics/reports/{len(Front.reports) - 1}"}})

    def do_GET(self):
        at = urlsplit(self.path)
        if at.path.startswith("/analytics"):
            report = Front.reports[int(at.path.split("/")[-1])]
            count = sum(report["start"] <= moment.timestamp() < min(report["end"], Front.now.timestamp()) for moment in written)
            return self.answer({"status": "done", "metrics": [{"id": "num_messages_received", "value": count}]})
        records = tags if at.path == "/tags" else [{"id": "inb_1", "name": "claims"}]
        skipped = int(parse_qs(at.query).get("page_token", ["0"])[0])
        more = f"{Client.BASE_URL}{at.path}?page_token={skipped + 50}" if skipped + 50 < len(records) else None
        self.answer({"_pagination": {"next": more}, "_results": records[skipped : skipped + 50]})

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
threading.Thread(target=server.serve_forever, daemon=True).start()
Client.BASE_URL = f"http://127.0.0.1:{server.server_port}"
streams.create_report = inspect.unwrap(streams.create_report)  # it waits three seconds before each
streams.get_report_metrics = inspect.unwrap(streams.get_report_metrics)


def run(stream, state, now):
    Front.now = now
    clock = type("Clock", (datetime,), {"now": classmethod(lambda cls, zone=None: now.replace(tzinfo=None))})
    streams.datetime = SimpleNamespace(datetime=clock, timedelta=timedelta)
    tap = Context({"token": "secret", "start_date": "2026-11-02 00:00:00"}, state)
    catalog = discover()
    for entry in catalog.streams:
        known = singer.metadata.write(singer.metadata.to_map(entry.metadata), (), "selected", entry.tap_stream_id == stream)
        entry.metadata = singer.metadata.to_list(known)
    tap.catalog = catalog
    shown, sys.stdout = sys.stdout, StringIO()
    sync(tap)
    lines, sys.stdout = [json.loads(line) for line in sys.stdout.getvalue().splitlines()], shown
    return [line["record"] for line in lines if line["type"] == "RECORD"], tap.state


state = {}
for day in (1, 2, 3):
    now = begin + timedelta(days=day, hours=6)
    records, state = run("inboxes_table", state, now)
    for record in records:
        print(f"run of {now:%b %d, %H:%M}: {record['analytics_range']} {record['analytics_date']}, {record['num_messages_received']} of 24 messages")
records, _ = run("tags_table", {}, begin)
print(f"tags: {len({record['metric_id'] for record in records})} of {len(tags)}")
server.shutdown()
PY
TZ=UTC0 env/bin/python try.py | tee seen
diff seen - <<'SEEN'
run of Nov 03, 06:00: daily 2026-11-02, 24 of 24 messages
run of Nov 03, 06:00: daily 2026-11-03, 6 of 24 messages
run of Nov 04, 06:00: daily 2026-11-04, 6 of 24 messages
run of Nov 05, 06:00: daily 2026-11-05, 6 of 24 messages
tags: 50 of 60
SEEN
echo "tap-frontapp 2.1.0: as described"

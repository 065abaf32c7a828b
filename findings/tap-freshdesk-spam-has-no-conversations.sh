#!/bin/sh
# tap-freshdesk 1.0.1 (the Singer tap): what was written in spam and deleted tickets is left out, and custom fields are in lower case.
#
# Expected: the conversations of every ticket that it writes, as it asks for spam and deleted tickets on purpose; values as they are kept.
# Seen: the three lists are read one after the other, and the bookmark that the first leaves, the newest change of an ordinary ticket, is
# what the conversations of the next two must not be older than. A threat that the filter took for spam is a ticket without a word in it,
# for good: each of them is asked for over the network and then thrown away. The values of custom fields are put in lower case, to make true
# and false of booleans: an account or video id that has capitals is that of somebody else or of nobody, and an empty field reads none.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check tap-freshdesk==1.0.1 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from urllib.parse import parse_qs, urlsplit

from tap_freshdesk.client import Client
from tap_freshdesk.discover import discover
from tap_freshdesk.sync import sync

logging.disable()
kept = {None: [(1, "10"), (2, "20")], "spam": [(3, "12"), (4, "21")], "deleted": [(5, "14")]}


class Service(BaseHTTPRequestHandler):
    """Five tickets, each with one conversation at the time of its last change; spam and deleted ones only with their filter."""

    asked = []

    def do_GET(self):
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        parts = address.path.strip("/").split("/")
        if parts[-1] == "tickets":
            found = [
                {"id": id_, "updated_at": f"2026-11-{day}T09:00:00Z", "custom_fields": {"cf_video": "dQw4W9x", "cf_court": None}}
                for id_, day in kept[query.get("filter")]
                if f"2026-11-{day}T09:00:00Z" >= query["updated_since"]
            ]
        else:
            ticket = int(parts[-2])
            Service.asked.append(ticket)
            (day,) = (day for tickets in kept.values() for id_, day in tickets if id_ == ticket)
            found = [{"id": 10 + ticket, "ticket_id": ticket, "body_text": "I know where you live.", "updated_at": f"2026-11-{day}T09:00:00Z"}]
        text = json.dumps(found if query["page"] == "1" else []).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
config = {"domain": "desk", "api_key": "key", "start_date": "2026-11-01T00:00:00Z"}
client = Client(config)
client.base_url = f"http://127.0.0.1:{server.server_port}/api/v2"
catalog = discover()
for stream in catalog.streams:
    if stream.tap_stream_id in ("tickets", "conversations"):
        stream.metadata[0]["metadata"]["selected"] = True
state = {}
for run in ("first", "second"):
    written, sys.stdout = sys.stdout, StringIO()
    sync(client, config, catalog, state)
    rows, sys.stdout = sys.stdout.getvalue(), written
    rows = [message for message in map(json.loads, rows.splitlines()) if message["type"] == "RECORD"]
    if run == "first":
        tickets = [row["record"] for row in rows if row["stream"] == "tickets"]
        print("tickets:", [ticket["id"] for ticket in tickets], "conversations asked for:", Service.asked)
        print("custom fields:", tickets[0]["custom_fields"])
    print(f"conversations of the {run} run are of tickets", [row["record"]["ticket_id"] for row in rows if row["stream"] == "conversations"])
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
tickets: [1, 2, 3, 4, 5] conversations asked for: [1, 2, 3, 4, 5]
custom fields: [{'name': 'cf_video', 'value': 'dqw4w9x'}, {'name': 'cf_court', 'value': 'none'}]
conversations of the first run are of tickets [1, 2, 4]
conversations of the second run are of tickets [2, 4]
SEEN
echo "tap-freshdesk 1.0.1: as described"

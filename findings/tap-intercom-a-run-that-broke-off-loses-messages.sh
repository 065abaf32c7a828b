#!/bin/sh
# tap-intercom 2.2.5 (the Singer tap): after a run that broke off, the messages of conversations that were not reached are in no run.
#
# Expected: a run that begins again after an error brings what the one before did not, as the state is there for.
# Seen: conversations are read by their ids, and after each one the bookmark of its parts is set to when that one was last written in. The next run
# takes that for a time up to which all is known: a conversation with a higher id and an older last message is in the conversations and its
# messages are not, in this run and in every one behind it, until somebody writes in it again. One 503 that outlasts the retries is enough, or a
# process that was stopped. The run after it ends well, with the same state as if nothing had been wrong.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check tap-intercom==2.2.5 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import singer
import tap_intercom.sync
from tap_intercom.client import IntercomClient, Server5xxError
from tap_intercom.discover import discover

logging.disable()
time.sleep = lambda seconds: None
days = {"101": 20, "102": 3, "103": 5, "104": 25}  # when each conversation was last written in, in November
conversations = [
    {"type": "conversation", "id": one, "created_at": 1788220800, "updated_at": int(datetime(2026, 11, day, 12, tzinfo=timezone.utc).timestamp())}
    for one, day in days.items()
]


def fits(query, record):
    if query["operator"] in ("AND", "OR"):
        return (all if query["operator"] == "AND" else any)(fits(part, record) for part in query["value"])
    value, wanted = record[query["field"]], query["value"]
    return value > wanted if query["operator"] == ">" else value == wanted


class Intercom(BaseHTTPRequestHandler):
    out_of_order = None

    def answer(self, body, status=200):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = sorted((one for one in conversations if fits(asked["query"], one)), key=lambda one: one[asked["sort"]["field"]])
        self.answer({"type": "conversation.list", "pages": {"page": 1}, "conversations": found})

    def do_GET(self):
        one = self.path.split("?")[0].split("/")[-1]
        if one == "tags":
            return self.answer({"type": "list", "data": []})
        if one == Intercom.out_of_order:
            return self.answer({"type": "error.list", "errors": [{"code": "service_unavailable", "message": "later"}]}, 503)
        parts = [{"type": "conversation_part", "id": f"part of {one}", "updated_at": 1788220800, "created_at": 1788220800}]
        self.answer(next(known for known in conversations if known["id"] == one) | {"conversation_parts": {"conversation_parts": parts, "total_count": 1}})

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Intercom)
threading.Thread(target=server.serve_forever, daemon=True).start()


class Client(IntercomClient):
    def __init__(self, *args):
        super().__init__(*args)
        self.base_url = f"http://127.0.0.1:{server.server_port}"


tap = sys.modules["tap_intercom.sync"]  # the package has a function of the same name
tap.IntercomClient = Client


def run(state):
    catalog = discover()
    for entry in catalog.streams:
        chosen = entry.tap_stream_id in ("conversations", "conversation_parts")
        entry.metadata = singer.metadata.to_list(singer.metadata.write(singer.metadata.to_map(entry.metadata), (), "selected", chosen))
    shown, sys.stdout = sys.stdout, StringIO()
    try:
        tap.sync({"access_token": "secret", "start_date": "2026-11-01T00:00:00Z"}, state, catalog)
        end = "well"
    except Server5xxError:
        end = "with an error"
    lines, sys.stdout = [json.loads(line) for line in sys.stdout.getvalue().splitlines()], shown
    for stream in ("conversations", "conversation_parts"):
        read[stream] |= {line["record"]["id"] for line in lines if line["type"] == "RECORD" and line["stream"] == stream}
    return end, [line["value"] for line in lines if line["type"] == "STATE"][-1]


for broken in (None, "102"):
    read, state = {"conversations": set(), "conversation_parts": set()}, {}
    for Intercom.out_of_order in (broken, None, None):
        end, state = run(state)
        known, parts = (", ".join(sorted(read[stream])) for stream in ("conversations", "conversation_parts"))
        print(f"a run that ends {end}, known by now: {known}; {parts}")
    print(json.dumps(state["bookmarks"]))
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
a run that ends well, known by now: 101, 102, 103, 104; part of 101, part of 102, part of 103, part of 104
a run that ends well, known by now: 101, 102, 103, 104; part of 101, part of 102, part of 103, part of 104
a run that ends well, known by now: 101, 102, 103, 104; part of 101, part of 102, part of 103, part of 104
{"conversation_parts": {"updated_at": "2026-11-25T12:00:00.000000Z"}, "conversations": {"updated_at": "2026-11-25T12:00:00.000000Z"}}
a run that ends with an error, known by now: 101, 102; part of 101
a run that ends well, known by now: 101, 102, 103, 104; part of 101, part of 104
a run that ends well, known by now: 101, 102, 103, 104; part of 101, part of 104
{"conversation_parts": {"updated_at": "2026-11-25T12:00:00.000000Z"}, "conversations": {"updated_at": "2026-11-25T12:00:00.000000Z"}}
SEEN
echo "tap-intercom 2.2.5: as described"

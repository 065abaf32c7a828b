#!/bin/sh
# tap-twilio 0.2.2 (the Singer tap): of all accounts but the first, the calls before the newest of the account read before them are missing.
#
# Expected: the calls of every account that the main account lists, from `start_date` on; and at the next run those since.
# Seen: there is one bookmark for the calls of all accounts, moved forward after each. A subaccount, Twilio's way to keep two desks apart,
# is asked from the newest call of the account before it, so that a quiet line, or one with its last call a month ago, comes out empty. Each
# run begins behind the busiest of them and never goes back. The run ends well, and counts what came. Swapping the accounts swaps the loss.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check tap-twilio==0.2.2 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import sys
import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from urllib.parse import parse_qs, urlsplit

from tap_twilio.client import TwilioClient
from tap_twilio.discover import discover
from tap_twilio.streams import STREAMS
from tap_twilio.sync import sync

logging.disable()
midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
days_ago = {"AC-chat": [80, 50, 20, 5], "AC-emergency": [81, 60, 40, 21, 7, 6]}


class Service(BaseHTTPRequestHandler):
    """Two accounts and their calls, between the midnights asked for."""

    accounts = None

    def do_GET(self):
        address = urlsplit(self.path)
        asked = parse_qs(address.query)
        if address.path.endswith("/Accounts.json"):
            root = "/2010-04-01/Accounts/"
            answer = {"accounts": [{"sid": a, "subresource_uris": {"calls": f"{root}{a}/Calls.json"}} for a in Service.accounts]}
        else:
            account = address.path.split("/")[3]
            since, until = (datetime.fromisoformat(asked[name][0] + "T00:00+00:00") for name in ("EndTime>", "EndTime<"))
            ends = ((day, midnight - timedelta(days=day, hours=-9)) for day in days_ago[account])
            answer = {
                "calls": [
                    {"sid": f"CA-{account}-{day}", "end_time": format_datetime(at), "date_updated": format_datetime(at)}
                    for day, at in ends
                    if since <= at <= until
                ]
            }
        text = json.dumps({**answer, "next_page_uri": None}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
catalog = discover()
for stream in catalog.streams:
    if stream.tap_stream_id == "calls":
        stream.metadata[0]["metadata"]["selected"] = True
for stream in (STREAMS["accounts"], STREAMS["accounts"]["children"]["calls"]):
    stream["api_url"] = f"http://127.0.0.1:{server.server_port}"
client = TwilioClient("AC-chat", "token")
client._TwilioClient__verified = True
for Service.accounts in (["AC-chat"], ["AC-emergency"], ["AC-chat", "AC-emergency"], ["AC-emergency", "AC-chat"]):
    start = f"{midnight - timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}"
    written, sys.stdout = sys.stdout, StringIO()
    sync(client, {"start_date": start}, catalog, {})
    rows, sys.stdout = sys.stdout.getvalue(), written
    calls = [message["record"]["sid"] for message in map(json.loads, rows.splitlines()) if message["type"] == "RECORD"]
    came = {account: [int(sid.split("-")[-1]) for sid in dict.fromkeys(calls) if f"-{account}-" in sid] for account in Service.accounts}
    print("; ".join(f"{account}: of the calls {days_ago[account]} days ago {days}" for account, days in came.items()))
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
AC-chat: of the calls [80, 50, 20, 5] days ago [80, 50, 20, 5]
AC-emergency: of the calls [81, 60, 40, 21, 7, 6] days ago [81, 60, 40, 21, 7, 6]
AC-chat: of the calls [80, 50, 20, 5] days ago [80, 50, 20, 5]; AC-emergency: of the calls [81, 60, 40, 21, 7, 6] days ago []
AC-emergency: of the calls [81, 60, 40, 21, 7, 6] days ago [81, 60, 40, 21, 7, 6]; AC-chat: of the calls [80, 50, 20, 5] days ago [5]
SEEN
echo "tap-twilio 0.2.2: as described"

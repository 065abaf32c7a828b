#!/bin/sh
# tap-zendesk 2.8.2 (the Singer tap): what was said or left by phone is in no row of `ticket_comments`.
#
# Expected: every comment of a ticket, as Zendesk's own list of comments has them: Comment and VoiceComment.
# Seen: comments are taken out of the audits, and only events of the type Comment: a call or a voicemail of Zendesk Talk, with its
# transcript, its recording and its author, is left out, and a ticket that came by phone has no first comment. Every other ticket is whole,
# nothing is logged, and what counts comments or seeks words in them is short by the calls. The stream `ticket_audits` has them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check tap-zendesk==2.8.2 2>/dev/null
cat >try.py <<'PY'
import asyncio
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

from tap_zendesk.streams import TicketAudits, TicketComments

logging.disable()


def audit(number, kind, said):
    event = {"id": 10 * number, "type": kind, "body": said, "public": True, "author_id": 7}
    return {"id": number, "ticket_id": 1, "created_at": "2026-11-30T02:00:00Z", "via": {}, "metadata": {}, "events": [event]}


AUDITS = [
    audit(1, "VoiceComment", "Call from the guest: the smoke alarm is ringing"),
    audit(2, "Comment", "I called, please hurry"),
    audit(3, "VoiceComment", "Voicemail: somebody is hurt"),
]


class Account(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = json.dumps({"audits": AUDITS, "meta": {"has_more": False}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Account)
threading.Thread(target=server.serve_forever, daemon=True).start()
config = {"subdomain": "acme", "access_token": "token"}
audits, comments = TicketAudits(None, config), TicketComments(None, config)
audits.endpoint = f"http://127.0.0.1:{server.server_port}/{{}}/{{}}/audits.json"
for stream in (audits, comments):
    stream.stream = SimpleNamespace(tap_stream_id=stream.name)
[(found, said)] = asyncio.run(audits.sync_in_bulk([1], comments))
print("ticket_audits:", [record["events"][0]["type"] for _, record in found])
print("ticket_comments:", [(record["type"], record["body"]) for _, record in said])
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
ticket_audits: ['VoiceComment', 'Comment', 'VoiceComment']
ticket_comments: [('Comment', 'I called, please hurry')]
SEEN
echo "tap-zendesk 2.8.2: as described"

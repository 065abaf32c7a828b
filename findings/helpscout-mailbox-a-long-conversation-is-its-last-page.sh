#!/bin/sh
# helpscout-mailbox 1.2.0: of a long conversation the first page is all there is, and what a customer writes after the first look is never seen.
#
# Expected: conversation_threads() has the threads of a conversation and conversation_body() "all thread bodies", as they are when they are asked for; Help Scout
# gives them in pages, the newest first, and says how many there are.
# Seen: one page is read and totalPages is not looked at, so the beginning of a long story, where the harm is told, is missing. What was read is kept for the
# life of the client and given up only when this client writes: an hour later the customer's answer is not there, though the conversation itself is
# read anew and says that it was changed. No error, nothing in the log.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check helpscout-mailbox==1.2.0 2>/dev/null
cat >try.py <<'PY'
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from helpscout_mailbox import client as helpscout

written = [f"message {n}" for n in range(1, 61)]


class HelpScout(BaseHTTPRequestHandler):
    def answer(self, body):
        body = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"access_token": "token", "expires_in": 172800})

    def do_GET(self):
        at = urlsplit(self.path)
        if not at.path.endswith("/threads"):
            return self.answer({"id": 7, "threads": len(written)})
        number, newest = int(parse_qs(at.query).get("page", ["1"])[0]), written[::-1]
        threads = [{"id": n, "body": body} for n, body in enumerate(newest[25 * (number - 1) : 25 * number])]
        pages = {"size": 25, "totalElements": len(written), "totalPages": -(-len(written) // 25), "number": number}
        self.answer({"_embedded": {"threads": threads}, "page": pages})

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), HelpScout)
threading.Thread(target=server.serve_forever, daemon=True).start()
helpscout.BASE_URL = f"http://127.0.0.1:{server.server_port}/v2"
helpscout.TOKEN_URL = f"{helpscout.BASE_URL}/oauth2/token"
os.environ |= {helpscout.APP_ID_ENVVAR: "app", helpscout.APP_SECRET_ENVVAR: "secret"}
desk = helpscout.HelpScoutClient()


def look(when, desk):
    told = desk.conversation_body(7).splitlines()
    print(f"{when}: {desk.get_conversation(7)['threads']} threads, told {len(told)}, from {told[-1]!r} to {told[0]!r}")


look("at first", desk)
written.append("message 61, the dog is worse")
look("after an answer", desk)
look("by a new client", helpscout.HelpScoutClient())
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
at first: 60 threads, told 25, from 'message 36' to 'message 60'
after an answer: 61 threads, told 25, from 'message 36' to 'message 60'
by a new client: 61 threads, told 25, from 'message 37' to 'message 61, the dog is worse'
SEEN
echo "helpscout-mailbox 1.2.0: as described"

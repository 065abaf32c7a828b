#!/bin/sh
# python-helpscout 2.0.2: a search that is sent again, after the token ran out or a rate limit, is sent without what it searched for.
#
# Expected: the same request once more, as its answer is handed on as the answer to the first.
# Seen: after 401 and after 429 the client repeats path and body by itself but leaves the parameters out, so that the caller gets every
# active conversation for a tag, a status or a query that few of them meet, and not even those that do. Tokens last two days: whatever
# runs for longer meets this at its first call after each, and what it then does with "what was found" it does with all. No error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check python-helpscout==2.0.2 requests==2.34.2 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from helpscout.client import HelpScout

logging.disable()


class Account(BaseHTTPRequestHandler):
    """Four conversations; of a list without a status the active ones, as Help Scout has it. The next list is refused with `refuse`."""

    kept = ((1, "injury", "active"), (2, "prank", "closed"), (3, "injury", "active"), (4, "refund", "active"))
    refuse = None

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, {"access_token": "fresh", "token_type": "bearer", "expires_in": 172800})

    def do_GET(self):
        if Account.refuse:
            status, Account.refuse = Account.refuse, None
            return self.answer(status, {})
        asked = parse_qs(urlsplit(self.path).query)
        (status,), tags = asked.get("status", ["active"]), asked.get("tag")
        found = [{"id": id_} for id_, tag, state in Account.kept if status in ("all", state) and (not tags or tag in tags)]
        self.answer(200, {"_embedded": {"conversations": found}, "_links": {}, "page": {"number": 1}})

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Account)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = HelpScout("app", "secret", base_url=f"http://127.0.0.1:{server.server_port}/v2/", rate_limit_sleep=0)
for name, refuse in (("at once", None), ("after a token that ran out", 401), ("after a rate limit", 429)):
    Account.refuse = refuse
    print(f"pranks, {name}:", [one.id for one in client.conversations.get(params={"tag": "prank", "status": "all"})])
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
pranks, at once: [2]
pranks, after a token that ran out: [1, 3, 4]
pranks, after a rate limit: [1, 3, 4]
SEEN
echo "python-helpscout 2.0.2: as described"

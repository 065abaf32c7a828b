#!/bin/sh
# zammad_py 3.2.1: after an error inside `request_on_behalf_of` everything that follows is written in the name of that person.
#
# Expected: the block acts for the person that it names, and what stands behind it for the one from before, as its documentation's
# example is meant; however the block was left.
# Seen: the person from before is put back only when the block ends well. After any error that the caller catches, one refused article for
# instance, the agent's later notes are the customer's, to the last call of the process. And of a client that acts for
# nobody, as most do, the block cannot be entered at all: it raises KeyError, so that the header has to be set for good first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check zammad_py==3.2.1 requests==2.34.2 2>/dev/null
cat >try.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from requests.exceptions import HTTPError
from zammad_py import ZammadAPI


class Desk(BaseHTTPRequestHandler):
    """Takes articles and says in whose name they came; refuses those without a body."""

    def do_POST(self):
        article = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(f"  {article['subject']}: by {self.headers.get('X-On-Behalf-Of')}")
        answer = json.dumps({"id": 1} if article["body"] else {"error": "body is required"}).encode()
        self.send_response(201 if article["body"] else 422)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Desk)
threading.Thread(target=server.serve_forever, daemon=True).start()
at = f"http://127.0.0.1:{server.server_port}/api/v1/"


def write(client, subject, body="words"):
    client.ticket_article.create({"ticket_id": 7, "subject": subject, "body": body, "internal": True})


for name, body in (("a block that ends well", "words"), ("a block that does not", "")):
    print(name)
    client = ZammadAPI(at, http_token="token", on_behalf_of="agent@example.com")
    try:
        with client.request_on_behalf_of("customer@example.com"):
            write(client, "report", body)
    except HTTPError:
        print("  refused")
    write(client, "note of the agent")
print("a client that acts for nobody")
try:
    with ZammadAPI(at, http_token="token").request_on_behalf_of("customer@example.com") as client:
        write(client, "report")
except KeyError as raised:
    print("  KeyError:", raised)
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
a block that ends well
  report: by customer@example.com
  note of the agent: by agent@example.com
a block that does not
  report: by customer@example.com
  refused
  note of the agent: by customer@example.com
a client that acts for nobody
  KeyError: 'x-on-behalf-of'
SEEN
echo "zammad_py 3.2.1: as described"

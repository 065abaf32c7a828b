#!/bin/sh
# msteamsnotifiers 0.3.0: what it tells of an error is never valid JSON, so no such alert arrives and nobody learns it; and what it watches returns None.
#
# Expected: a function under notify_exceptions does what it did before, as in the documentation's own example, which keeps its sum, and when it raises the
# channel gets a card with what happened.
# Seen: the text is put between the quotes of the card as it is. The templates that are set by default have line breaks and quotes round the file's name,
# so every alert of an error and every notice that a job is done is broken, also for a parser that lets line breaks pass. What the
# server answers is not looked at. And the value of the watched function is dropped: who puts the decorator on a count of waiting claims has no count.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check msteamsnotifiers==0.3.0 friendly-traceback==0.7.61 requests==2.32.5 2>/dev/null
cat >try.py <<'PY'
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from msteamsnotifiers import Notifier


class Teams(BaseHTTPRequestHandler):
    answers = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = []
        for strict in True, False:  # False lets line breaks in a text pass
            try:
                json.loads(body, strict=strict)
            except ValueError as error:
                refused.append(error.msg)
        Teams.answers.append(f"400 ({', also '.join(refused)})" if refused else "202")
        self.send_response(400 if refused else 202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Teams)
threading.Thread(target=server.serve_forever, daemon=True).start()
socket.gethostbyname = lambda name: "127.0.0.1"  # it tells the machine's address; nothing is looked up here
notifier = Notifier(f"http://127.0.0.1:{server.server_port}")


def waiting(claims):
    return sum(claim["waits"] for claim in claims)


CLAIMS = [{"waits": 1}, {"waits": 0}, {"waits": 1}]
watched, told = notifier.notify_exceptions()(waiting), notifier.notify_complete()(waiting)
for name, do in {
    "a line of text": lambda: notifier.post_simple_teams_message("Claim 4711 waits.").status_code,
    "the count itself": lambda: waiting(CLAIMS),
    "the count, its errors watched": lambda: watched(CLAIMS),
    "the count, its errors watched, of a claim without the field": lambda: watched([{}]),
    "the count, its end told": lambda: told(CLAIMS),
}.items():
    Teams.answers.clear()
    try:
        value = do()
    except KeyError as error:
        value = repr(error)
    print(f"{name}: {value}; Teams: {', '.join(Teams.answers) or 'not asked'}")
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
a line of text: 202; Teams: 202
the count itself: 2; Teams: not asked
the count, its errors watched: None; Teams: not asked
the count, its errors watched, of a claim without the field: KeyError('waits'); Teams: 400 (Invalid control character at, also Expecting ',' delimiter)
the count, its end told: 2; Teams: 400 (Invalid control character at, also Expecting ',' delimiter)
SEEN
echo "msteamsnotifiers 0.3.0: as described"

#!/bin/sh
# notifiers 2.0.0: the logging handler's fallback does not pass the alert on, and is not asked at all in production or at an outage.
#
# Expected: a handler with a fallback sends the alert the second way when the first way fails, as the documentation has it.
# Seen: what goes the second way is that a message could not be sent and why; the message itself is in neither place. With logging.raiseExceptions off, which Python's
# documentation names for production and which is meant for printing errors, the fallback is not asked. Nor is it when the refusal is JSON
# without the field that the provider's errors are in, as {"status": 0} at 503: that is no text, joining it fails, and the failure is of no kind that
# the handler knows. So the desk that set up two ways hears of a waiting claim by neither.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check notifiers==2.0.0 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from notifiers.logging import NotificationHandler
from notifiers.providers import pushover


class Providers(BaseHTTPRequestHandler):
    first = second = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = 200, {"result": "success"}
        if self.path == "/first/messages.json":
            status, answer = self.first
        else:
            Providers.second = json.loads(body)["message"]
        answer = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Providers)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
pushover.Pushover.base_url = f"{address}/first/"
log = logging.Logger("desk")
log.addHandler(
    NotificationHandler(
        "pushover",
        defaults={"user": "user", "token": "token"},
        fallback="victorops",
        fallback_defaults={"rest_url": f"{address}/second", "message_type": "critical", "entity_id": "desk", "entity_display_name": "Desk"},
    )
)
refused, outage = (429, {"status": 0, "errors": ["application is over its quota"]}), (503, {"status": 0})
for name, answer, raising in ("refused", refused, True), ("refused, in production", refused, False), ("outage", outage, True), ("outage, in production", outage, False):
    Providers.first, Providers.second, logging.raiseExceptions = answer, None, raising
    log.error("Claim %s waits for %d hours.", "4711", 30)
    print(f"{name}: the second way got {Providers.second!r}; the claim is named: {'4711' in (Providers.second or '')}")
server.shutdown()
PY
env/bin/python try.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
refused: the second way got "Could not log msg to provider 'pushover'!\nNotification errors: application is over its quota"; the claim is named: False
refused, in production: the second way got None; the claim is named: False
outage: the second way got None; the claim is named: False
outage, in production: the second way got None; the claim is named: False
SEEN
echo "notifiers 2.0.0: as described"

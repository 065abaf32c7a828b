#!/bin/sh
# flask-opsgenie 0.5.4: an alert about one request names the exception of another, however long ago that was told of.
#
# Expected: the details of an alert are those of the request that it is about.
# Seen: the details of all alerts are one dictionary, the configured one, which alerts write into and nothing clears. From the first
# exception on, every alert about a status or a slow answer names it as its own, of whichever endpoint, until another one takes
# its place: whoever is paged looks for the wrong fault, and what the one customer's request said goes out with alerts about others.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check flask-opsgenie==0.5.4 flask==2.3.3 werkzeug==3.1.9 requests==2.34.2 2>/dev/null
cat >try.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from flask import Flask
from flask_opsgenie import FlaskOpsgenie
from flask_opsgenie.entities import AlertType


class Pager(BaseHTTPRequestHandler):
    """Takes alerts as Opsgenie does and prints what they say of the request."""

    def do_POST(self):
        details = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["details"]
        told = (f"{name} {details.get(name, '-')}" for name in ("status_code", "exception"))
        print(f"  alert about {details['endpoint']}:", ", ".join(told))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Pager)
threading.Thread(target=server.serve_forever, daemon=True).start()
desk = Flask("desk")
desk.config |= {"OPSGENIE_TOKEN": "token", "OPSGENIE_API_BASE": f"http://127.0.0.1:{server.server_port}", "SERVICE_ID": "desk"}
desk.config |= {"ALERT_STATUS_CODES": [502, 503]}
pager = FlaskOpsgenie(desk)


@desk.route("/case/<number>")
def case(number):
    try:
        raise ValueError(f"case {number} has no queue")
    except ValueError as error:
        pager.raise_exception_alert(alert_type=AlertType.EXCEPTION, exception=error)
    return "", 200


@desk.route("/busy")
def busy():
    return "", 503


@desk.route("/upstream")
def upstream():
    return "", 502


caller = desk.test_client()
for path in ("/upstream", "/case/7", "/busy", "/upstream"):
    print("asked for", path)
    caller.get(path)
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
asked for /upstream
  alert about /upstream: status_code 502, exception -
asked for /case/7
  alert about /case/7: status_code -, exception case 7 has no queue
asked for /busy
  alert about /busy: status_code 503, exception case 7 has no queue
asked for /upstream
  alert about /upstream: status_code 502, exception case 7 has no queue
SEEN
echo "flask-opsgenie 0.5.4: as described"

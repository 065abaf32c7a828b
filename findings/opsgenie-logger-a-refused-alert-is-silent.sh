#!/bin/sh
# opsgenie-logger 0.1.6: an alert that Opsgenie refuses is gone without a word, the team's name never arrives, and the second claim pages nobody.
#
# Expected: the team named "should receive the alert"; what cannot be sent is told of, as a failed connection is; each error is an alert.
# Seen: the answer is not looked at, so a wrong key, a limit or an outage (422, 429, 503) looks like a page that went out. The team is sent as visible_to, a
# field that Opsgenie has as visibleTo (its own SDK below), and is not sent as a responder at all: whom it reaches is the key's affair. The alias, by which
# Opsgenie joins alerts while the first is open, is the line of code: what one line says of two claims is one alert with a count of two, and
# of two different exceptions under one try as well.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check opsgenie-logger==0.1.6 opsgenie-sdk==2.1.5 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import opsgenie_logger
import opsgenie_sdk
import requests

known = set(opsgenie_sdk.CreateAlertPayload.attribute_map.values())


class Opsgenie(BaseHTTPRequestHandler):
    status, alerts, unknown = 202, {}, set()

    def do_POST(self):
        alert = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Opsgenie.unknown |= set(alert) - known
        if Opsgenie.status == 202:  # one that is open takes those with its alias
            Opsgenie.alerts.setdefault(alert["alias"], []).append(alert["message"])
        self.send_response(Opsgenie.status)
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Opsgenie)
threading.Thread(target=server.serve_forever, daemon=True).start()
post = requests.post
requests.post = lambda url, **given: post(f"http://127.0.0.1:{server.server_port}", **given)

log = logging.Logger("desk")
log.addHandler(opsgenie_logger.OpsGenieHandler("key", "trust and safety"))


def tell(claim):
    log.error("Claim %s waits.", claim)


def work(claim):
    try:
        {"4711": lambda: 1 / 0, "4712": lambda: [][0]}[claim]()
    except Exception:
        log.exception("Claim %s failed.", claim)


for Opsgenie.status in (202, 422, 429, 503):
    Opsgenie.alerts.clear()
    log.critical("The queue is not read.")
    print(f"answered with {Opsgenie.status}: {len(Opsgenie.alerts)} alert, nothing raised")
Opsgenie.status = 202
for say in (tell, work):
    Opsgenie.alerts.clear()
    say("4711")
    say("4712")
    print(f"{len(Opsgenie.alerts)} alert: {' and '.join(map(repr, list(Opsgenie.alerts.values())[0]))}")
print("sent under a name that Opsgenie has not:", Opsgenie.unknown, "which is", opsgenie_sdk.CreateAlertPayload.attribute_map["visible_to"])
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
answered with 202: 1 alert, nothing raised
answered with 422: 0 alert, nothing raised
answered with 429: 0 alert, nothing raised
answered with 503: 0 alert, nothing raised
1 alert: 'Claim 4711 waits.' and 'Claim 4712 waits.'
1 alert: 'Claim 4711 failed.' and 'Claim 4712 failed.'
sent under a name that Opsgenie has not: {'visible_to'} which is visibleTo
SEEN
echo "opsgenie-logger 0.1.6: as described"

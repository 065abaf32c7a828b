#!/bin/sh
# pagerduty 7.2.0 (the official Python client): a trigger whose answer was lost is sent again without a key, and pages twice.
#
# Expected: one alert for one call of `trigger`. The client sends again by itself after 500, 502, 503, 504 and network errors, so it
# would have to send the same deduplication key each time, made by itself where the caller gave none.
# Seen: without `dedup_key` each attempt is a new alert with a key of the service's making; the caller gets the key of the last one
# only. Acknowledging or resolving by that key leaves the others open, and they escalate. Give a key of your own.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pagerduty==7.2.0 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout key.pem -out cert.pem 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from pagerduty import EventsApiV2Client

logging.disable()


class Service(BaseHTTPRequestHandler):
    """Takes events as PagerDuty does, but the answer to the first two of a kind comes from a proxy that gave up waiting."""

    alerts, lost = {}, 0

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = event.get("dedup_key") or f"made-{len(Service.alerts) + 1}"
        Service.alerts[key] = {"trigger": "open", "resolve": "resolved"}[event["event_action"]]
        Service.lost -= 1
        status, body = (504, {}) if Service.lost >= 0 else (202, {"status": "success", "dedup_key": key})
        answer = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Service)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("cert.pem", "key.pem")
server.socket = tls.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()

client = EventsApiV2Client("R0000000000000000000000000000000", base_url=f"https://localhost:{server.server_port}")
client.sleep_timer = 0.01
for name, given in (("without a key", {}), ("with a key", {"dedup_key": "case-1"})):
    Service.alerts, Service.lost = {}, 2
    client.resolve(client.trigger("severity 1 waits", "desk", **given))
    print(f"{name}: {len(Service.alerts)} alerts, {sum(state == 'open' for state in Service.alerts.values())} open after resolving")
server.shutdown()
PY
SSL_CERT_FILE="$folder/cert.pem" env/bin/python try.py | tee seen
diff seen - <<'SEEN'
without a key: 3 alerts, 2 open after resolving
with a key: 1 alerts, 0 open after resolving
SEEN
echo "pagerduty 7.2.0: as described"

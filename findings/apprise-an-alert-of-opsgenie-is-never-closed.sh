#!/bin/sh
# apprise 2.3.0: with Opsgenie a message of the default type is not sent and notify says True; and no alert is ever closed, acknowledged or noted on.
#
# Expected: notify() is True when the message went out. By default (action "map") a warning or a failure opens an alert and a success closes it again.
# Seen: a message whose type is not given is "info", which is a note on an alert that is open already; without one no request is made and notify is True: a
# page by notify(title=..., body=...) pages nobody. For the closing, the id of the request is kept and used as the alert's id. Opsgenie's documents give
# the two as different things: it works later, answers 202 to whatever it can read, and tells the alert's id when it is asked for the request.
# So each success is True, nothing is closed, and the people on duty go on being paged for what is done. Without a title all messages have one key, so
# the second alert replaces the first and the close of the first is sent for the second.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check apprise==2.3.0 2>/dev/null
cat >try.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import apprise
from apprise.plugins import opsgenie


class Opsgenie(BaseHTTPRequestHandler):
    alerts, requests = {}, []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parts = urlsplit(self.path).path.split("/")[3:]
        if not parts:
            alert = f"alert-{len(self.alerts) + 1}"
            self.alerts[alert] = [body["message"], "open"]
            result = f"created {alert}"
        elif parts[0] not in self.alerts:
            result = f"{parts[1]} {parts[0]}: alert does not exist"
        else:
            self.alerts[parts[0]][1] = "closed" if parts[1] == "close" else self.alerts[parts[0]][1]
            result = f"{parts[1]} {parts[0]}: done"
        self.requests.append(result)  # what GET /v2/alerts/requests/:id would tell
        answer = json.dumps({"result": "Request will be processed", "took": 0.1, "requestId": f"request-{len(self.requests)}"}).encode()
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Opsgenie)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/v2/alerts"
opsgenie.OPSGENIE_API_LOOKUP["us"] = address
opsgenie.NotifyOpsgenie.request_rate_per_sec = 0


def desk(name, *messages):
    Opsgenie.alerts.clear()
    Opsgenie.requests.clear()
    pager = apprise.Apprise()
    pager.add("opsgenie://00000000-0000-0000-0000-000000000000/#desk")
    print(f"{name}: notify {[bool(pager.notify(**message)) for message in messages]}")
    print(f"  requests {Opsgenie.requests}; alerts {list(Opsgenie.alerts.values())}")


claim, other = {"title": "Claim 4711", "body": "waits"}, {"title": "Claim 4712", "body": "waits"}
desk("type not given", claim)
desk("failure, success", claim | {"notify_type": "failure"}, claim | {"notify_type": "success"})
desk("failure, info", claim | {"notify_type": "failure"}, claim | {"notify_type": "info"})
first, second = {"body": "Claim 4711 waits"}, {"body": "Claim 4712 waits"}
desk("no titles: failure, failure, success of the first", *(m | {"notify_type": t} for m, t in ((first, "failure"), (second, "failure"), (first, "success"))))
urlopen(Request(f"{address}/alert-1/close?identifierType=id", b"{}", {"Content-Type": "application/json"})).close()
print(f"closed by the alert's own id: {Opsgenie.requests[-1]}")
server.shutdown()
PY
env/bin/python try.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
type not given: notify [True]
  requests []; alerts []
failure, success: notify [True, True]
  requests ['created alert-1', 'close request-1: alert does not exist']; alerts [['Claim 4711', 'open']]
failure, info: notify [True, True]
  requests ['created alert-1', 'notes request-1: alert does not exist']; alerts [['Claim 4711', 'open']]
no titles: failure, failure, success of the first: notify [True, True, True]
  requests ['created alert-1', 'created alert-2', 'close request-2: alert does not exist']; alerts [['Claim 4711 waits', 'open'], ['Claim 4712 waits', 'open']]
closed by the alert's own id: close alert-1: done
SEEN
echo "apprise 2.3.0: as described"

#!/bin/sh
# ntfy-lite 1.0.3: a page logged as "claim %s waits" says just that, comes again each time though told not to, and its button cannot post.
#
# Expected: NtfyHandler sends "the record message", as any logging handler does; with twice_in_a_row=False similar records that follow each other are sent
# once; HttpAction with HttpMethod.POST makes the phone send a POST, which ntfy has as method=POST.
# Seen: the text is sent before its arguments are put in, so which claim waits, and for how long, is in no page. The option is only looked at once something was
# remembered, and nothing ever is. The button is sent with the number that Python gave the member of the enum, method=2: nobody can
# acknowledge by it. Nothing is raised and the server says 200.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ntfy-lite==1.0.3 2>/dev/null
cat >try.py <<'PY'
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import ntfy_lite


class Ntfy(BaseHTTPRequestHandler):
    sent = []

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Ntfy.sent.append((body, self.headers["Actions"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Ntfy)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

for option in (True, False):
    Ntfy.sent.clear()
    log = logging.Logger(f"desk {option}")
    log.addHandler(ntfy_lite.NtfyHandler("oncall", url=url, twice_in_a_row=option))
    for attempt in range(3):
        log.error("The queue is not read.")
    log.error("Claim %s waits for %d minutes.", "4711", 50)
    print(f"twice_in_a_row={option}: " + " | ".join(body for body, _ in Ntfy.sent))

for method in ntfy_lite.HttpMethod:
    Ntfy.sent.clear()
    button = ntfy_lite.HttpAction("Acknowledge", "https://desk.example.com/claims/4711/ack", method=method)
    ntfy_lite.push("oncall", "desk", message="Claim 4711 waits.", actions=button, url=url)
    print(f"{method.name}: {Ntfy.sent[0][1]}")
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
twice_in_a_row=True: The queue is not read. | The queue is not read. | The queue is not read. | Claim %s waits for %d minutes.
twice_in_a_row=False: The queue is not read. | The queue is not read. | The queue is not read. | Claim %s waits for %d minutes.
GET: http, label=Acknowledge, url=https://desk.example.com/claims/4711/ack, clear=false, method=1
POST: http, label=Acknowledge, url=https://desk.example.com/claims/4711/ack, clear=false, method=2
PUT: http, label=Acknowledge, url=https://desk.example.com/claims/4711/ack, clear=false, method=3
SEEN
echo "ntfy-lite 1.0.3: as described"

#!/bin/sh
# betterstack-uptime 2.0.1 (Python): a step of an escalation policy that is changed and saved is not sent, and nothing says so.
#
# Expected: save() sends the attributes that changed, as its documentation says: "only modified fields are sent".
# Seen: what they are compared with is the same list, not a copy of it. A shorter wait, or a second step, put into the steps of a policy is
# there on both sides: no request is made, no error is raised, and the policy at hand shows the change. The next save of some other
# attribute sends that alone, and its answer brings the old steps back. So with the regions of a monitor. A new list is sent, so that a
# script that assigns works. Who changes a step in place believes that somebody is called after a minute; it is after an hour.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check betterstack-uptime==2.0.1 2>/dev/null
cat >try.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from betterstack.uptime import EscalationPolicy, UptimeAPI


class Service(BaseHTTPRequestHandler):
    """One policy that calls who is on duty after an hour; a PATCH changes what it names and answers with the whole."""

    policy = {"name": "Night", "repeat_count": 3, "steps": [{"type": "escalation", "wait_before": 3600, "step_members": [{"type": "current_on_call"}]}]}
    sent = None

    def answer(self, data):
        text = json.dumps({"data": data, "pagination": {"first": None, "last": None, "prev": None, "next": None}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer([{"id": "9", "type": "policy", "attributes": Service.policy}])

    def do_PATCH(self):
        Service.sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Service.policy.update(Service.sent)
        self.answer({"id": "9", "type": "policy", "attributes": Service.policy})

    def log_message(self, *_):
        pass


def save(what):
    Service.sent = None
    policy.save()
    waits = [step["wait_before"] for step in policy.steps]
    print(f"{what}: sent {sorted(Service.sent or ())}, waits at hand {waits}, kept {[s['wait_before'] for s in Service.policy['steps']]}")


server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
api = UptimeAPI("token")
api.base_url = f"http://127.0.0.1:{server.server_port}/api/v2/"
(policy,) = EscalationPolicy.get_all_instances(api)
policy.steps[0]["wait_before"] = 60
save("a shorter wait")
policy.steps.append({"type": "escalation", "wait_before": 300, "step_members": [{"type": "entire_team"}]})
save("a second step")
policy.repeat_count = 5
save("more rounds")
policy.steps = [{**policy.steps[0], "wait_before": 60}]
save("a new list")
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
a shorter wait: sent [], waits at hand [60], kept [3600]
a second step: sent [], waits at hand [60, 300], kept [3600]
more rounds: sent ['repeat_count'], waits at hand [3600], kept [3600]
a new list: sent ['steps'], waits at hand [60], kept [60]
SEEN
echo "betterstack-uptime 2.0.1: as described"

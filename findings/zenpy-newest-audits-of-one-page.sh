#!/bin/sh
# zenpy 2.0.57: `reversed(client.tickets.audits())`, the way to the newest audits first, loses an account's only page.
#
# Expected: the audits of the page, newest first, or an empty list when there are none.
# Seen: with one page (no before_url) StopIteration is raised by `reversed` itself although the page holds audits; inside a
# generator Python turns that into RuntimeError. Read forwards the same answer gives all of them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check zenpy==2.0.57 2>/dev/null
cat >try.py <<'PY'
import json

import requests
from requests.adapters import BaseAdapter
from zenpy import Zenpy

PAGE = {
    "audits": [{"id": n, "ticket_id": 1, "events": []} for n in (1, 2, 3)],
    **dict.fromkeys(("before_url", "after_url", "before_cursor", "after_cursor")),
}


class Here(BaseAdapter):
    def send(self, request, **more):
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url, request
        answer.headers["Content-Type"] = "application/json"
        answer._content = json.dumps(PAGE).encode()
        return answer

    def close(self):
        pass


session = requests.Session()
session.mount("https://", Here())
client = Zenpy(subdomain="acme", email="agent@example.com", token="token", session=session)
print("forwards:", [audit.id for audit in client.tickets.audits()])
try:
    print("reversed:", [audit.id for audit in reversed(client.tickets.audits())])
except StopIteration:
    print("reversed: StopIteration")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
forwards: [1, 2, 3]
reversed: StopIteration
SEEN
echo "zenpy 2.0.57: as described"

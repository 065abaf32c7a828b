#!/bin/sh
# pyfreshdesk 0.1.13: every client of a process reads and writes the account of the first one; and a ticket ends at its thirtieth message.
#
# Expected: a client made with a domain and a key talks to that domain with that key; the conversations of a ticket, or a way to their pages.
# Seen: the parts that make the requests are made once, for the first client, and hang on the class. A second client has the right hostname
# and hands on what the first account says: ticket 7 of another desk, under its own number, and an update changes that one. No error, as the
# first key is valid there. The list of a ticket's conversations is the service's first page, which holds 30, with no argument for another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyfreshdesk==0.1.13 requests==2.34.2 2>/dev/null
cat >try.py <<'PY'
import json
from urllib.parse import urlsplit

import requests
from freshdesk import Client

subjects = {"desk-eu": "A parcel is late", "desk-us": "Somebody waits outside"}
keys = {"desk-eu": "key-eu", "desk-us": "key-us"}
empty = ("thread_id", "thread_message_id", "automation_id", "automation_type_id", "source_additional_info", "last_edited_at")
empty += ("bcc_emails", "from_email", "support_email", "email_failure_count", "outgoing_failures", "last_edited_user_id")
lists = {"to_emails": [], "cc_emails": [], "attachments": []}
flags = {"incoming": True, "private": False, "auto_response": False}
times = dict.fromkeys(("created_at", "updated_at"), "2026-11-30T09:00:00Z")
written = {**dict.fromkeys(empty), **lists, **flags, **times, "ticket_id": 7, "user_id": 1, "source": 0, "category": 1}
said = [{**written, "id": n, "body": f"<p>{n}</p>", "body_text": str(n)} for n in range(1, 46)]


class Service(requests.adapters.HTTPAdapter):
    """Two accounts with a ticket 7 each; a key of another account is refused; 30 conversations on a page unless more are asked for."""

    def send(self, request, **_):
        account = urlsplit(request.url).hostname.split(".")[0]
        answer, status = {"id": 7, "subject": subjects[account]}, 200
        if request.headers["Authorization"] != requests.auth._basic_auth_str(keys[account], "dummy"):
            answer, status = {"code": "invalid_credentials"}, 401
        elif request.method == "PUT":
            subjects[account] = answer["subject"] = json.loads(request.body)["subject"]
        elif request.url.endswith("/conversations"):
            answer = said[:30]
        response = requests.Response()
        response.status_code, response._content, response.request = status, json.dumps(answer).encode(), request
        return response


mount = requests.Session.__init__


def init(session):
    mount(session)
    session.mount("https://", Service())


requests.Session.__init__ = init
for domain in ("desk-eu", "desk-us"):
    client = Client(domain=domain, api_key=keys[domain])
    print(f"{client.hostname}: ticket 7 is {client.ticket(7).subject!r}")
client.update_ticket(7, {"subject": "Police are called"})
print("after the update of the second:", subjects)
print(f"of {len(said)} conversations: {len(client.conversations(7))}")
PY
env/bin/python try.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
https://desk-eu.freshdesk.com: ticket 7 is 'A parcel is late'
https://desk-us.freshdesk.com: ticket 7 is 'A parcel is late'
after the update of the second: {'desk-eu': 'Police are called', 'desk-us': 'Somebody waits outside'}
of 45 conversations: 30
SEEN
echo "pyfreshdesk 0.1.13: as described"

#!/bin/sh
# zenpy 2.0.57: looking an organization up by its external id asks Zendesk for another id.
#
# Expected: GET …/organizations/search.json?external_id=4711 with the id percent-encoded.
# Seen: the rest of the query is glued to the id with a second question mark, so that the id asked for is "4711?include=None"
# or "4711?page[size]=100" (which of them comes first varies from run to run); an "&" in an id is not encoded and ends it. Zendesk answers with an empty list, no error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check zenpy==2.0.57 2>/dev/null
cat >try.py <<'PY'
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter
from zenpy import Zenpy


class Here(BaseAdapter):
    """Answers every request with no organizations and says what was asked for."""

    def send(self, request, **more):
        (asked,) = parse_qs(urlsplit(request.url).query)["external_id"]
        print("  asked for", repr(asked.partition("?")[0]), "and more behind a question mark" if "?" in asked else "")
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url, request
        answer.headers["Content-Type"] = "application/json"
        answer._content = b'{"organizations": [], "count": 0, "next_page": null, "previous_page": null}'
        return answer

    def close(self):
        pass


session = requests.Session()
session.mount("https://", Here())
client = Zenpy(subdomain="acme", email="agent@example.com", token="token", session=session)
for id_ in ("4711", "north & south"):
    print("organizations.external", repr(id_))
    list(client.organizations.external(id_))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
organizations.external '4711'
  asked for '4711' and more behind a question mark
organizations.external 'north & south'
  asked for 'north ' 
SEEN
echo "zenpy 2.0.57: as described"

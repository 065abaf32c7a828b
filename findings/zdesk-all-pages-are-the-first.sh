#!/bin/sh
# zdesk 2.8.1: `get_all_pages=True` returns the first page where Zendesk pages by cursor, and where an export's page is not full.
#
# Expected: all pages, as with lists by offset; or an error that cursors are not followed.
# Seen: `links.next` with `meta.has_more` (every list asked with page[size], the only paging Zendesk still recommends) and
# `after_url` with `end_of_stream: false` (exports by cursor) are not looked at; an export by time ends at the first page of
# fewer than 1,000 rows, so with per_page below that after one page. No error, no warning: a backup or a report is short.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check zdesk==2.8.1 2>/dev/null
cat >try.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from zdesk import Zendesk


class Account(BaseHTTPRequestHandler):
    """Three pages of one ticket each, with each kind of paging."""

    def do_GET(self):
        here = f"http://127.0.0.1:{self.server.server_port}{urlsplit(self.path).path}"
        asked = parse_qs(urlsplit(self.path).query)
        page = int(asked.get("at", ["1"])[0])
        more, following = page < 3, f"{here}?at={page + 1}"
        body = {"tickets": [{"id": page}]}
        if here.endswith("cursor.json"):
            body |= {"after_url": following, "end_of_stream": not more}
        elif here.endswith("incremental/tickets.json"):
            body |= {"next_page": following, "count": 1, "end_of_stream": not more}
        elif "page[size]" in asked:
            body |= {"links": {"next": following if more else None}, "meta": {"has_more": more}}
        else:
            body |= {"next_page": following if more else None, "count": 3}
        answer = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Account)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Zendesk(f"http://127.0.0.1:{server.server_port}", "agent@example.com", "token", True)
kinds = {
    "by offset": ("/api/v2/tickets.json", {}),
    "by cursor": ("/api/v2/tickets.json", {"page[size]": 1}),
    "export by cursor": ("/api/v2/incremental/tickets/cursor.json", {"start_time": 1}),
    "export by time": ("/api/v2/incremental/tickets.json", {"start_time": 1, "per_page": 1}),
}
for name, (path, query) in kinds.items():
    tickets = client.call(path, query=query, get_all_pages=True)["tickets"]
    print(f"{name}: {[ticket['id'] for ticket in tickets]}")
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
by offset: [1, 2, 3]
by cursor: [1]
export by cursor: [1]
export by time: [1]
SEEN
echo "zdesk 2.8.1: as described"

#!/bin/sh
# python-zendesk-sdk 0.16.2: a search that Zendesk refuses is answered as one that found nothing, and one cut at 1,000 as a whole one.
#
# Expected: an error. Zendesk answers a query that it cannot read with 422 and says why; and 422 too from the 1,001st result on, which
# the package's own documentation names as an example of its pagination error.
# Seen: 422 ends the walk through the pages as their end does, whatever it says and on the first page too, so that `collect` and
# `async for` return what came until then. A slip in a date, and the watch for unanswered tickets sees none; 2,500 tickets
# are 1,000, while `count` says 2,500. Other refusals raise. `get_page` raises on 422 as well: ask it for the first page.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check python-zendesk-sdk==0.16.2 httpx==0.28.1 pydantic==2.14.4 2>/dev/null
cat >try.py <<'PY'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from zendesk_sdk import ZendeskClient, ZendeskConfig


class Account(BaseHTTPRequestHandler):
    """2,500 tickets, of which a search returns the first 1,000; a query with a date that it cannot read is refused."""

    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        query, page, size = asked["query"][0], int(asked["page"][0]), int(asked["per_page"][0])
        numbers = range((page - 1) * size + 1, page * size + 1)
        status = 200
        if "<1 day" in query:
            status, body = 422, {"error": "invalid", "description": "Invalid search: the date cannot be read"}
        elif "forbidden" in query:
            status, body = 403, {"error": "Forbidden"}
        elif numbers[-1] > 1000:
            status, body = 422, {"error": "invalid", "description": "Invalid search: more than the limit"}
        else:
            following = f"http://{self.headers['Host']}/api/v2/search.json?page={page + 1}"
            found = [{"id": number, "result_type": "ticket"} for number in numbers]
            body = {"results": found, "count": 2500, "next_page": following, "previous_page": None}
        answer = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Account)
threading.Thread(target=server.serve_forever, daemon=True).start()


class Here(ZendeskConfig):
    @property
    def endpoint(self):
        return f"http://127.0.0.1:{server.server_port}/api/v2"


async def told(wanted):
    try:
        return f"{len(await wanted)} tickets"
    except Exception as raised:
        return type(raised).__name__


async def main():
    async with ZendeskClient(Here(subdomain="desk", email="agent@example.com", token="token")) as client:
        for query in ("status:open", 'status:open due_date:"<1 day"', "group:forbidden"):
            search = client.search.tickets(query)
            print(f"{query}: {await told(search.collect())}, first page alone: {await told(client.search.tickets(query).get_page(1))}")
        print("status:open, count:", await client.search.tickets("status:open").count())


asyncio.run(main())
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
status:open: 1000 tickets, first page alone: 100 tickets
status:open due_date:"<1 day": 0 tickets, first page alone: ZendeskHTTPException
group:forbidden: ZendeskPaginationException, first page alone: ZendeskAuthException
status:open, count: 2500
SEEN
echo "python-zendesk-sdk 0.16.2: as described"

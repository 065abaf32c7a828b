#!/bin/sh
# promql-http-api 0.3.4 and prometheus-api-client 0.7.2: asked for now, a process asks for the moment when it was started, for as long as it runs.
#
# Expected: a query without a time is one about now (so Prometheus' HTTP API, where `time` may be left out: the current time of the server), and a range
# without its ends the ten minutes until now.
# Seen: both have `datetime.now()` as the default of an argument, which Python works out once, when the library is loaded. What watches a number
# each minute sees the one of its start each time: the query works, the number stands still, and no alarm comes however many claims wait. Once the
# moment is older than what Prometheus keeps, nothing is found. `custom_query` of the second sends no time and is right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check promql-http-api==0.3.4 'prometheus-api-client[dataframe]==0.7.2' 2>/dev/null
cat >try.py <<'PY'
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from prometheus_api_client import PrometheusConnect
from promql_http_api import PromqlHttpApi

asked = []


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(parse_qs(urlsplit(self.path).query).get("time", [None])[0])
        found = [{"metric": {"__name__": "waiting"}, "value": [0, "2"]}]
        answer = json.dumps({"status": "success", "data": {"resultType": "vector", "result": found}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
first, second = PromqlHttpApi(address), PrometheusConnect(address)
for name, ask in (
    ("promql-http-api query", lambda: first.query("waiting").to_dataframe()),
    ("prometheus-api-client get_metric_range_data", lambda: second.get_metric_range_data("waiting")),
    ("prometheus-api-client custom_query", lambda: second.custom_query("waiting")),
):
    asked.clear()
    for _ in range(2):
        ask()
        time.sleep(1.2)
    times = ["none" if one is None else "the same" if one == asked[0] and n else "a moment" for n, one in enumerate(asked)]
    print(f"{name}, twice, more than a second apart: asks for {', then '.join(times)}")
server.shutdown()
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
promql-http-api query, twice, more than a second apart: asks for a moment, then the same
prometheus-api-client get_metric_range_data, twice, more than a second apart: asks for a moment, then the same
prometheus-api-client custom_query, twice, more than a second apart: asks for none, then none
SEEN
echo "promql-http-api 0.3.4, prometheus-api-client 0.7.2: as described"

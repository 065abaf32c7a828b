#!/bin/sh
# aiopromql 0.1.2: in the hour after the clocks went back the latest value of a series is that of up to an hour before.
#
# Expected: `latest()` the most recent point, as its documentation says; Prometheus numbers its points by seconds since 1970, which no clock moves.
# Seen: the seconds become naive times of the machine's zone, and the largest of these is taken. In the hour that comes twice 02:59 of the first round is
# larger than all of the second: a count of waiting claims that has gone from 2 to 40 is 2 until three o'clock, and an alarm on it is not heard.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check aiopromql==0.1.2 2>/dev/null
cat >try.py <<'PY'
import os
import time
from datetime import datetime, timedelta, timezone

from aiopromql.models.prometheus import PrometheusResponseModel

os.environ["TZ"] = "Europe/Berlin"
time.tzset()


def asked(at):
    """What Prometheus answers about the hour until then, a point each ten minutes: two wait, from 01:05 UTC on forty."""
    changed = datetime(2026, 10, 25, 1, 5, tzinfo=timezone.utc)
    moments = [at - timedelta(minutes=10 * n) for n in range(6, -1, -1)]
    values = [[moment.timestamp(), "40" if moment >= changed else "2"] for moment in moments]
    answer = {"resultType": "matrix", "result": [{"metric": {"__name__": "claims_waiting"}, "values": values}]}
    (series,) = PrometheusResponseModel(status="success", data=answer).to_metric_map().values()
    return series.latest()


for hour, minute in ((0, 30), (1, 0), (1, 10), (1, 50), (2, 0)):
    at = datetime(2026, 10, 25, hour, minute, tzinfo=timezone.utc)
    latest = asked(at)
    print(f"{at:%H:%M} UTC, {at.astimezone():%H:%M %Z}: latest {latest.value:g} of {latest.timestamp:%H:%M}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
00:30 UTC, 02:30 CEST: latest 2 of 02:30
01:00 UTC, 02:00 CET: latest 2 of 02:50
01:10 UTC, 02:10 CET: latest 2 of 02:50
01:50 UTC, 02:50 CET: latest 2 of 02:50
02:00 UTC, 03:00 CET: latest 40 of 03:00
SEEN
echo "aiopromql 0.1.2: as described"

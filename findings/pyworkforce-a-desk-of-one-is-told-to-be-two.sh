#!/bin/sh
# pyworkforce 0.5.1: required_positions asks for one person more than its own service_level needs, where an answer may take its time.
#
# Expected: the smallest number of people that reaches the service level and keeps up with the work, by the same class's service_level.
# Seen: it begins to look at the load plus one, rounded, and never looks below. Where the load's fraction is a half or more (and a half itself
# goes to the even number) that is one above the smallest number that keeps up. For calls answered within seconds more people are needed
# anyway and all is right; for cases to be answered within an hour, four an hour of ten minutes each, one person answers 91 % in time and two
# are asked for. A quarter of the loads up to 120 cases an hour is off, the small ones by the largest share.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyworkforce==0.5.1 2>/dev/null
cat >try.py <<'PY'
from math import floor

from pyworkforce.queuing import ErlangC


def smallest(queue, level):
    people = floor(queue.intensity) + 1  # fewer do not keep up
    while queue.service_level(people) < level:
        people += 1
    return people


for an_hour in (4, 10, 13, 15, 16, 21, 22):
    queue = ErlangC(transactions=an_hour, aht=10, asa=60, interval=60)
    needed, asked = smallest(queue, 0.8), queue.required_positions(service_level=0.8)["raw_positions"]
    print(f"{an_hour} an hour: load {queue.intensity:.2f}, {needed} answer {queue.service_level(needed):.0%} in time, asked for {asked}")
for what, handling, within in (("calls of 3 minutes in 20 seconds", 3, 20 / 60), ("cases of 10 minutes in an hour", 10, 60)):
    queues = [ErlangC(transactions=n, aht=handling, asa=within, interval=60) for n in range(1, 121)]
    asked = [queue.required_positions(service_level=0.8)["raw_positions"] - smallest(queue, 0.8) for queue in queues]
    print(f"{what}, 1 to 120 an hour: {sum(map(bool, asked))} of {len(asked)} ask for too many")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
4 an hour: load 0.67, 1 answer 91% in time, asked for 2
10 an hour: load 1.67, 2 answer 90% in time, asked for 3
13 an hour: load 2.17, 3 answer 100% in time, asked for 3
15 an hour: load 2.50, 3 answer 97% in time, asked for 4
16 an hour: load 2.67, 3 answer 89% in time, asked for 4
21 an hour: load 3.50, 4 answer 96% in time, asked for 4
22 an hour: load 3.67, 4 answer 89% in time, asked for 5
calls of 3 minutes in 20 seconds, 1 to 120 an hour: 0 of 120 ask for too many
cases of 10 minutes in an hour, 1 to 120 an hour: 30 of 120 ask for too many
SEEN
echo "pyworkforce 0.5.1: as described"

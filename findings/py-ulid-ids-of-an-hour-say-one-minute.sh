#!/bin/sh
# py-ulid 1.0.3: a Monotonic generator that is asked at the same place of the second keeps the time of its first id, and on the full second begins in 1970.
#
# Expected: the time of a ULID the millisecond when it was made; only within the same millisecond does the random part count up (the ULID
# specification, monotonicity, to which its documentation refers).
# Seen: of the time since the last id it takes the microseconds for all of it, so that whole seconds and up to a millisecond are "the same millisecond".
# What makes an id each minute, as a timer does, has ids that all say the first minute: an hour of reports is one moment, and what another
# process made in between sorts behind all of them. The time before the first id is 1970: made on the full second, it says so. Once the timer is two
# milliseconds late, time goes on.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check py-ulid==1.0.3 freezegun==1.5.5 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, timedelta, timezone

from freezegun import freeze_time
from ulid import Monotonic

begins = datetime(2026, 11, 30, 9, tzinfo=timezone.utc)
for milliseconds in ((500, 500.4, 500.9, 500.1, 503, 503.2), (0.3, 0.7, 2.4)):
    generator = Monotonic()
    for minute, after in enumerate(milliseconds):
        made = begins + timedelta(minutes=minute, milliseconds=after)
        with freeze_time(made):
            since, _ = generator.decode(generator.generate())
        print(f"made {made:%H:%M:%S.%f}, says {datetime.fromtimestamp(since / 1000, timezone.utc):%Y-%m-%d %H:%M:%S.%f}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
made 09:00:00.500000, says 2026-11-30 09:00:00.500000
made 09:01:00.500400, says 2026-11-30 09:00:00.500000
made 09:02:00.500900, says 2026-11-30 09:00:00.500000
made 09:03:00.500100, says 2026-11-30 09:00:00.500000
made 09:04:00.503000, says 2026-11-30 09:04:00.503000
made 09:05:00.503200, says 2026-11-30 09:04:00.503000
made 09:00:00.000300, says 1970-01-01 00:00:00.000000
made 09:01:00.000700, says 1970-01-01 00:00:00.000000
made 09:02:00.002400, says 2026-11-30 09:02:00.002000
SEEN
echo "py-ulid 1.0.3: as described"

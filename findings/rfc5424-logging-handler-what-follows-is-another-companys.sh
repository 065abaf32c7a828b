#!/bin/sh
# rfc5424-logging-handler 1.4.3: structured data behind an element with an enterprise number of its own gets that number, and "meta" alone is not sent.
#
# Expected: the number that the handler was given for each element that names none and is not registered, as its documentation says; for one that names
# its own, that; and for the registered timeQuality, origin and meta none at all (RFC 5424, 7).
# Seen: the own number of one element stays for all that follow in the same message, so what this desk says of a ticket is filed under the telephone
# company's number, by the order of a dict. A handler without a number does not send a message with a registered element, such as meta with the
# number of the message: a TypeError goes to stderr, where nobody is with a service, and the line is gone.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check rfc5424-logging-handler==1.4.3 tzlocal==5.3.1 pytz==2025.2 2>/dev/null
cat >try.py <<'PY'
import io
import logging
import sys

from rfc5424logging import Rfc5424SysLogHandler


def heard(structured_data, **given):
    stream = io.BytesIO()
    handler = Rfc5424SysLogHandler(address=None, stream=stream, hostname="desk", appname="tsbridge", procid="1", msg_as_utf8=False, **given)
    logger = logging.Logger("desk")
    logger.addHandler(handler)
    errors, sys.stderr = sys.stderr, io.StringIO()
    logger.info("late", extra={"structured_data": structured_data})
    error, sys.stderr = sys.stderr.getvalue(), errors
    line = stream.getvalue().decode().strip()
    return line.split(" 1 - ", 1)[1] if line else f"nothing; on stderr a {next(one for one in error.split() if 'Error' in one).strip(':')}"


ticket, call, meta = {"id": "4712"}, {"id": "7"}, {"sequenceId": "29"}
print(heard({"ticket": ticket, "call": call}, enterprise_id="32473"))
print(heard({"ticket": ticket, "call@99999": call}, enterprise_id="32473"))
print(heard({"call@99999": call, "ticket": ticket}, enterprise_id="32473"))
print(heard({"meta": meta}, enterprise_id="32473"))
print(heard({"meta": meta}))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
[ticket@32473 id="4712"][call@32473 id="7"] late
[ticket@32473 id="4712"][call@99999 id="7"] late
[call@99999 id="7"][ticket@99999 id="4712"] late
[meta sequenceId="29"] late
nothing; on stderr a TypeError
SEEN
echo "rfc5424-logging-handler 1.4.3: as described"

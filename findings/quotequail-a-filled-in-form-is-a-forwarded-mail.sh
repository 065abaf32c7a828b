#!/bin/sh
# quotequail 0.5.4: an incident form in a mail is taken for somebody's forwarded mail, and lines of it are nowhere in the result.
#
# Expected: unwrap() tells a reply or a forwarded mail from what its sender wrote; what it gives back as text_top, text, text_bottom and headers
# is all that was there. A form with lines such as "Date:", "Subject:", "To:" that nobody forwarded is plain text (None), or at least
# its lines are kept.
# Seen: two lines whose labels are also mail headers ("Date: last Friday", "Subject: Rex") are enough to be a forwarded mail. Labels that are
# no mail headers are read with them and thrown away: what happened, and where, is in none of the parts. Without such a pair of labels it is None.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check quotequail==0.5.4
cat >try.py <<'PY'
import quotequail

LINES = ["Name: Ana", "Date: last Friday", "Subject: Rex", "What happened: he bit a child", "Where: at the gate", "", "Please call me."]
for left_out in ("", "Subject"):
    found = quotequail.unwrap("\n".join(line for line in LINES if not left_out or not line.startswith(left_out)))
    print(f"without {left_out}:" if left_out else "the form:", found)
PY
venv/bin/python try.py | tee seen
diff seen - <<'SEEN'
the form: {'type': 'forward', 'text': 'Please call me.', 'date': 'last Friday', 'subject': 'Rex'}
without Subject: None
SEEN
echo "quotequail 0.5.4: as described"

#!/bin/sh
# email-reply-parser 0.5.12: a list written as "-word" takes the list and every word after it out of the reply.
#
# Expected: at most what stands at the end of a mail is a signature; the request behind a list is part of the reply.
# Seen: any paragraph with a line that begins with a dash and a letter counts as signature, and with it everything below, however many
# paragraphs: what happened and "please call me" are both gone from parse_reply. With a space behind the dash all of it is there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check email-reply-parser==0.5.12 2>/dev/null
cat >try.py <<'PY'
from email_reply_parser import EmailReplyParser

mail = "Here is what happened:\n\n{0}The dog bit my hand\n{0}It bleeds\n\nPlease call me.\n\nI am at home."
for dash in ("- ", "-"):
    print(repr(dash), repr(EmailReplyParser.parse_reply(mail.format(dash))))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
'- ' 'Here is what happened:\n\n- The dog bit my hand\n- It bleeds\n\nPlease call me.\n\nI am at home.'
'-' 'Here is what happened:'
SEEN
echo "email-reply-parser 0.5.12: as described"

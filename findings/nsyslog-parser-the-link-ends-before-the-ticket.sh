#!/bin/sh
# nsyslog-parser 0.10.1: of an event in CEF a value ends at an escaped "=", and structured data with a quote in it is part of the message.
#
# Expected: CEF escapes "=" in a value as "\=", and a value goes on to the next key (ArcSight's guide to the format, which its documentation names).
# RFC 5424, 6.3.3, escapes quote, backslash and closing bracket in a value. Its documentation says that it parses both.
# Seen: a word is split at every "=" and its second part kept: each link with a query loses what it asks for, here the ticket's number; a spaced "\=" is a
# key of its own, and what stands behind it is gone from the text. An element with an escaped quote in a value is not found and stands in front
# of the message, so a ticket's number is there or not by what the caller said. Of an escaped bracket the backslash stays.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund nsyslog-parser@0.10.1 >/dev/null
cat >try.js <<'JS'
const parse = require('nsyslog-parser');

const cef = 'CEF:0|Example|Desk|1|late|Claim is late|8|';
for (const extension of ['request=https://desk.example/tickets/4712 suser=agent', 'request=https://desk.example/?ticket\\=4712 suser=agent', 'msg=minutes \\= 40 or more suser=agent'])
  console.log(`${extension}: ${JSON.stringify({...parse(`<134>Nov 30 09:00:04 desk ${cef}${extension}`).fields})}`);
for (const said of ['no', 'he said \\"no\\"', 'page 2 [of 3\\]']) {
  const {structuredData, message} = parse(`<134>1 2026-11-30T09:00:04Z desk tsbridge 1 late [ticket@32473 id="4712" said="${said}"] nobody answers`);
  console.log(`${said}: ${JSON.stringify(structuredData)}, message: ${message}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
request=https://desk.example/tickets/4712 suser=agent: {"request":"https://desk.example/tickets/4712","suser":"agent"}
request=https://desk.example/?ticket\=4712 suser=agent: {"request":"https://desk.example/?ticket\\","suser":"agent"}
msg=minutes \= 40 or more suser=agent: {"msg":"minutes","\\":" 40 or more","suser":"agent"}
no: [{"$id":"ticket@32473","id":"4712","said":"no"}], message: nobody answers
he said \"no\": [], message: [ticket@32473 id="4712" said="he said \"no\""] nobody answers
page 2 [of 3\]: [{"$id":"ticket@32473","id":"4712","said":"page 2 [of 3\\]"}], message: nobody answers
SEEN
echo "nsyslog-parser 0.10.1: as described"

#!/bin/sh
# slack-notify 2.0.7: where a kind of message has an attachment of its own, every message repeats the fields of all that were sent before it.
#
# Expected: extend() gives defaults for a kind of message; the fields of one message are in that message.
# Seen: fields become one more attachment, put into the list of attachments that came with the defaults, the very one. So the second alert has the first one's
# claim in it, name and number, the third has both, for as long as the process lives, in whatever channel it goes to; a caller's own list grows the
# same way if it is used twice. Nothing is raised and Slack says ok. Without attachments of its own a kind of message is clean.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund slack-notify@2.0.7 >/dev/null
cat >try.js <<'JS'
const http = require('http');
require('https').request = http.request; // the loopback server below has no certificate
const slackNotify = require('slack-notify');

const seen = [];
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    seen.push(JSON.parse(body));
    response.end('ok');
  });
});

server.listen(0, '127.0.0.1', async () => {
  const slack = slackNotify(`http://127.0.0.1:${server.address().port}/`);
  const kinds = {
    plain: slack.extend({ channel: '#desk' }),
    'with a footer': slack.extend({ channel: '#desk', attachments: [{ footer: 'trust and safety' }] }),
  };
  for (const [kind, alert] of Object.entries(kinds)) {
    seen.length = 0;
    for (const name of ['Ana', 'Ben', 'Cleo']) await alert({ text: `${name} waits.`, fields: { caller: name, number: `+1 415 555 01${name.length}2` } });
    for (const { text, attachments } of seen) {
      const told = attachments.flatMap(({ fields }) => fields ?? []).filter(({ title }) => title === 'caller').map(({ value }) => value);
      console.log(`${kind}: ${text} In it: ${told.join(', ')}`);
    }
  }
  server.close();
  process.exit(0);
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
plain: Ana waits. In it: Ana
plain: Ben waits. In it: Ben
plain: Cleo waits. In it: Cleo
with a footer: Ana waits. In it: Ana
with a footer: Ben waits. In it: Ana, Ben
with a footer: Cleo waits. In it: Ana, Ben, Cleo
SEEN
echo "slack-notify 2.0.7: as described"

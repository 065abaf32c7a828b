#!/bin/sh
# discord-webhook-node 1.1.8: of twelve alerts in a row five reach the channel, or ten, and every send says that it was sent.
#
# Expected: the documentation says that Discord's rate limit is handled by default and that any other error in sending is thrown; so what resolves is in the channel.
# Seen: at 429 the send resolves at once, before anything is in the channel. The alert is posted once more later, all those held back at one moment, and that
# answer is not looked at: what is over the limit again is gone and nobody is told. `retry_after` is taken as milliseconds, which it was up to version 7 of
# Discord's interface; from 8 on it is seconds, so with a versioned address the second try comes a thousand times too soon and none of them goes through.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund discord-webhook-node@1.1.8 >/dev/null
cat >try.js <<'JS'
const http = require('http');
const { Webhook } = require('discord-webhook-node');

const length = 1500; // milliseconds in which the channel takes five
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
let channel, begun, taken, posts;
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    posts += 1;
    if (Date.now() - begun >= length) [begun, taken] = [Date.now(), 0];
    if (taken < 5) {
      taken += 1;
      channel.push(JSON.parse(body).content);
      return response.writeHead(204).end();
    }
    const left = begun + length + 20 - Date.now();
    const seconds = request.url.startsWith('/api/v10/');
    response.writeHead(429, { 'Content-Type': 'application/json', 'Retry-After': String(Math.ceil(left / 1000)) });
    response.end(JSON.stringify({ message: 'You are being rate limited.', retry_after: seconds ? left / 1000 : left, global: false }));
  });
});

server.listen(0, '127.0.0.1', async () => {
  for (const path of ['/api/webhooks/1/token', '/api/v10/webhooks/1/token']) {
    [channel, begun, taken, posts] = [[], 0, 0, 0];
    const hook = new Webhook(`http://127.0.0.1:${server.address().port}${path}`);
    let resolved = 0;
    for (let claim = 1; claim <= 12; claim += 1) {
      await hook.send(`Claim ${claim} waits.`);
      resolved += 1;
    }
    const before = channel.length;
    await pause(3 * length);
    console.log(`${path}: ${resolved} of 12 resolved with ${before} in the channel; three windows later ${new Set(channel).size}, after ${posts} posts`);
  }
  server.close();
  process.exit(0);
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
/api/webhooks/1/token: 12 of 12 resolved with 5 in the channel; three windows later 10, after 19 posts
/api/v10/webhooks/1/token: 12 of 12 resolved with 5 in the channel; three windows later 5, after 19 posts
SEEN
echo "discord-webhook-node 1.1.8: as described"

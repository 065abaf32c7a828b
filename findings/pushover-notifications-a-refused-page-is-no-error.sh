#!/bin/sh
# pushover-notifications 1.2.3: the callback is never told that Pushover refused a page: its error stays empty at 400, 429 and 503.
#
# Expected: send(message, function (error, result)) as the documentation uses it, `if (error) throw error`, has an error when the message was not sent.
# Seen: the status is not looked at and the error is that of the connection alone. What Pushover says goes to `onerror`, which is one for all messages and does not
# know which; without it the refusal is thrown where no caller can catch it. An outage whose body has no list of errors, status 0 and nothing
# else, is told to nobody. So a desk that pages the next person on an error pages nobody when the quota is used up.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund pushover-notifications@1.2.3 >/dev/null
cat >try.js <<'JS'
const http = require('http');
const Pushover = require('pushover-notifications');

let answer;
const server = http.createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(answer[0]).end(answer[1]));
});

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  let told;
  const page = new Pushover({
    user: 'u',
    token: 't',
    onerror: (error) => { told = error.message ?? error; },
    httpOptions: { hostname: '127.0.0.1', port, proxy: 'http://127.0.0.1' }, // without a proxy it is https
  });
  for (answer of [
    [200, '{"status":1,"request":"r"}'],
    [400, '{"status":0,"errors":["user identifier is invalid"],"request":"r"}'],
    [429, '{"status":0,"errors":["application is over its quota"],"request":"r"}'],
    [503, '{"status":0,"request":"r"}'],
  ]) {
    told = 'not called';
    const error = await new Promise((done) => page.send({ message: 'Claim 4711 waits.', priority: 1 }, done));
    console.log(`answered with ${answer[0]}: the callback's error is ${error}; onerror: ${told}`);
  }
  server.close();
  process.exit(0);
});
JS
node try.js 2>/dev/null | tee seen
diff seen - <<'SEEN'
answered with 200: the callback's error is undefined; onerror: not called
answered with 400: the callback's error is undefined; onerror: user identifier is invalid
answered with 429: the callback's error is undefined; onerror: application is over its quota
answered with 503: the callback's error is undefined; onerror: not called
SEEN
echo "pushover-notifications 1.2.3: as described"

#!/bin/sh
# node-zendesk 6.0.1: an update that failed with 502, 504, or with 503 or 409 and Retry-After does not raise.
#
# Expected: every answer that is no success rejects the promise, as a 503 without Retry-After does.
# Seen: statuses the client has no word for (502, 504) resolve with the error's body; an answer with Retry-After, whatever
# its status, resolves with an Error object of status 429 as the result. Zendesk sends 503 with Retry-After in maintenance
# and 409 when two updates meet, so a script that awaits `tickets.update` goes on as if the ticket had been written.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node-zendesk@6.0.1 >/dev/null
cat >try.js <<'JS'
const http = require('node:http');
const {createClient} = require('node-zendesk');
const answers = {1: [503, '120'], 2: [409, '1'], 3: [502], 4: [504], 5: [503]};
const server = http.createServer((request, response) => {
  const [status, wait] = answers[/tickets\/(\d)/.exec(request.url)[1]];
  response.writeHead(status, {'content-type': 'application/json', ...(wait && {'retry-after': wait})});
  response.end('{"error": "NotDone"}');
});
server.listen(0, '127.0.0.1', async () => {
  const endpointUri = `http://127.0.0.1:${server.address().port}/api/v2`;
  const client = createClient({username: 'agent@example.com', token: 'token', endpointUri});
  for (const [id, [status, wait]] of Object.entries(answers)) {
    const how = await client.tickets.update(id, {ticket: {status: 'solved'}}).then(
      ({result}) => `resolved, result ${result.statusCode ?? result.error}`, () => 'rejected');
    console.log(`${status}${wait ? ' with Retry-After' : ''}: ${how}`);
  }
  server.close();
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
503 with Retry-After: resolved, result 429
409 with Retry-After: resolved, result 429
502: resolved, result NotDone
504: resolved, result NotDone
503: rejected
SEEN
echo "node-zendesk 6.0.1: as described"

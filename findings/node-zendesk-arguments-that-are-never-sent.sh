#!/bin/sh
# node-zendesk 6.0.1: some calls take an argument and send a request without it; the promise resolves.
#
# Expected: `users.updateMany(ids, data)` sends both, as `tickets.updateMany(ids, data)` does; `users.removeTags(id, tags)`
# sends the tags; `tickets.addTags(id, ['a'])` sends them or raises.
# Seen: users' updateMany sends the ids as the body and never the data; removeTags sends DELETE without a body; an array of
# tags becomes an empty body (only `{tags: […]}` is sent).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node-zendesk@6.0.1 >/dev/null
cat >try.js <<'JS'
const http = require('node:http');
const {createClient} = require('node-zendesk');
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', () => {
    console.log(`  ${request.method} ${decodeURIComponent(request.url)} ${body || '(no body)'}`);
    response.writeHead(200, {'content-type': 'application/json'});
    response.end('{"job_status": {"id": "j", "status": "queued"}, "tags": []}');
  });
});
server.listen(0, '127.0.0.1', async () => {
  const endpointUri = `http://127.0.0.1:${server.address().port}/api/v2`;
  const client = createClient({username: 'agent@example.com', token: 'token', endpointUri});
  const calls = {
    'tickets.updateMany': () => client.tickets.updateMany([1, 2], {ticket: {status: 'open'}}),
    'users.updateMany': () => client.users.updateMany({ids: [1, 2]}, {user: {notes: 'vip'}}),
    'users.removeTags': () => client.users.removeTags(1, {tags: ['vip']}),
    'tickets.addTags, an array': () => client.tickets.addTags(1, ['vip']),
    'tickets.addTags, an object': () => client.tickets.addTags(1, {tags: ['vip']}),
  };
  for (const [name, call] of Object.entries(calls)) {
    console.log(name);
    console.log(await call().then(() => '  resolved', () => '  rejected'));
  }
  server.close();
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
tickets.updateMany
  PUT /api/v2/tickets/update_many.json?ids=1,2 {"ticket":{"status":"open"}}
  resolved
users.updateMany
  PUT /api/v2/users/update_many.json {"ids":[1,2]}
  resolved
users.removeTags
  DELETE /api/v2/users/1/tags.json (no body)
  resolved
tickets.addTags, an array
  PUT /api/v2/tickets/1/tags.json (no body)
  resolved
tickets.addTags, an object
  PUT /api/v2/tickets/1/tags.json {"tags":["vip"]}
  resolved
SEEN
echo "node-zendesk 6.0.1: as described"

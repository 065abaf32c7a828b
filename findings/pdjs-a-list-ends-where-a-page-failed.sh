#!/bin/sh
# @pagerduty/pdjs 2.2.4 (the official JavaScript client): a page that fails is the end of the list, and all() says nothing.
#
# Expected: all() gives what its documentation calls all pages of an endpoint, or rejects, as it does when a connection breaks.
# Seen: an answer of 4xx or 5xx resolves like any other, and as it names no next page the list ends there, with one undefined at its end and
# the first page's 200 as its status. Of 250 people the 150 behind a page that failed with 500 are nobody's colleagues, and who compares
# the list with a rota takes them for gone; of a busy account's incidents everything behind the first 10,000 is missing, where PagerDuty
# refuses the offset with 400. Code that reads each entry stops with a TypeError at the undefined; code that counts or skips what is empty goes on.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @pagerduty/pdjs@2.2.4 >/dev/null
cat >try.js <<'JS'
const http = require('node:http');
const net = require('node:net');
const {api} = require('@pagerduty/pdjs');

const have = {users: 250, incidents: 10500};
let failing = null; // the offset whose page fails with 500

const server = http.createServer((request, response) => {
  const {pathname, searchParams} = new URL(request.url, 'http://localhost');
  const what = pathname.slice(1);
  const offset = Number(searchParams.get('offset') ?? 0);
  const limit = Number(searchParams.get('limit') ?? 25);
  const refused = offset + limit > 10000 ? 400 : offset === failing ? 500 : null;
  response.writeHead(refused ?? 200, {'content-type': 'application/json'});
  if (refused) return response.end(JSON.stringify({error: {code: 2001, message: 'Not this page'}}));
  const page = Array.from({length: Math.max(0, Math.min(limit, have[what] - offset))}, (_, n) => ({id: `P${offset + n}`}));
  response.end(JSON.stringify({[what]: page, offset, limit, more: offset + limit < have[what], total: null}));
});

server.listen(0, '127.0.0.1', async () => {
  class Here extends http.Agent {
    createConnection() {
      return net.connect(server.address().port, '127.0.0.1');
    }
  }
  const pd = api({token: 'token', requestTimeout: 0, agent: new Here()});
  for (const [what, fails] of [['users', null], ['users', 100], ['incidents', null]]) {
    failing = fails;
    const all = await pd.all(`/${what}`, {url: `http://api.pagerduty.com/${what}`, data: {limit: 100}}).catch(() => null);
    const told = all && `status ${all.response.status}, ${all.resource.filter(Boolean).length}, the last is ${all.resource.at(-1)?.id}`;
    console.log(`${have[what]} ${what}${fails === null ? '' : `, 500 at ${fails}`}: ${told ?? 'rejected'}`);
  }
  server.close();
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
250 users: status 200, 250, the last is P249
250 users, 500 at 100: status 200, 100, the last is undefined
10500 incidents: status 200, 10000, the last is undefined
SEEN
echo "@pagerduty/pdjs 2.2.4: as described"

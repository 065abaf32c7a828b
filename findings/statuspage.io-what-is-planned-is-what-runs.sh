#!/bin/sh
# statuspage.io 3.3.8 (the npm client; 3.4.6, for Node 21, holds no code): the maintenance that runs is not in its answer, and what is planned is.
#
# Expected: `getActive` those in progress or being verified, `getAll` the newest fifty of any state, as its own documentation has them, and Statuspage's API
# at scheduled-maintenances/active.json and scheduled-maintenances.json. `removeSubscription` a subscriber less, creating one a POST.
# Seen: all three ask for scheduled-maintenances/upcoming.json (the path that is named active is upcoming.json, too). While the telephone company works on
# its lines nothing is under way, and all that is announced for later is: a desk that mutes its alarm during maintenance mutes it before,
# and is called while the lines are cut. A subscription is asked for with GET, which lists, and ended with DELETE at the incidents.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund statuspage.io@3.3.8 >/dev/null
cat >try.js <<'JS'
const http = require('node:http');
const {Statuspage} = require('statuspage.io');

const maintenances = [['the lines', 'in_progress'], ['the exchange', 'scheduled'], ['last week', 'completed']];
const states = {'active.json': ['in_progress', 'verifying'], 'upcoming.json': ['scheduled']};
const asked = [];
const server = http.createServer((request, response) => {
  const {pathname} = new URL(request.url, 'http://localhost');
  asked.push(`${request.method} ${pathname}`);
  const wanted = states[pathname.split('/').at(-1)];
  const found = maintenances.filter(([, status]) => !wanted || wanted.includes(status)).map(([name, status]) => ({name, status}));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({scheduled_maintenances: found}));
});

server.listen(0, '127.0.0.1', async () => {
  const page = new Statuspage('page');
  page.setApiUrl(`http://127.0.0.1:${server.address().port}`);
  for (const what of ['getActive', 'getUpcoming', 'getAll']) {
    const {scheduled_maintenances: found} = await page.api.scheduledMaintenances[what]();
    console.log(`${what}: ${found.map(({name, status}) => `${name} (${status})`).join(', ')}`);
  }
  await page.api.subscribers.createPageSubscription({email: 'agent@example.com'});
  await page.api.subscribers.removeSubscription('s1');
  console.log(`subscribed and cancelled: ${asked.slice(-2).join(', ')}`);
  server.close();
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
getActive: the exchange (scheduled)
getUpcoming: the exchange (scheduled)
getAll: the exchange (scheduled)
subscribed and cancelled: GET /api/v2/subscribers.json, DELETE /api/v2/incidents.json
SEEN
echo "statuspage.io 3.3.8: as described"

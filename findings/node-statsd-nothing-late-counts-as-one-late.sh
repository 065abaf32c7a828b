#!/bin/sh
# node-statsd 0.1.1 before the StatsD daemon 0.9.0: an increment by nought counts one, and a gauge below zero takes away from what stood there.
#
# Expected: `increment(stat, value)` adds the value (its documentation: by a specified amount), and `gauge` sets it. The daemon's own documentation of
# gauges says that a number with a sign changes the gauge, so that a client sets it to zero first to set it below (as python-statsd does).
# Seen: `value || 1`: five minutes in which 3, 0, 0, 0 and 2 claims were late add up to eight; the quieter the desk, the more wrong, and a desk
# without a late claim has one each time it is counted. Of the minutes left before a claim is late, ten past due after forty left is thirty left.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --no-optional node-statsd@0.1.1 statsd@0.9.0 >/dev/null
cat >try.js <<'JS'
const {spawn} = require('node:child_process');
const dgram = require('node:dgram');
const fs = require('node:fs');
const net = require('node:net');
const {setTimeout: pause} = require('node:timers/promises');
const {StatsD} = require('node-statsd');

async function free() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const {port} = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function ask(port, what) {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`${what}\n`);
  let told = '';
  for await (const part of socket) if ((told += part).includes('END')) break;
  socket.destroy();
  return told;
}

(async () => {
  const [port, mgmt_port] = [await free(), await free()];
  const settings = {address: '127.0.0.1', port, mgmt_address: '127.0.0.1', mgmt_port, flushInterval: 600000, backends: []};
  fs.writeFileSync('settings.js', JSON.stringify(settings));
  const daemon = spawn(process.execPath, ['--no-deprecation', require.resolve('statsd/stats.js'), 'settings.js'], {stdio: 'ignore'});
  try {
    for (let tries = 0; ; tries++) {
      if (await ask(mgmt_port, 'counters').then(() => true, () => tries > 100)) break;
      await pause(50);
    }
    const client = new StatsD({host: '127.0.0.1', port});
    const send = (what, ...values) => new Promise((done) => client[what](...values, undefined, undefined, done));
    for (const late of [3, 0, 0, 0, 2]) await send('increment', 'late', late);
    for (const left of [40, -10]) await send('gauge', 'minutes_left', left);
    await pause(500);
    client.close();
    for (const what of ['counters', 'gauges']) console.log(/(late|minutes_left)'?: -?\d+/.exec(await ask(mgmt_port, what))[0]);
  } finally {
    daemon.kill();
  }
})();
JS
node --no-deprecation try.js | tee seen
diff seen - <<'SEEN'
late: 8
minutes_left: 30
SEEN
echo "node-statsd 0.1.1: as described"

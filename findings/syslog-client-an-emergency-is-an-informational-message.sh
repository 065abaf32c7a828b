#!/bin/sh
# syslog-client 1.1.1: a client made for emergencies says "informational", and what log() is called with is filled in for the next client, too.
#
# Expected: the severity and facility that `createClient` takes as the defaults for `client.log()`, each any of the constants of `syslog.Severity` and
# `syslog.Facility`, as its documentation has it. RFC 5424, table 2: emergency is 0, the most severe.
# Seen: both are taken with ||, and emergency is 0: its messages go out as informational (6), which is where a desk's filter of what wakes somebody
# ends. Said at the single message, it arrives. The single message's options are filled in by the first client that logs with them, so that a second
# client, made for alerts, sends with the severity of the first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund syslog-client@1.1.1 >/dev/null
cat >try.js <<'JS'
const dgram = require('node:dgram');
const {once} = require('node:events');
const {createClient, Facility, Severity} = require('syslog-client');

const server = dgram.createSocket('udp4').bind(0, '127.0.0.1');
(async () => {
  await once(server, 'listening');
  async function heard(what, options, message) {
    const client = createClient('127.0.0.1', {port: server.address().port, ...options});
    client.log('nobody answers', message);
    const [text] = await once(server, 'message');
    const priority = Number(/^<(\d+)>/.exec(text)[1]);
    const name = (table, number) => Object.keys(table).find((one) => table[one] === number);
    console.log(`${what}: ${name(Facility, priority >> 3)}, ${name(Severity, priority & 7)}`);
    client.close();
  }
  await heard('a client for alerts', {severity: Severity.Alert}, {});
  await heard('a client for emergencies', {severity: Severity.Emergency}, {});
  await heard('a client for the kernel', {facility: Facility.Kernel}, {});
  await heard('an emergency said at the message', {}, {severity: Severity.Emergency});
  const options = {timestamp: new Date(0)};
  await heard('a client for what is of no urgency', {severity: Severity.Debug}, options);
  await heard('a client for alerts, same options', {severity: Severity.Alert}, options);
  server.close();
})();
JS
node --no-deprecation try.js | tee seen
diff seen - <<'SEEN'
a client for alerts: Local0, Alert
a client for emergencies: Local0, Informational
a client for the kernel: Local0, Informational
an emergency said at the message: Local0, Emergency
a client for what is of no urgency: Local0, Debug
a client for alerts, same options: Local0, Debug
SEEN
echo "syslog-client 1.1.1: as described"

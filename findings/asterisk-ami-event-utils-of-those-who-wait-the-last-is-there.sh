#!/bin/sh
# asterisk-ami-event-utils 2.0.2 (under asterisk-ami-client) beside asterisk-manager 0.2.0: of lines with the same name in an answer the last is kept.
#
# Expected: every line. Asterisk's manager repeats a name where there are several of a thing: each line of a command's output is an "Output:" of its own
# (since Asterisk 14), each channel variable a "ChanVariable:" (its documentation of the AMI).
# Seen: the lines go into one object by name, each over the one before, toArray and toJson included. Of `queue show support` the last line is the answer:
# who waits, for how long, and who of the agents is logged in is nowhere, and one caller looks like all. Of the variables that a dialplan hangs
# on a call, such as the ticket's number, the last set is there. The other client makes a list of them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund asterisk-ami-event-utils@2.0.2 asterisk-manager@0.2.0 >/dev/null
cat >try.js <<'JS'
const net = require('node:net');
const {toObject, toArray} = require('asterisk-ami-event-utils');
const Manager = require('asterisk-manager');

const output = ['support has 3 calls (max unlimited)', '1. PJSIP/100 (wait: 41:10)', '2. PJSIP/101 (wait: 12:02)', '3. PJSIP/102 (wait: 0:04)'];
const answer = ['Response: Success', 'ActionID: 7', 'Message: Command output follows', ...output.map((line) => `Output: ${line}`)];
const event = ['Event: QueueCallerJoin', 'Channel: PJSIP/100', 'ChanVariable: ticket=4712', 'ChanVariable: language=en'];
const packet = (lines) => `${lines.join('\r\n')}\r\n\r\n`;

console.log(`asterisk-ami-event-utils: ${JSON.stringify(toObject(packet(answer)).Output)}`);
console.log(`as an array: ${toArray(packet(answer)).filter(([name]) => name === 'Output').length} of ${output.length} lines`);
console.log(`of the event: ${JSON.stringify(toObject(packet(event)).ChanVariable)}`);
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.write(`Asterisk Call Manager/5.0\r\n${packet(answer)}${packet(event)}`);
});
server.listen(0, '127.0.0.1', () => {
  const manager = new Manager(server.address().port, '127.0.0.1');
  manager.once('response', (found) => console.log(`asterisk-manager: ${JSON.stringify(found.output)}`));
  manager.once('managerevent', (found) => {
    console.log(`of the event: ${JSON.stringify(found.chanvariable)}`);
    process.exit();
  });
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
asterisk-ami-event-utils: "3. PJSIP/102 (wait: 0:04)"
as an array: 1 of 4 lines
of the event: "language=en"
asterisk-manager: ["support has 3 calls (max unlimited)","1. PJSIP/100 (wait: 41:10)","2. PJSIP/101 (wait: 12:02)","3. PJSIP/102 (wait: 0:04)"]
of the event: {"ticket":"4712","language":"en"}
SEEN
echo "asterisk-ami-event-utils 2.0.2: as described"

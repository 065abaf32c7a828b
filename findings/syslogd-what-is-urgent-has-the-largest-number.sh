#!/bin/sh
# syslogd 1.1.2 (the npm package): facility and severity change places, so an alert passes no filter of what is urgent, and the kernel's have none.
#
# Expected: severity the last three bits of PRI, facility the bits before them (RFC 5424, 6.2.1, the RFC that its source names), and a severity of its
# own table `Severity`: 0 emergency to 7 debug.
# Seen: the other way round (the example in its documentation has a severity of 22). An alert of local use 0 is of facility 1 and severity 16, an
# informational message of the log-in service of severity 4, a warning: what a filter "error or worse" lets through is what came from the first four
# services, debug output included, but for the kernel, whose messages have no number at all.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund syslogd@1.1.2 >/dev/null
cat >try.js <<'JS'
const {parser, Severity} = require('syslogd');

const names = Object.keys(Severity);
for (const [facility, severity] of [[16, 1], [16, 3], [2, 1], [2, 7], [0, 2], [4, 6]]) {
  const read = parser(`<${8 * facility + severity}>Nov 30 09:00:04 desk tsbridge: nobody answers`, {});
  const urgent = read.severity <= Severity.ERROR;
  console.log(`facility ${facility}, ${names[severity]}: read as facility ${read.facility}, severity ${read.severity}${urgent ? ', urgent' : ''}`);
}
JS
node try.js | tee seen
diff seen - <<'SEEN'
facility 16, ALERT: read as facility 1, severity 16
facility 16, ERROR: read as facility 3, severity 16
facility 2, ALERT: read as facility 1, severity 2, urgent
facility 2, DEBUG: read as facility 7, severity 2, urgent
facility 0, CRITICAL: read as facility 0, severity NaN
facility 4, INFORMATIONAL: read as facility 6, severity 4
SEEN
echo "syslogd 1.1.2: as described"

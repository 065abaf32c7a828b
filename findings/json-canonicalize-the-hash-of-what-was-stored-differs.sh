#!/bin/sh
# json-canonicalize 3.0.1: what an object's toJSON returns is not put in order, so that the same JSON read back has other bytes.
#
# Expected: one form for one JSON text (RFC 8785, 3.2.3: the properties of every object are sorted, recursively), so that a record hashes
# to the same before it was stored and after it was read again, as canonicalize 4.0.0 gives.
# Seen: the object that toJSON returns is written in its own order with all that it holds. A record with an object of a class, or with a
# recording's piece in a Buffer, is hashed in one way by whoever makes it and in another by whoever checks it: a chain of hashes is
# broken at that entry although nobody touched it. Of plain objects, strings and Date the bytes are right, and nothing is raised.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund json-canonicalize@3.0.1 canonicalize@4.0.0 >/dev/null
cat >try.mjs <<'JS'
import {createHash} from 'node:crypto';
import canonicalize from 'canonicalize';
import {canonicalize as jsonCanonicalize} from 'json-canonicalize';

class Caller {
  #number = '+15550100';
  toJSON() { return {queue: 'night', number: this.#number}; }
}

const records = {
  plain: {queue: 'night', number: '+15550100', at: new Date(0)},
  class: {id: 7, caller: new Caller()},
  buffer: {id: 7, piece: Buffer.from('hi')},
};
const hash = (text) => createHash('sha256').update(text).digest('hex').slice(0, 8);
for (const [name, write] of Object.entries({canonicalize, 'json-canonicalize': jsonCanonicalize})) {
  for (const [kind, record] of Object.entries(records)) {
    const made = write(record);
    const read = write(JSON.parse(JSON.stringify(record)));
    console.log(`${name}, ${kind}: ${hash(made) === hash(read) ? 'same hash' : 'another hash'} when read back; ${made}`);
  }
}
JS
node try.mjs | tee seen
diff seen - <<'SEEN'
canonicalize, plain: same hash when read back; {"at":"1970-01-01T00:00:00.000Z","number":"+15550100","queue":"night"}
canonicalize, class: same hash when read back; {"caller":{"number":"+15550100","queue":"night"},"id":7}
canonicalize, buffer: same hash when read back; {"id":7,"piece":{"data":[104,105],"type":"Buffer"}}
json-canonicalize, plain: same hash when read back; {"at":"1970-01-01T00:00:00.000Z","number":"+15550100","queue":"night"}
json-canonicalize, class: another hash when read back; {"caller":{"queue":"night","number":"+15550100"},"id":7}
json-canonicalize, buffer: another hash when read back; {"id":7,"piece":{"type":"Buffer","data":[104,105]}}
SEEN
echo "json-canonicalize 3.0.1: as described"

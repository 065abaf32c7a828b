#!/bin/sh
# json-logic-qubit 0.9.1 beside json-logic-js 2.0.5: the same rule about a ticket that lacks a field fires in the browser and not on the server.
#
# Expected: JsonLogic rules are data that a page and a server share, so both ports come to the same; the Python one says that it compares
# with the coercion of JavaScript.
# Seen: a variable that is not there, null to both, is 0 where JavaScript compares (below 60, at least 0) and compares to nothing in Python: neither
# below, nor equal to, nor above. An empty answer sheet {} is something in one and nothing in the other, a remainder below zero has another sign
# (a rota of seven turns), and a missing word joined to a text is "None" in Python. No error is raised by either.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check json-logic-qubit==0.9.1 2>/dev/null
npm init -y >/dev/null
npm install --silent --no-audit --no-fund json-logic-js@2.0.5 >/dev/null
cat >rules.json <<'JSON'
[[{"<": [{"var": "minutes"}, 60]}, {"subject": "a bite"}],
 [{">=": [{"var": "injuries"}, 0]}, {"subject": "a bite"}],
 [{"<": [{"var": "minutes"}, 60]}, {"minutes": 30}],
 [{"!!": [{"var": "answers"}]}, {"answers": {}}],
 [{"%": [{"var": "day"}, 7]}, {"day": -3}],
 [{"cat": ["sitter: ", {"var": "sitter"}]}, {"subject": "a bite"}]]
JSON
cat >try.js <<'JS'
const logic = require('json-logic-js');
for (const [rule, data] of JSON.parse(require('fs').readFileSync('rules.json')))
  console.log(`js ${JSON.stringify(rule)} of ${JSON.stringify(data)}: ${JSON.stringify(logic.apply(rule, data))}`);
JS
cat >try.py <<'PY'
import json
from functools import partial

from json_logic import jsonLogic

plain = partial(json.dumps, separators=(",", ":"))
for rule, data in json.load(open("rules.json")):
    print(f"py {plain(rule)} of {plain(data)}: {plain(jsonLogic(rule, data))}")
PY
{ node try.js; env/bin/python try.py; } | tee seen
diff seen - <<'SEEN'
js {"<":[{"var":"minutes"},60]} of {"subject":"a bite"}: true
js {">=":[{"var":"injuries"},0]} of {"subject":"a bite"}: true
js {"<":[{"var":"minutes"},60]} of {"minutes":30}: true
js {"!!":[{"var":"answers"}]} of {"answers":{}}: true
js {"%":[{"var":"day"},7]} of {"day":-3}: -3
js {"cat":["sitter: ",{"var":"sitter"}]} of {"subject":"a bite"}: "sitter: "
py {"<":[{"var":"minutes"},60]} of {"subject":"a bite"}: false
py {">=":[{"var":"injuries"},0]} of {"subject":"a bite"}: false
py {"<":[{"var":"minutes"},60]} of {"minutes":30}: true
py {"!!":[{"var":"answers"}]} of {"answers":{}}: false
py {"%":[{"var":"day"},7]} of {"day":-3}: 4
py {"cat":["sitter: ",{"var":"sitter"}]} of {"subject":"a bite"}: "sitter: None"
SEEN
echo "json-logic-qubit 0.9.1: as described"

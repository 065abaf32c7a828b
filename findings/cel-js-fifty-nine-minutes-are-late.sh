#!/bin/sh
# cel-js 0.8.2 beside cel-expr-python 0.1.3 (the C++ runtime): whole numbers are divided into parts, so one rule comes to two ends on a page and a server.
#
# Expected: CEL, as its package says: a whole number divided by a whole number is a whole number, cut towards zero, and numbers of 64 bits keep their last digit.
# Seen: division is JavaScript's. A claim of fifty-nine minutes is not in its first hour, hour by hour only the sixtieth minute is in any, and what is shared out
# comes in halves. Ids of tickets and calls above 2^53 are equal to their neighbours. Nothing is raised; with decimals, or where it divides
# evenly, as examples have it, both agree.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check cel-expr-python==0.1.3 2>/dev/null
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cel-js@0.8.2 >/dev/null
cat >rules.json <<'JSON'
["7 / 2", "-7 / 2", "59 / 60 == 0 ? 'in the first hour' : 'late'", "119 / 60 == 1 ? 'in the second hour' : 'late'", "60 / 60 == 1", "7.0 / 2.0", "9007199254740993 == 9007199254740992"]
JSON
cat >try.mjs <<'JS'
import { readFileSync } from 'fs';
import { evaluate } from 'cel-js';

for (const rule of JSON.parse(readFileSync('rules.json'))) console.log(`js ${rule}: ${evaluate(rule)}`);
JS
cat >try.py <<'PY'
import json

from cel_expr_python import cel

for rule in json.load(open("rules.json")):
    value = cel.NewEnv(variables={}).compile(rule).eval(data={}).value()
    print(f"C++ {rule}: {json.dumps(value)}")
PY
{ node try.mjs; env/bin/python try.py; } 2>/dev/null | tee seen
diff seen - <<'SEEN'
js 7 / 2: 3.5
js -7 / 2: -3.5
js 59 / 60 == 0 ? 'in the first hour' : 'late': late
js 119 / 60 == 1 ? 'in the second hour' : 'late': late
js 60 / 60 == 1: true
js 7.0 / 2.0: 3.5
js 9007199254740993 == 9007199254740992: true
C++ 7 / 2: 3
C++ -7 / 2: -3
C++ 59 / 60 == 0 ? 'in the first hour' : 'late': "in the first hour"
C++ 119 / 60 == 1 ? 'in the second hour' : 'late': "in the second hour"
C++ 60 / 60 == 1: true
C++ 7.0 / 2.0: 3.5
C++ 9007199254740993 == 9007199254740992: false
SEEN
echo "cel-js 0.8.2: as described"

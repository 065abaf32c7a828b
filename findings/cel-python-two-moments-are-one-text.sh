#!/bin/sh
# cel-python 0.5.0 beside cel-expr-python 0.1.3 (the C++ runtime): as text two moments of one second are the same, and one moment told twice is two.
#
# Expected: string() of a timestamp is RFC 3339 in UTC with its fraction, and of a duration its seconds with theirs, by the language's definition: what is
# equal has one text, what is not has two.
# Seen: fractions are dropped from both, and the offset that a moment came with is kept. A key made by a rule, caller and moment as deliveries of webhooks
# have it, takes the second call of the same second for the first one sent again; the same call told by two systems, one in Manila's time, is
# two calls; and texts sort otherwise than the moments they stand for. Comparing the timestamps themselves is right in both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check cel-python==0.5.0 cel-expr-python==0.1.3 2>/dev/null
cat >try.py <<'PY'
import celpy
from cel_expr_python import cel

pure, runtime = celpy.Environment(), cel.NewEnv(variables={})


def by_pure(text):
    return pure.program(pure.compile(text)).evaluate({})


def by_runtime(text):
    return runtime.compile(text).eval(data={}).value()


first, second, elsewhere, later = (
    f"timestamp('2026-11-30T{moment}')" for moment in ("10:00:00.200Z", "10:00:00.900Z", "18:00:00.200+08:00", "11:00:00Z")
)
for text in (
    f"string({first})",
    f"string({elsewhere})",
    "string(duration('1.5s'))",
    f"{first} == {second}",
    f"string({first}) == string({second})",
    f"{first} == {elsewhere}",
    f"string({first}) == string({elsewhere})",
    f"{elsewhere} < {later}",
    f"string({elsewhere}) < string({later})",
):
    seen = [str(value).lower() if str(value) in ("True", "False") else str(value) for value in (by_runtime(text), by_pure(text))]
    print(f"{text}: {seen[0]}" + ("" if seen[0] == seen[1] else f", by cel-python {seen[1]}"))
PY
env/bin/python try.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
string(timestamp('2026-11-30T10:00:00.200Z')): 2026-11-30T10:00:00.200Z, by cel-python 2026-11-30T10:00:00Z
string(timestamp('2026-11-30T18:00:00.200+08:00')): 2026-11-30T10:00:00.200Z, by cel-python 2026-11-30T18:00:00+08:00
string(duration('1.5s')): 1.500s, by cel-python 1s
timestamp('2026-11-30T10:00:00.200Z') == timestamp('2026-11-30T10:00:00.900Z'): false
string(timestamp('2026-11-30T10:00:00.200Z')) == string(timestamp('2026-11-30T10:00:00.900Z')): false, by cel-python true
timestamp('2026-11-30T10:00:00.200Z') == timestamp('2026-11-30T18:00:00.200+08:00'): true
string(timestamp('2026-11-30T10:00:00.200Z')) == string(timestamp('2026-11-30T18:00:00.200+08:00')): true, by cel-python false
timestamp('2026-11-30T18:00:00.200+08:00') < timestamp('2026-11-30T11:00:00Z'): true
string(timestamp('2026-11-30T18:00:00.200+08:00')) < string(timestamp('2026-11-30T11:00:00Z')): true, by cel-python false
SEEN
echo "cel-python 0.5.0: as described"

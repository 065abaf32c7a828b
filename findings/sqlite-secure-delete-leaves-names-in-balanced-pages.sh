#!/bin/sh
# SQLite 3.53 (pysqlite3 0.6.1): with secure_delete=ON, names that were overwritten are still in the file.
#
# Expected: what is deleted is overwritten, so that no byte of a name is in the file once every row that held it was emptied.
# Seen: rows that had moved to another page while the tree was balanced, because texts beside them grew, left copies in the free room
# of the pages they came from, which nothing overwrites. secure_delete was on from the first row on. Only VACUUM takes them out. Whoever
# forgets a person by UPDATE or DELETE and searches the file's bytes afterwards finds them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pysqlite3==0.6.1 2>/dev/null
cat >try.py <<'PY'
import random
from pathlib import Path

import pysqlite3 as sqlite

dice, name = random.Random(1), "Zuvarelli"
desk = sqlite.connect("desk.db", isolation_level=None)
print("secure_delete:", desk.execute("PRAGMA secure_delete=ON").fetchone()[0])
desk.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, words TEXT)")
desk.execute("CREATE INDEX by_name ON people (name)")
desk.execute("BEGIN")
for number in range(4_000):
    called = f"{name}-{number:05d}" if number % 20 == 0 else f"person-{dice.randrange(10**9)}"
    desk.execute("INSERT INTO people (name, words) VALUES (?, ?)", (called, "x" * dice.randrange(20, 600)))
desk.execute("COMMIT")
desk.execute("BEGIN")
for id_ in dice.sample(range(1, 4_001), 2_000):  # people go on writing
    desk.execute("UPDATE people SET words = ? WHERE id = ?", ("y" * dice.randrange(1, 1_500), id_))
desk.execute("COMMIT")
desk.execute("UPDATE people SET name = '', words = '' WHERE name LIKE ?", (f"{name}%",))
(left,) = desk.execute("SELECT count(*) FROM people WHERE name LIKE ?", (f"{name}%",)).fetchone()
print("rows that hold the name:", left)
print("the name is in the file:", name.encode() in Path("desk.db").read_bytes())
desk.execute("VACUUM")
print("after VACUUM:", name.encode() in Path("desk.db").read_bytes())
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
secure_delete: 1
rows that hold the name: 0
the name is in the file: True
after VACUUM: False
SEEN
echo "pysqlite3 0.6.1: as described"

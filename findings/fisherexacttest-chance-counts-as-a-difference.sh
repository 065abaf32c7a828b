#!/bin/sh
# FisherExactTest 1.0.1: of a table whose other tail is just as probable, that tail is left out, and twice the true p falls below 0.05.
#
# Expected: the two-tailed test that its documentation names: the sum over all tables with the same margins that are no more probable than the one
# seen (so in R and SciPy, which allow for rounding where they compare).
# Seen: it walks from table to table in floats and compares with a Decimal, so a table of exactly the same probability is left out when the
# rounding went up. All four of the new agents' claims late beside two of eight is told as p = 0.03, and is 0.06. Of all tables of two groups of up to
# fifteen, one in seventeen has a p that is too small, and 90 that are chance at the usual five per cent are called a difference.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check FisherExactTest==1.0.1 2>/dev/null
cat >try.py <<'PY'
from fractions import Fraction
from math import comb

from FisherExactTest import FisherExact


def exact(a, b, c, d):
    """By its definition, in whole numbers: each table's weight beside that of the one seen."""
    weights = [comb(a + b, x) * comb(c + d, a + c - x) for x in range(max(0, a - d), min(a + b, a + c) + 1)]
    seen = comb(a + b, a) * comb(c + d, c)
    return float(Fraction(sum(weight for weight in weights if weight <= seen), sum(weights)))


for table in ((4, 0, 2, 6), (6, 0, 2, 4), (0, 4, 3, 7), (7, 2, 3, 8), (3, 0, 0, 3)):
    print(f"late, in time: {table[:2]} beside {table[2:]}: p = {FisherExact(*table):.4f}, true {exact(*table):.4f}")
sizes = range(1, 16)
tables = [(a, m - a, c, n - c) for m in sizes for n in sizes for a in range(m + 1) for c in range(n + 1)]
both = [(float(FisherExact(*table)), exact(*table)) for table in tables]
print(f"{len(tables)} tables: {sum(told < true - 1e-6 for told, true in both)} too small, {sum(told > true + 1e-6 for told, true in both)} too large")
print(f"a difference by 0.05 that is none: {sum(told < 0.05 <= true for told, true in both)}")
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
late, in time: (4, 0) beside (2, 6): p = 0.0303, true 0.0606
late, in time: (6, 0) beside (2, 4): p = 0.0303, true 0.0606
late, in time: (0, 4) beside (3, 7): p = 0.5055, true 0.5055
late, in time: (7, 2) beside (3, 8): p = 0.0376, true 0.0698
late, in time: (3, 0) beside (0, 3): p = 0.0500, true 0.1000
18225 tables: 1050 too small, 0 too large
a difference by 0.05 that is none: 90
SEEN
echo "FisherExactTest 1.0.1: as described"

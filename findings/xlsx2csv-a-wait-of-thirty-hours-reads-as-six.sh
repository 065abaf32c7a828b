#!/bin/sh
# xlsx2csv 0.8.6 and pylightxl 1.61: a span of time in the format [h]:mm:ss loses its whole days.
#
# Expected: 30:05:00 for a wait of thirty hours and five minutes, as every spreadsheet program shows it (ECMA-376 part 1, 18.8.31: the
# brackets are elapsed hours); or the bare number.
# Seen: both treat the brackets as an hour of the day. A case that waited exactly one day comes out as 00:00, the slowest of a week can be
# the fastest of its table, and nothing marks the cell. Spans under a day are right, so a look at the first rows says nothing.
# openpyxl 3.1.5 reads the same cells as they are.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check xlsx2csv==0.8.6 pylightxl==1.61 openpyxl==3.1.5 XlsxWriter==3.3.1 2>/dev/null
cat >try.py <<'PY'
from datetime import timedelta
from io import StringIO

import openpyxl
import pylightxl
import xlsxwriter
from xlsx2csv import Xlsx2csv

waits = [timedelta(minutes=59), timedelta(hours=23), timedelta(hours=24), timedelta(hours=30, minutes=5), timedelta(days=40, hours=3)]
with xlsxwriter.Workbook("week.xlsx") as book:
    sheet = book.add_worksheet("waits")
    elapsed = book.add_format({"num_format": "[h]:mm:ss"})
    for row, wait in enumerate(waits):
        sheet.write_datetime(row, 0, wait, elapsed)

out = StringIO()
Xlsx2csv("week.xlsx").convert(out)
print("xlsx2csv ", *out.getvalue().split())
light = pylightxl.readxl("week.xlsx").ws("waits")
print("pylightxl", *(row[0] for row in light.rows))
hours = [cell.value / timedelta(hours=1) for cell in openpyxl.load_workbook("week.xlsx")["waits"]["A"]]
print("openpyxl ", *(f"{h:.2f}h" for h in hours))
PY
env/bin/python try.py | tee seen
diff seen - <<'SEEN'
xlsx2csv  00:59 23:00 00:00 06:05 03:00
pylightxl 00:59:00 23:00:00 00:00:00 06:05:00 03:00:00
openpyxl  0.98h 23.00h 24.00h 30.08h 963.00h
SEEN
echo "xlsx2csv 0.8.6, pylightxl 1.61: as described"

#!/bin/sh
# PyExcelerate 0.13.0: a span of time is a text, so a column of waits has the sum nought, and of a moment the sheet shows the day without the hour.
#
# Expected: numbers in the format of what they are, as openpyxl 3.1.5 writes the same values: [hh]:mm:ss for a span, h:mm:ss for a time of day, both for a
# moment; a spreadsheet's SUM and AVERAGE pass over texts (ECMA-376 part 1, 18.17.7, SUM).
# Seen: a timedelta is written as the words "1 day, 6:05:00". A report's total of them is 0, its average an error, and sorted by the column a wait of
# ten hours stands in front of one of two. A moment and a time of day get the format of a date: opened and answered on one day they look the same, and
# half past nine is the nought of January 1900. A whole table given at once gets no format at all: 46356.4.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check PyExcelerate==0.13.0 openpyxl==3.1.5 2>/dev/null
cat >try.py <<'PY'
from datetime import datetime, time, timedelta

import openpyxl
from pyexcelerate import Workbook

waits = [timedelta(hours=2), timedelta(hours=10), timedelta(hours=30, minutes=5)]
values = [*waits, datetime(2026, 11, 30, 9, 30), time(9, 30)]

book = Workbook()
sheet = book.new_sheet("one by one")
for row, value in enumerate(values, 1):
    sheet.set_cell_value(row, 1, value)
book.new_sheet("at once", data=[[value] for value in values])
book.save("theirs.xlsx")
peer = openpyxl.Workbook()
for value in values:
    peer.active.append([value])
peer.save("peer.xlsx")

for name in ("theirs.xlsx", "peer.xlsx"):
    for sheet in openpyxl.load_workbook(name).worksheets:
        cells = [row[0] for row in sheet.iter_rows()]
        summed = [cell for cell in cells[: len(waits)] if cell.data_type != "s"]
        print(f"{name}, {sheet.title}: {', '.join(f'{cell.value} as {cell.number_format}' for cell in cells)}; in the sum {len(summed)} of {len(waits)}")
PY
env/bin/python -W ignore try.py | tee seen
diff seen - <<'SEEN'
theirs.xlsx, one by one: 2:00:00 as General, 10:00:00 as General, 1 day, 6:05:00 as General, 2026-11-30 09:30:00 as yyyy-mm-dd, 09:30:00 as yyyy-mm-dd; in the sum 0 of 3
theirs.xlsx, at once: 2:00:00 as General, 10:00:00 as General, 1 day, 6:05:00 as General, 46356.395833333336 as General, 0.39583333333333326 as General; in the sum 0 of 3
peer.xlsx, Sheet: 2:00:00 as [hh]:mm:ss, 10:00:00 as [hh]:mm:ss, 1 day, 6:05:00 as [hh]:mm:ss, 2026-11-30 09:30:00 as yyyy-mm-dd h:mm:ss, 09:30:00 as h:mm:ss; in the sum 3 of 3
SEEN
echo "PyExcelerate 0.13.0: as described"

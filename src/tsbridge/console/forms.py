"""What a page shows, as JSON, CSV or a spreadsheet: the same rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from tsbridge.acts.csvtext import cell, csv_text
from tsbridge.core.times import time_text

FORMS: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_ROWS: Final = 5_000
"""Of a table; whoever wants more asks the API, which streams."""
_LONGEST: Final = 32_000
"""Of a text that a cell takes."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as a page shows them; values are text, numbers, truth, instants, or None. `keys`: one for each column."""

    name: str
    keys: Sequence[str]
    rows: Sequence[Sequence[Any]]


def table_of(name: str, keys: Sequence[str], items: Iterable[object]) -> Table:
    """What stands in each item under these keys."""
    return Table(name, keys, [[getattr(one, key) for key in keys] for one in items])


def as_json(table: Table, now: datetime) -> bytes:
    items = [dict(zip(table.keys, map(_plain, row), strict=True)) for row in table.rows]
    return json.dumps({"as_of": _plain(now), "items": items}, ensure_ascii=False).encode()


def as_csv(table: Table) -> bytes:
    return csv_text([table.keys, *([cell(_plain(value)) for value in row] for row in table.rows)])


def as_xlsx(table: Table, zone: tzinfo, now: datetime) -> bytes:
    """No cell is a formula, whatever stands in it; times are those of the page."""
    import xlsxwriter  # when somebody asks for one

    into = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(into, plain)
    book.set_properties({"title": table.name, "created": now.astimezone(UTC).replace(tzinfo=None), "author": "tsbridge"})
    instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
    sheet = book.add_worksheet(table.name[:31])
    for row, line in enumerate(table.rows, 1):
        for column, value in enumerate(line):
            if isinstance(value, datetime):
                sheet.write_datetime(row, column, value.astimezone(zone).replace(tzinfo=None), instant)
            elif isinstance(value, bool):
                sheet.write_boolean(row, column, value)
            elif isinstance(value, int | float):
                sheet.write_number(row, column, value)
            elif value is not None:
                sheet.write_string(row, column, str(value)[:_LONGEST])
    titles = [{"header": key.replace("_", " ")} for key in table.keys]
    sheet.add_table(0, 0, max(1, len(table.rows)), len(titles) - 1, {"columns": titles, "style": "Table Style Light 1"})
    sheet.set_column(0, len(titles) - 1, 20)
    sheet.freeze_panes(1, 0)
    info = book.add_worksheet("info")
    for row, (name, value) in enumerate(
        (("table", table.name), ("as of", _plain(now)), ("time zone", str(zone)), ("rows", len(table.rows)))
    ):
        info.write_string(row, 0, name)
        info.write_string(row, 1, str(value))
    book.close()
    return into.getvalue()


def _plain(value: Any) -> Any:
    return time_text(value) if isinstance(value, datetime) else value

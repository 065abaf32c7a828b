"""Rows as CSV and NDJSON, for lists that are streamed whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Final

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
_UNSEEN: Final = " \u00a0\u200a\u200b\u2060\ufeff"
"""What some spreadsheets leave out before they look what a cell begins with."""
_FORMULA: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def cell(value: Any) -> str:
    """A value as CSV text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return "'" + text if text.lstrip(_UNSEEN).startswith(_FORMULA) and not isinstance(value, int | float) else text


def csv_text(rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def ndjson(items: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for item in items)

"""An answer as it is kept, so that it can be given again as it was: figures, names and definitions; and what became another since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tsbridge.core.moments import canonical, instant_text
from tsbridge.reports.model import Column, Question, Report, Row


def name_of(question: Question) -> str:
    """Of all that is asked but `as_of`."""
    told = [question.name, instant_text(question.start), instant_text(question.end), question.group_by, question.sense, str(question.zone)]
    return hashlib.sha256(canonical(told)).hexdigest()


def to_kept(report: Report) -> dict[str, Any]:
    return {
        "title": report.title,
        "definition": report.definition,
        "notes": list(report.notes),
        "columns": [column.to_json() for column in report.columns],
        "rows": [_row(row) for row in report.rows],
        "totals": _row(report.totals),
    }


def _row(row: Row) -> list[Any]:
    return [row.group, dict(row.figures), dict(row.at_least_s)]


def from_kept(question: Question, kept: Mapping[str, Any]) -> Report:
    columns = tuple(Column(**told) for told in kept["columns"])
    rows = tuple(Row(*row) for row in kept["rows"])
    return Report(question, kept["title"], kept["definition"], columns, rows, Row(*kept["totals"]), tuple(kept["notes"]))


def corrected(report: Report, earlier: datetime, given: Mapping[str, Any]) -> Report:
    """The report of a time that was over, with a note where its figures are not those that were given before, `earlier`."""
    before = from_kept(replace(report.question, as_of=earlier), given)
    titles = {column.key: column.title for column in report.columns}
    others = sorted(
        title for key, title in titles.items() if _of(before, key) != _of(report, key) and key in {column.key for column in before.columns}
    )
    if not others:
        return report
    at = f"{earlier.astimezone(report.question.zone):%Y-%m-%d %H:%M:%S}"
    note = f"Others than those given as known at {at} ({report.question.zone}), since more is known by now: {', '.join(others)}."
    return replace(report, notes=(*report.notes, note))


def _of(report: Report, key: str) -> list[tuple[str, Any, Any]]:
    return [(row.group, row.figures.get(key), row.at_least_s.get(key)) for row in (*report.rows, report.totals)]

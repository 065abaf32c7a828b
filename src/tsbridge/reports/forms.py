"""A report as JSON values and as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from typing_extensions import TypedDict

from tsbridge.reports.model import Column, Figure, Question, Report, Row, Sense

PATH: Final = "/v1/reports"

ReportShown = TypedDict(
    "ReportShown",
    {
        "name": str,
        "title": str,
        "from": str,  # no name a class could have
        "to": str,
        "timezone": str,
        "as_of": str,
        "sense": Sense,
        "group_by": str,
        "definition": str,
        "notes": list[str],
        "columns": list[Column],
        "rows": list[dict[str, Any]],  # `group`, a figure by the key of each column, `at_least_s`, `cases_url`
        "totals": dict[str, Any],
    },
)


def to_json(report: Report) -> dict[str, Any]:
    """As the contract has it (section 9)."""
    question = report.question
    return {
        "name": question.name,
        "title": report.title,
        "from": instant(question.start),
        "to": instant(question.end),
        "timezone": str(question.zone),
        "as_of": instant(question.as_of),
        "sense": question.sense,
        "group_by": question.group_by,
        "definition": report.definition,
        "notes": list(report.notes),
        "columns": [column.to_json() for column in report.columns],
        "rows": [{"group": row.group, **_figures(report, row, row.group)} for row in report.rows],
        "totals": _figures(report, report.totals, None),
    }


def _figures(report: Report, row: Row, group: str | None) -> dict[str, Any]:
    figures = {column.key: row.figures[column.key] for column in report.columns}
    bounds = {column.key: row.at_least_s[column.key] for column in report.columns if column.key in row.at_least_s}
    return {**figures, "at_least_s": bounds, "cases_url": cases_url(report.question, group)}


def cases_url(question: Question, group: str | None, column: str | None = None) -> str:
    """Where the cases of a group, or of all, are listed; with a column those behind that figure."""
    behind = {name: value for name, value in (("group", group), ("column", column)) if value is not None}
    return "&".join((_cases_url(question), *([urlencode(behind)] if behind else ())))


@lru_cache(maxsize=32)
def _cases_url(question: Question) -> str:
    """Of a question, not of each of its rows: an hour by hour report of a year has thousands."""
    asked = {
        "from": instant(question.start),
        "to": instant(question.end),
        "group_by": question.group_by,
        "sense": question.sense,
        "as_of": instant(question.as_of),
    }
    return f"{PATH}/{question.name}/cases?{urlencode(asked)}"


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def lines(report: Report) -> Iterator[list[Figure]]:
    """A head, a line for each group, and the totals; with what is not known yet and where its cases are."""
    question = report.question
    yield [question.group_by, *(column.key for column in report.columns), "at_least_s", "cases_url"]
    for row in report.rows:
        yield [row.group, *_cells(report, row), cases_url(question, row.group)]
    yield ["(all)", *_cells(report, report.totals), cases_url(question, None)]


def _cells(report: Report, row: Row) -> list[Figure]:
    bounds = " ".join(f"{key}={seconds}" for key, seconds in sorted(row.at_least_s.items()))
    return [*(row.figures[column.key] for column in report.columns), bounds]

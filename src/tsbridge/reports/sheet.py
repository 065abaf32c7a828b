"""Reports as a spreadsheet: a sheet for each with a real table and a native chart, and one that says what the figures mean.

No cell is a formula, whatever stands in it. Days and hours are dates of the team's zone. The same report gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from tsbridge.reports.forms import cases_url, lines
from tsbridge.reports.model import Column, Figure, Report

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PLAIN: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "nan_inf_to_errors": True,
}
_LONGEST: Final = 32_000
"""Of a text that a cell takes."""
_WIDEST_NAME: Final = 31


def workbook(reports: Sequence[tuple[Report, Sequence[Column]]], title: str) -> bytes:
    """One sheet for each report, with a chart of the columns given beside it, behind one about all of them; the first report's is shown."""
    import xlsxwriter  # when somebody asks for one: most processes never do

    into = io.BytesIO()
    book = xlsxwriter.Workbook(into, _PLAIN)
    as_of = max(report.question.as_of for report, _ in reports)
    book.set_properties({"title": title, "created": as_of.astimezone(UTC).replace(tzinfo=None), "author": "tsbridge"})
    forms = _Forms(book)
    info = book.add_worksheet("info")
    names: set[str] = {"info"}
    for number, (report, charted) in enumerate(reports):
        _sheet(book, forms, report, charted, _name(report, names), f"Table{number + 1}")
    book.worksheets()[1].activate()
    _info(info, forms, [report for report, _ in reports], title)
    book.close()
    return into.getvalue()


class _Forms:
    """How cells look."""

    def __init__(self, book: Any) -> None:
        self.bold = book.add_format({"bold": True})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self.hour = book.add_format({"num_format": 'yyyy-mm-dd"T"hh', "align": "left"})
        self.instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
        self.of_unit = {
            "s": book.add_format({"num_format": "#,##0"}),
            "count": book.add_format({"num_format": "#,##0"}),
            "fraction": book.add_format({"num_format": "0.0%"}),
        }


def _name(report: Report, taken: set[str]) -> str:
    """A sheet's name: of two reports of one name the grouping tells them apart."""
    name = report.question.name if report.question.name not in taken else f"{report.question.name} by {report.question.group_by}"
    taken.add(name[:_WIDEST_NAME])
    return name[:_WIDEST_NAME]


def _sheet(book: Any, forms: _Forms, report: Report, charted: Sequence[Column], name: str, table: str) -> None:
    sheet = book.add_worksheet(name)
    head, *body = lines(report)
    titles = [str(head[0]), *(f"{column.title} ({column.unit})" for column in report.columns), "at least (s)", "cases"]
    by = report.question.group_by
    for place, line in enumerate(body[:-1], 1):
        _write(sheet, forms, place, 0, line[0], _form(forms, by), by)
        for number, figure in enumerate(line[1:], 1):
            _write(sheet, forms, place, number, figure, _unit(forms, report, number))
    last = len(body) - 1
    columns = [{"header": title} for title in _apart(titles)]
    sheet.add_table(0, 0, max(1, last), len(titles) - 1, {"name": table, "columns": columns, "style": "Table Style Light 1"})
    totals = body[-1]
    sheet.write_string(max(1, last) + 1, 0, str(totals[0]), forms.bold)
    for number, figure in enumerate(totals[1:], 1):
        _write(sheet, forms, max(1, last) + 1, number, figure, _unit(forms, report, number))
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, len(report.columns), 14)
    sheet.set_column(len(report.columns) + 1, len(report.columns) + 2, 30)
    sheet.freeze_panes(1, 1)
    if last and charted:
        _chart(book, sheet, report, charted, name, last)


def _chart(book: Any, sheet: Any, report: Report, charted: Sequence[Column], name: str, last: int) -> None:
    chart = book.add_chart({"type": "column"})
    keys = [column.key for column in report.columns]
    for column in charted:
        place = keys.index(column.key) + 1
        chart.add_series({"name": column.title, "categories": [name, 1, 0, last, 0], "values": [name, 1, place, last, place]})
    chart.set_title({"name": report.head})
    chart.set_x_axis({"text_axis": True})
    chart.set_y_axis({"name": charted[0].unit})
    chart.set_size({"width": 900, "height": 360})
    sheet.insert_chart(last + 4, 0, chart, {"description": f"{report.title}; the figures stand in the table above."})


def _write(sheet: Any, forms: _Forms, row: int, column: int, figure: Figure, form: Any, by: str = "") -> None:
    if figure is None:
        sheet.write_blank(row, column, None, form)
    elif isinstance(figure, str):
        if by in ("day", "hour"):
            sheet.write_datetime(row, column, _date(figure), form)
        else:
            sheet.write_string(row, column, figure[:_LONGEST], form)
    else:
        sheet.write_number(row, column, figure, form)


def _date(label: str) -> datetime:
    """Of a day or an hour on the wall clock."""
    return datetime.fromisoformat(f"{label}:00") if "T" in label else datetime.combine(date.fromisoformat(label), datetime.min.time())


def _form(forms: _Forms, by: str) -> Any:
    return {"day": forms.day, "hour": forms.hour}.get(by)


def _unit(forms: _Forms, report: Report, number: int) -> Any:
    return forms.of_unit.get(report.columns[number - 1].unit) if number <= len(report.columns) else None


def _apart(titles: Sequence[str]) -> list[str]:
    """A table's columns have different names."""
    found: list[str] = []
    for title in titles:
        found.append(title if title not in found else f"{title} {found.count(title) + 1}")
    return found


def _info(sheet: Any, forms: _Forms, reports: Sequence[Report], title: str) -> None:
    question = reports[0].question
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 7, 30)
    sheet.write_string(0, 0, title, forms.bold)
    times = (("from (included)", question.start), ("to (not included)", question.end), ("as known at", question.as_of))
    for row, (name, at) in enumerate(times, 1):
        sheet.write_string(row, 0, name)
        sheet.write_datetime(row, 1, at.astimezone(question.zone).replace(tzinfo=None, microsecond=0), forms.instant)
    told = [("times are those of", str(question.zone)), ("sense", question.sense)]
    for row, (name, value) in enumerate(told, 4):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, value)
    row = 7
    for report in reports:
        sheet.write_string(row, 0, f"{report.question.name} by {report.question.group_by}", forms.bold)
        sheet.write_string(row, 1, report.definition[:_LONGEST], forms.wrapped)
        sheet.write_string(row + 1, 0, "all its cases")
        sheet.write_string(row + 1, 1, cases_url(report.question, None))
        for place, name in enumerate(("figure", "key", "unit", "metric", "sense", "time", "schedule", "population")):
            sheet.write_string(row + 2, place, name, forms.bold)
        for number, column in enumerate(report.columns, row + 3):
            told_of = column.to_json()
            values = (column.title, *(told_of[name] for name in ("key", "unit", "metric", "sense", "time", "schedule", "population")))
            for place, value in enumerate(values):
                sheet.write_string(number, place, "" if value is None else str(value), forms.wrapped)
        row += len(report.columns) + 4
        for note in report.notes:
            sheet.write_string(row, 1, note, forms.wrapped)
            row += 1
        row += 1

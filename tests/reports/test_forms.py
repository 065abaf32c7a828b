"""Whatever the form, the figures are the same."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from datetime import datetime
from functools import cache
from typing import Any

import openpyxl
import pytest

from tests.reports.test_cases import START, UNTIL
from tests.reports.weeks import END, ZONE, Weeks
from tsbridge.acts import reports
from tsbridge.acts.around import Around
from tsbridge.reports.chart import TooMany, chart
from tsbridge.reports.forms import lines, to_json
from tsbridge.reports.model import Column, Question, Report, Row
from tsbridge.reports.sheet import workbook
from tsbridge.reports.words import duration, shown

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def told(lived: Weeks) -> dict[str, Report]:
    return told_of(lived)


@cache
def told_of(lived: Weeks) -> dict[str, Report]:
    """Every report, grouped as it is by itself."""

    def read(conn: Any) -> dict[str, Report]:
        around = Around(lived.rulebooks, lived.roster)
        asked = (Question(kind.name, START, UNTIL, kind.group_by, END, ZONE) for kind in reports.KINDS.values())
        return {question.name: reports.report(conn, around, question) for question in asked}

    return lived.database.read_now(read)


def made(told: dict[str, Report]) -> bytes:
    return workbook([(report, reports.charted(report)) for report in told.values()], "A week")


def test_another_library_reads_the_spreadsheet_and_no_cell_is_a_formula(told: dict[str, Report]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(made(told)))
    assert book.active.title == next(iter(told))
    for name, report in told.items():
        sheet, whole = book[name], to_json(report)
        read = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
        keys = [column.key for column in report.columns]
        for line, row in zip(read[1:], whole["rows"], strict=False):
            label = line[0].strftime("%Y-%m-%d") if isinstance(line[0], datetime) else line[0]
            assert (label, line[1:-2]) == (row["group"], [row[key] for key in keys])
        totals = next(line for line in read if line[0] == "(all)")
        assert totals[1:-2] == [whole["totals"][key] for key in keys]
        assert len(sheet.tables) == 1
        assert len(sheet._charts) == 1
    info = [cell.value for row in book["info"].iter_rows() for cell in row]
    assert {told["sla"].definition, "America/Los_Angeles", *(at.astimezone(ZONE).replace(tzinfo=None) for at in (START, END))} <= {*info}


def test_the_same_report_gives_the_same_bytes_in_every_form(told: dict[str, Report]) -> None:
    assert made(told) == made(told)
    for report in told.values():
        assert chart(report, reports.charted(report)) == chart(report, reports.charted(report))


def test_a_chart_says_every_figure_beside_its_bars_and_runs_nothing(told: dict[str, Report]) -> None:
    for name, report in told.items():
        columns = reports.charted(report)
        drawn = ElementTree.fromstring(chart(report, columns))  # noqa: S314  # our own
        texts = [text.text for text in drawn.iter(f"{SVG}text")]
        for row in (*report.rows, report.totals):
            assert all(shown(column, row) in texts for column in columns), name
        bars = [bar for bar in drawn.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
        assert len(bars) == len(report.rows) * len(columns)
        assert {element.tag for element in drawn.iter()} <= {f"{SVG}{tag}" for tag in ("svg", "title", "desc", "rect", "line", "text")}
        assert not any(key in ("style", "class") or key.startswith("on") for element in drawn.iter() for key in element.attrib)
        assert drawn.get("role") == "img"


def odd(group: str, rows: int = 1) -> Report:
    question = Question("volumes", START, UNTIL, "queue", END, ZONE)
    column = Column("cases", "<b>Cases</b>", "count", "cases", "all")
    return Report(
        question, "Volumes", "What it is", (column,), tuple(Row(group, {"cases": 3}, {}) for _ in range(rows)), Row("", {"cases": 3}, {})
    )


@pytest.mark.parametrize(
    "group", ["=1+1", "+A1", "-2", "@SUM(A1)", "https://evil.example", "<script>alert(1)</script>", "\u202e", "'", '"']
)
def test_names_are_names_whatever_they_look_like(group: str) -> None:
    report = odd(group)
    sheet = openpyxl.load_workbook(io.BytesIO(workbook([(report, report.columns)], "=1")))["volumes"]
    assert (sheet["A2"].value, sheet["A2"].data_type, sheet["A2"].hyperlink) == (group, "s", None)
    drawn = ElementTree.fromstring(chart(report, report.columns))  # noqa: S314  # our own
    assert group in [text.text for text in drawn.iter(f"{SVG}text")] or len(group) > 18


def test_more_groups_than_a_chart_can_show_are_refused() -> None:
    report = odd("one", 401)
    with pytest.raises(TooMany):
        chart(report, report.columns)


def test_what_is_not_known_yet_is_shown_as_at_least() -> None:
    column = Column("resolve_p90_s", "90 % within", "s", "time", "cases")
    question = Question("resolutions", START, UNTIL, "queue", END, ZONE)
    row = Row("safety", {"resolve_p90_s": None}, {"resolve_p90_s": 93_784})
    report = Report(question, "Resolutions", "", (column,), (row,), row)
    assert "at least 1 d 2 h" in chart(report, report.columns)
    assert list(lines(report))[1][:3] == ["safety", None, "resolve_p90_s=93784"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_661, "1 h 1 min"), (86_400, "1 d"), (90_061, "1 d 1 h"), (86_460, "1 d")],
)
def test_durations_are_told_by_their_two_largest_units(seconds: int, words: str) -> None:
    assert duration(seconds) == words

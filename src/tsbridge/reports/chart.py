"""Charts as SVG: bars by group, and beside them the table of the same figures. No script, no style: it is shown under any policy.

Whoever cannot see it is told by its title and description, and each bar says what it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from tsbridge.reports.model import Column, Report, Row
from tsbridge.reports.words import said, shown

COLOURS: Final = ("#0b5cad", "#b45309", "#4d7c0f")
"""Each with a contrast of 4.5 to white, and told apart without colours by how light it is."""
INK, FAINT, PAPER = "#1f2937", "#d1d5db", "#ffffff"
FONT: Final = "system-ui, sans-serif"
LEFT, TOP, HEIGHT, GAP = 84, 96, 320, 40
WIDEST, NARROWEST = 72, 14
"""Of what a group takes on the axis."""
LINE: Final = 20
SHORT: Final = 18
"""Characters of a group's name under its bars."""
ALONE: Final = 820
"""What the line below the title takes."""
MOST: Final = 400
"""Groups that one chart shows."""


class TooMany(ValueError):
    """More groups than a chart can show."""


def chart(report: Report, columns: Sequence[Column], *, mark: str = "", beside: bool = True) -> str:
    """Bars for up to three columns of one unit. `mark`: makes its ids different from those of others on one page; `beside`: with the
    table. Raises `TooMany`."""
    rows = report.rows
    if len(rows) > MOST:
        raise TooMany
    group = max(NARROWEST, min(WIDEST, 640 // max(1, len(rows)))) * (1 if len(columns) == 1 or len(rows) > 20 else 1.4)
    legend = sum(_legend_width(column) for column in columns)
    width = max(360, round(group * max(1, len(rows))), round(legend))
    top = _top(columns, rows)
    table_x = LEFT + width + GAP
    column_x = [table_x + 150 + 120 * place for place in range(len(columns))]
    total_width = max(column_x[-1] + 130 if beside else table_x, ALONE)
    total_height = max(TOP + HEIGHT + 110, TOP + LINE * (len(rows) + 3) if beside else 0)
    question = report.question
    until = f"{question.start.astimezone(question.zone):%Y-%m-%d %H:%M} to {question.end.astimezone(question.zone):%Y-%m-%d %H:%M}"
    told = f"{until}, {question.zone}. As known at {question.as_of.astimezone(question.zone):%Y-%m-%d %H:%M:%S}."
    described = "; ".join(f"{column.title}: {shown(column, report.totals)} in all" for column in columns)
    where = "beside" if beside else "below"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title{mark} told{mark}" '
        f'viewBox="0 0 {total_width} {total_height}" '
        f'width="{total_width}" height="{total_height}" font-family="{FONT}" font-size="12" fill="{INK}">',
        f'<title id="title{mark}">{escape(report.head)}</title>',
        f'<desc id="told{mark}">{escape(f"{told} {described}. The figures stand in the table {where} the bars.")}</desc>',
        f'<rect width="{total_width}" height="{total_height}" fill="{PAPER}"/>',
        _text(LEFT, 30, report.head, size=18, weight="bold"),
        _text(LEFT, 50, told, fill="#4b5563"),
        *_legend(columns),
        *_axis(columns[0], top, width),
        *_bars(columns, rows, top, group),
        *_names(rows, group),
        *(_table(report, columns, table_x, column_x, total_width) if beside else ()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _value(column: Column, row: Row) -> float:
    figure = row.at_least_s.get(column.key, row.figures[column.key])
    return float(figure) if isinstance(figure, int | float) else 0.0


def _top(columns: Sequence[Column], rows: Sequence[Row]) -> float:
    """The end of the axis: a round number that nothing goes beyond."""
    most = max((_value(column, row) for column in columns for row in rows), default=0.0)
    if columns[0].unit == "fraction":
        return 1.0
    if columns[0].unit == "s":
        steps = (60, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400)
        step = next((one for one in steps if 4 * one >= most), 86_400 * max(1, -(-int(most) // (4 * 86_400))))
        return 4.0 * step
    step, place = 1, 0
    while 4 * step < most:
        place += 1
        step = (1, 2, 5)[place % 3] * 10 ** (place // 3)
    return 4.0 * step


def _axis(column: Column, top: float, width: int) -> list[str]:
    parts = []
    for line in range(5):
        y, value = TOP + HEIGHT - HEIGHT * line / 4, top * line / 4
        figure = int(value) if column.unit != "fraction" else value
        parts.append(f'<line x1="{LEFT}" y1="{y:g}" x2="{LEFT + width}" y2="{y:g}" stroke="{INK if line == 0 else FAINT}"/>')
        parts.append(_text(LEFT - 8, y + 4, said(column, figure), anchor="end"))
    return parts


def _bars(columns: Sequence[Column], rows: Sequence[Row], top: float, group: float) -> list[str]:
    parts = []
    each = group * 0.8 / len(columns)
    for place, row in enumerate(rows):
        for number, column in enumerate(columns):
            height = round(HEIGHT * _value(column, row) / top, 1)
            x, y = LEFT + group * (place + 0.1) + each * number, TOP + HEIGHT - height
            open_ended = column.key in row.at_least_s
            how = f'fill="{PAPER}" stroke="{COLOURS[number]}" stroke-dasharray="4 3"' if open_ended else f'fill="{COLOURS[number]}"'
            told = escape(f"{row.group}: {column.title} {shown(column, row)}")
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1.0, each - 1):.1f}" height="{height:g}" {how}><title>{told}</title></rect>'
            )
    return parts


def _names(rows: Sequence[Row], group: float) -> list[str]:
    """The groups' names, slanted; only so many that they do not run into each other, and the table has them all."""
    every = max(1, -(-18 // int(group)))
    parts = []
    for place, row in enumerate(rows):
        if place % every == 0:
            x, y = LEFT + group * (place + 0.5), TOP + HEIGHT + 16
            name = row.group if len(row.group) <= SHORT else row.group[: SHORT - 1] + "\u2026"
            parts.append(f'<text x="{x:.1f}" y="{y}" text-anchor="end" transform="rotate(-40 {x:.1f} {y})">{escape(name)}</text>')
    return parts


def _legend(columns: Sequence[Column]) -> list[str]:
    parts, x = [], float(LEFT)
    for number, column in enumerate(columns):
        parts.append(f'<rect x="{x:g}" y="64" width="12" height="12" fill="{COLOURS[number]}"/>')
        parts.append(_text(x + 18, 74, column.title))
        x += _legend_width(column)
    return parts


def _legend_width(column: Column) -> float:
    return 40 + 6.6 * len(column.title)


def _table(report: Report, columns: Sequence[Column], x: float, column_x: Sequence[float], width: float) -> list[str]:
    y = TOP - 8
    parts = [_text(x, y, report.question.group_by, weight="bold")]
    parts += [_text(at + 110, y, _short(column.title), weight="bold", anchor="end") for at, column in zip(column_x, columns, strict=True)]
    parts.append(f'<line x1="{x:g}" y1="{y + 6}" x2="{width - 18:g}" y2="{y + 6}" stroke="{INK}"/>')
    lines = [*((row.group, row) for row in report.rows), ("all", report.totals)]
    for number, (name, row) in enumerate(lines, 1):
        at_y, weight = y + 6 + LINE * number, "bold" if row is report.totals else "normal"
        parts.append(_text(x, at_y, name if len(name) <= 22 else name[:21] + "\u2026", weight=weight))
        parts += [_text(at + 110, at_y, shown(c, row), weight=weight, anchor="end") for at, c in zip(column_x, columns, strict=True)]
    return parts


def _short(title: str) -> str:
    """The end of a title that says which of several it is."""
    return title.rsplit(", ", 1)[-1] if len(title) > 16 else title


def _text(x: float, y: float, said: str, *, size: int = 12, weight: str = "normal", anchor: str = "start", fill: str = INK) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{fill}">{escape(said)}</text>'

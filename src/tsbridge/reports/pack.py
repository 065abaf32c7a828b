"""The weekly pack: what a supervisor shows on Monday, on one page that prints, or in one spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from tsbridge.reports.chart import chart
from tsbridge.reports.forms import cases_url
from tsbridge.reports.model import Column, Report, Row
from tsbridge.reports.words import shown

CONTENTS: Final = (
    ("volumes", "day"),
    ("volumes", "channel"),
    ("volumes", "category"),
    ("volumes", "severity"),
    ("responses", "queue"),
    ("resolutions", "category"),
    ("escalations", "day"),
    ("sla", "queue"),
    ("sla", "shift"),
    ("claims", "day"),
    ("calls", "day"),
    ("workload", "agent"),
    ("fairness", "agent"),
    ("exposure", "agent"),
    ("rules", "rule"),
    ("patterns", "category"),
    ("writeback", "day"),
    ("coverage", "queue"),
)
"""Reports with what each is grouped by."""
Charted = tuple[Report, Sequence[Column]]

STYLE: Final = """
@page { size: A4 landscape; margin: 12mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: #1f2937; background: #fff; font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .25rem; break-after: avoid; }
p { margin: .25rem 0 .75rem; max-width: 60rem; overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; display: block; break-inside: avoid; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; margin: .5rem 0; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #d1d5db; text-align: right; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #1f2937; }
tfoot td, tfoot th { font-weight: 700; border-top: 2px solid #1f2937; }
dl { font-size: .8rem; columns: 2; margin: .25rem 0 0; }
dl div { break-inside: avoid; margin-bottom: .2rem; }
dt { font-weight: 600; display: inline; }
dd { display: inline; margin: 0; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
a { color: #0b5cad; }
nav ol { columns: 3; padding-left: 1.2rem; }
@media print { nav { display: none; } h2 { margin-top: 1rem; } a { color: inherit; text-decoration: none; } }
"""


def page(reports: Sequence[Charted], title: str, base: str = "") -> str:
    """`base`: the address that links begin with."""
    question = reports[0][0].question
    start, end, known = (f"{at.astimezone(question.zone):%Y-%m-%d %H:%M}" for at in (question.start, question.end, question.as_of))
    zone = escape(str(question.zone))
    places = "\n".join(f'<li><a href="#r{place}">{escape(report.head)}</a></li>' for place, (report, _) in enumerate(reports))
    sections = "\n".join(_section(report, charted, place, base) for place, (report, charted) in enumerate(reports))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{start} to {end}, {zone}. As known at {known}; sense <em>{question.sense}</em>. Every number leads to its cases.</p>
<nav aria-label="Reports"><ol>
{places}
</ol></nav>
<main>
{sections}
</main>
</body>
</html>
"""


def _section(report: Report, charted: Sequence[Column], place: int, base: str) -> str:
    notes = "".join(f"<p><strong>{escape(note)}</strong></p>\n" for note in report.notes)
    drawn = chart(report, charted, mark=f"-{place}", beside=False) if report.rows else "<p>Nothing in this time.</p>\n"
    heads = "".join(f'<th scope="col">{escape(column.title)}</th>' for column in report.columns)
    rows = "\n".join(_line(report, row, base) for row in report.rows)
    told = "\n".join(f"<div><dt>{escape(column.title)}</dt> <dd>{escape(_meaning(column))}</dd></div>" for column in report.columns)
    head, by = escape(report.head), escape(report.question.group_by)
    return f"""<section aria-labelledby="r{place}">
<h2 id="r{place}">{head}</h2>
<p>{escape(report.definition)}</p>
{notes}{drawn}<div class="wide" tabindex="0" role="region" aria-label="{head}, table"><table>
<thead><tr><th scope="col">{by}</th>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
<tfoot>
{_line(report, report.totals, base, name="all")}
</tfoot>
</table></div>
<dl>
{told}
</dl>
</section>"""


def _line(report: Report, row: Row, base: str, name: str | None = None) -> str:
    group = row.group if name is None else None
    cells = "".join(f"<td>{_cell(report, row, column, group, base)}</td>" for column in report.columns)
    return f'<tr><th scope="row">{escape(row.group if name is None else name)}</th>{cells}</tr>'


def _cell(report: Report, row: Row, column: Column, group: str | None, base: str) -> str:
    said = escape(shown(column, row))
    if not row.figures[column.key] and column.key not in row.at_least_s:
        return said
    return f'<a href="{escape(base + cases_url(report.question, group, column.key))}">{said}</a>'


def _meaning(column: Column) -> str:
    time = "" if column.time is None else f"; {column.time} time" + (f", {column.schedule}" if column.schedule else "")
    return f"{column.metric}; of {column.population}{time} ({column.unit}, {column.sense})."

"""The guide to the reports names every report, every column and every view there is, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import inspect

from tsbridge.acts.report_kinds import KINDS
from tsbridge.reports.model import GROUPS
from tsbridge.store import report_views
from tsbridge.store.db import Database

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "reports.md").read_text()
CONTRACT = {
    "volumes": "cases tickets calls open",
    "responses": "cases acknowledged acknowledge_p50_s acknowledge_p90_s acknowledge_p95_s first_reply_p50_s open",
    "resolutions": "cases resolved resolve_p50_s resolve_p90_s open",
    "escalations": "cases armed fired acknowledged late open",
    "rules": "decisions cases open",
    **dict.fromkeys(("sla", "claims", "calls", "workload", "exposure", "patterns", "writeback", "coverage"), "cases open"),
    "fairness": "open",
}
"""The columns that callers rely on, in either sense."""


def rows(head: str) -> dict[str, list[str]]:
    """The lines of a table of the guide, by their first cell."""
    table = GUIDE[GUIDE.index(head) :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]
    return {cell[0].strip(" `"): cell[1:] for cell in cells}


def test_every_report_has_the_columns_that_callers_rely_on() -> None:
    assert KINDS.keys() == CONTRACT.keys()
    for name, wanted in CONTRACT.items():
        for sense in ("true", "zendesk"):
            keys = [measure.column.key for measure in KINDS[name].counting(sense).measures()]  # type: ignore[arg-type]
            assert len(keys) == len({*keys})
            assert {*wanted.split()} <= {*keys}, (name, sense)
        assert {*KINDS[name].charted} <= {measure.column.key for measure in KINDS[name].measures()}
        assert {*KINDS[name].groups} <= {*GROUPS}


def test_the_guide_tells_every_column_of_every_report() -> None:
    told = rows("| name | figures | how |")
    assert told.keys() == KINDS.keys()
    for name, (figures, _) in told.items():
        found: list[str] = []
        for word in re.findall(r"`([^`]+)`", figures):
            if word.startswith("_p") and found:  # `resolve_p50_s` `_p90_s`
                word = re.sub(r"_p\d+_s$", word, found[-1])
            found.append(word)
        keys = [measure.column.key for measure in KINDS[name].measures()]
        if name == "sla":
            parts = [word for word in found if word.startswith("_")] + ["_p90_s"]
            found = ["cases", "open", *(f"{of}{part}" for of in ("acknowledge", "resolve") for part in dict.fromkeys(parts))]
            found = [word for word in found if word in keys]
        assert sorted({*found}) == sorted(keys), name


def test_the_guide_tells_every_column_of_every_view(database: Database) -> None:
    told = rows("| view | a row is | columns |")
    assert told.keys() == report_views.VIEWS.keys()
    for name, cells in told.items():
        columns = database.read_now(lambda conn, name=name: {one["name"] for one in inspect(conn).get_columns(name)})  # type: ignore[misc]
        assert {*cells[-1].strip(" `|").split()} == columns, name

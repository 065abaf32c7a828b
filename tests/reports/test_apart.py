"""Reports over much are worked out by another process, which comes to the same."""

from __future__ import annotations

from typing import Any

from tests.reports.test_cases import START, UNTIL
from tests.reports.weeks import END, ZONE, Weeks
from tsbridge.acts import reports
from tsbridge.acts.around import Around
from tsbridge.report_process import reports_in_child


def test_another_process_comes_to_the_same_figures(lived: Weeks) -> None:
    asked = reports.pack_of(START, UNTIL, END, ZONE)

    def here(conn: Any) -> list[Any]:
        around = Around(lived.rulebooks, lived.roster)
        return [reports.report(conn, around, one) for one in asked]

    url = lived.database.url.render_as_string(hide_password=False)
    assert reports_in_child(asked, url, ZONE) == lived.database.read_now(here)


def test_much_is_so_many_decisions(lived: Weeks) -> None:
    asked = reports.pack_of(START, UNTIL, END, ZONE)
    assert not lived.database.read_now(lambda conn: reports.is_over_much(conn, asked))

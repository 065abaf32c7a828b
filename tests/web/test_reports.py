"""Reports as callers get them: in every form the same figures, and behind each figure its cases."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import re
import threading
from datetime import datetime, timedelta
from typing import Any

import openpyxl
import pytest
from sqlalchemy import delete, update

from tests.clocks import START
from tests.web import rows
from tsbridge.acts import reports as acts
from tsbridge.acts.around import Around
from tsbridge.acts.csvtext import CSV
from tsbridge.reports.sheet import MEDIA_TYPE as XLSX
from tsbridge.store import case_tables, link_tables
from tsbridge.web.admission import THREADS

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
async def desk(room: Any) -> Any:
    """Cases of two days in the team's zone: one before midnight, two behind it."""

    def fill(conn: Any) -> None:
        at = datetime.fromisoformat("2026-11-21T06:30:00+00:00")
        rows.case(conn, "case_a", at, "1", severity=1, queue="safety", category="safety_incident", acknowledged_at=at + HOUR)
        rows.case(conn, "case_b", at + 2 * HOUR, "2", severity=3, queue="intake")
        rows.case(conn, "case_c", at + 3 * HOUR, "3", queue="=cmd|' /C calc'!A1")

    await room.desk.database.write(fill)
    return room


WEEK = "/v1/reports/volumes?from=2026-11-16&to=2026-11-23"


async def test_cases_are_counted_on_the_days_of_the_teams_zone_and_days_without_any_stand_there_too(desk: Any) -> None:
    answer = (await desk.client.get(WEEK)).json()
    assert {row["group"]: row["cases"] for row in answer["rows"]} == {
        **{f"2026-11-{day}": 0 for day in (16, 17, 18, 19, 22)},
        "2026-11-20": 1,
        "2026-11-21": 2,
    }
    assert (answer["from"], answer["to"]) == ("2026-11-16T08:00:00Z", "2026-11-23T08:00:00Z")
    assert (answer["timezone"], answer["group_by"], answer["sense"]) == ("America/Los_Angeles", "day", "true")
    assert answer["totals"]["cases"] == 3


async def test_each_figure_opens_to_its_cases(desk: Any) -> None:
    answer = (await desk.client.get(WEEK + "&group_by=severity")).json()
    found = {row["group"]: (await desk.client.get(row["cases_url"])).json()["items"] for row in answer["rows"]}
    assert {group: [one["id"] for one in items] for group, items in found.items()} == {
        "1": ["case_a"],
        "3": ["case_b"],
        "(none)": ["case_c"],
    }
    severe = (await desk.client.get(answer["totals"]["cases_url"] + "&column=severe")).json()
    assert severe["items"] == [{"id": "case_a", "value": None}]
    paged = (await desk.client.get(answer["totals"]["cases_url"] + "&limit=2")).json()
    assert [one["id"] for one in paged["items"]] == ["case_a", "case_b"]
    rest = await desk.client.get(answer["totals"]["cases_url"], params={"cursor": paged["next_cursor"], "limit": "2"})
    assert [one["id"] for one in rest.json()["items"]] == ["case_c"]


async def test_times_open_to_cases_with_what_each_adds(desk: Any) -> None:
    answer = (await desk.client.get("/v1/reports/responses?from=2026-11-16&to=2026-11-23")).json()
    assert answer["totals"]["acknowledge_p50_s"] is None
    assert (
        answer["totals"]["at_least_s"]["acknowledge_p50_s"] == (START - datetime.fromisoformat("2026-11-21T09:30:00+00:00")).total_seconds()
    )
    shown = (await desk.client.get(answer["totals"]["cases_url"] + "&column=acknowledge_p50_s")).json()["items"]
    assert (shown[0]["id"], shown[0]["value"]) == ("case_a", 3600)


async def test_csv_has_the_figures_of_the_json_and_no_formula(desk: Any) -> None:
    url = WEEK + "&group_by=queue&as_of=2026-11-22T08:00:00Z"
    shown, text = (await desk.client.get(url)).json(), await desk.client.get(url, headers={"Accept": "text/csv"})
    assert text.headers["content-type"].startswith("text/csv")
    head, *lines = list(csv.reader(io.StringIO(text.text)))
    keys = [column["key"] for column in shown["columns"]]
    assert head == ["queue", *keys, "at_least_s", "cases_url"]
    for line, row in zip(lines, [*shown["rows"], {"group": "(all)", **shown["totals"]}], strict=True):
        assert line[1:-2] == ["" if row[key] is None else str(row[key]) for key in keys]
        assert line[0].removeprefix("'") == row["group"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)


async def test_the_reports_there_are_come_with_their_definitions(desk: Any) -> None:
    items = (await desk.client.get("/v1/reports")).json()["items"]
    assert {"volumes", "responses", "resolutions"} <= {one["name"] for one in items}
    for one in items:
        assert one["definition"]
        assert all(column["metric"] and column["population"] and column["unit"] for column in one["columns"])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("nothing", 404),
        ("volumes?from=yesterday", 422),
        ("volumes?to=9999-12-31T23:59:59Z", 422),
        ("volumes?to=0001-01-01", 422),
        ("volumes?as_of=0001-01-01T00:00:00Z", 422),
        ("volumes?from=2026-11-23&to=2026-11-16", 422),
        ("volumes?from=2020-01-01&to=2026-11-16", 422),
        ("volumes?group_by=colour", 422),
        ("volumes?as_of=2036-11-16T00:00:00Z", 422),
        ("volumes?sense=other", 422),
        ("volumes/cases?column=colour", 422),
    ],
)
async def test_what_makes_no_sense_is_refused(query: str, status: int, desk: Any) -> None:
    assert (await desk.client.get(f"/v1/reports/{query}")).status_code == status


async def test_a_spreadsheet_and_a_chart_have_the_figures_of_the_json(desk: Any) -> None:
    url = WEEK + "&group_by=severity&as_of=2026-11-22T08:00:00Z"
    shown = (await desk.client.get(url)).json()
    sheet = await desk.client.get(url, headers={"Accept": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})
    assert sheet.headers["content-disposition"] == 'attachment; filename="volumes.xlsx"'
    read = [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(sheet.content))["volumes"].iter_rows()]
    assert [line[:2] for line in read[1:4]] == [[row["group"], row["cases"]] for row in shown["rows"]]
    drawn = await desk.client.get(url.replace("volumes?", "volumes/chart?"))
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert "Volumes by severity" in drawn.text
    assert "default-src 'none'" in drawn.headers["content-security-policy"]
    assert (await desk.client.get(url.replace("volumes?", "volumes/chart?") + "&column=colour")).status_code == 422


FORMS = ("application/json", "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


async def everything(desk: Any, as_of: str) -> list[bytes]:
    url = f"{WEEK}&group_by=severity&as_of={as_of}"
    told = [(await desk.client.get(url, headers={"Accept": form})).content for form in FORMS]
    return [*told, (await desk.client.get(url.replace("volumes?", "volumes/chart?"))).content]


async def test_an_answer_that_was_given_is_given_again_to_the_byte_and_a_correction_has_its_date(desk: Any) -> None:
    desk.desk.clock.set(datetime.fromisoformat("2026-11-23T09:00:00+00:00"))
    first = await desk.client.get(f"{WEEK}&group_by=severity")
    as_of = first.json()["as_of"]
    before = await everything(desk, as_of)
    assert before[0] == first.content

    def merge(conn: Any) -> None:
        conn.execute(delete(case_tables.cases).where(case_tables.cases.c.id == "case_a"))
        conn.execute(update(link_tables.interactions).where(link_tables.interactions.c.case_id == "case_a").values(case_id="case_b"))

    await desk.desk.database.write(merge)
    desk.desk.clock.advance(HOUR)
    assert await everything(desk, as_of) == before
    later = (await desk.client.get(f"{WEEK}&group_by=severity")).json()
    assert (first.json()["totals"]["cases"], first.json()["notes"], later["totals"]["cases"]) == (3, [], 2)
    assert len(later["notes"]) == 1
    assert later["notes"][0].startswith("Others than those given as known at 2026-11-23 01:00:00 (America/Los_Angeles)")
    assert "Cases" in later["notes"][0]


async def test_a_time_that_goes_on_is_not_corrected_but_goes_on(desk: Any) -> None:
    assert (await desk.client.get(WEEK)).json()["totals"]["cases"] == 3
    await desk.desk.database.write(lambda conn: conn.execute(delete(case_tables.cases).where(case_tables.cases.c.id == "case_a")) and None)
    desk.desk.clock.advance(HOUR)
    later = (await desk.client.get(WEEK)).json()
    assert (later["totals"]["cases"], later["notes"]) == (2, [])


async def test_the_weekly_pack_is_one_page_without_scripts_and_one_spreadsheet(desk: Any) -> None:
    desk.desk.clock.set(datetime.fromisoformat("2026-11-25T09:00:00+00:00"))
    whole = await desk.client.get("/v1/reports/pack?week=2026-W47&as_of=2026-11-25T08:00:00Z")
    assert whole.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'sha256-" in whole.headers["content-security-policy"]
    assert "<script" not in whole.text
    assert "Week 2026-W47" in whole.text
    assert whole.text.count("<section") == whole.text.count("</table>") == 18
    link = re.search(r'href="([^"]+column=cases)"', whole.text)
    assert link is not None
    assert len((await desk.client.get(html.unescape(link[1]))).json()["items"]) > 0
    sheet = await desk.client.get("/v1/reports/pack?week=2026-W47", headers={"Accept": FORMS[2]})
    book = openpyxl.load_workbook(io.BytesIO(sheet.content))
    assert {"info", "volumes", "coverage", "sla by shift"} <= {*book.sheetnames}
    assert len(book.sheetnames) == 19
    by_itself = await desk.client.get("/v1/reports/pack?as_of=2026-11-25T08:00:00Z")
    assert by_itself.content == whole.content


@pytest.mark.parametrize("week", ["2026-W54", "2026-47", "47", "0001-W01"])
async def test_a_week_is_a_week(week: str, desk: Any) -> None:
    assert (await desk.client.get("/v1/reports/pack", params={"week": week})).status_code == 422


@pytest.mark.parametrize(
    ("name", "sense"), [("responses", "zendesk"), ("resolutions", "zendesk"), ("volumes", "true"), ("coverage", "true")]
)
async def test_an_answer_says_in_which_sense_it_counts(name: str, sense: str, desk: Any) -> None:
    answer = (await desk.client.get(f"/v1/reports/{name}?sense=zendesk")).json()
    assert answer["sense"] == sense
    assert {column["sense"] for column in answer["columns"] if column["key"] != "cases"} == {sense}
    assert {"cases", "open"} <= answer["totals"].keys()


async def test_every_report_says_how_much_is_open(desk: Any) -> None:
    for one in (await desk.client.get("/v1/reports")).json()["items"]:
        assert "open" in (await desk.client.get(f"/v1/reports/{one['name']}")).json()["totals"]


async def test_other_forms_are_not_had(desk: Any) -> None:
    assert (await desk.client.get(WEEK, headers={"Accept": "image/png"})).status_code == 406


@pytest.mark.parametrize(("path", "form"), [("", "application/json"), ("", CSV), ("", XLSX), ("/chart", "image/svg+xml")])
async def test_forms_of_an_answer_are_made_beside_what_everybody_waits_for(path: str, form: str, desk: Any) -> None:
    url, headers = WEEK.replace("?", f"{path}?"), {"Accept": form}
    go_on = threading.Event()
    held = [THREADS.submit(go_on.wait, 60) for _ in range(THREADS._max_workers)]
    asking = asyncio.create_task(desk.client.get(url, headers=headers))
    try:
        for _ in range(20):
            assert (await desk.client.get("/v1/cases")).status_code == 200
        assert not asking.done()
    finally:
        go_on.set()
    assert (await asking).status_code == 200
    assert all(one.result() for one in held)


async def test_the_pack_is_worked_out_elsewhere_where_there_is_such_a_place(desk: Any) -> None:
    desk.desk.clock.set(datetime.fromisoformat("2026-11-25T09:00:00+00:00"))
    asked: list[str] = []

    def elsewhere(questions: Any) -> Any:
        asked.extend(question.name for question in questions)
        around = Around(desk.desk.live, desk.desk.roster)
        return desk.desk.database.read_now(lambda conn: [acts.report(conn, around, one) for one in questions])

    async with desk.other(reports_apart=elsewhere) as client:
        first = await client.get("/v1/reports/pack?week=2026-W47")
        assert len(asked) == 18
        assert (await client.get(WEEK)).json()["totals"]["cases"] == 3
        assert len(asked) == 18  # little is worked out here
        again = await client.get("/v1/reports/pack?week=2026-W47")
        assert (again.content, len(asked)) == (first.content, 18)  # given before

"""The pages: what they show and to whom, what may be done on them, and that nothing anybody wrote becomes part of a page."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
from sqlalchemy import Connection, event, select

from tests.console.conftest import NASTY, NOW, visiting
from tsbridge.acts import now
from tsbridge.console.search import meant
from tsbridge.core.moments import Interaction
from tsbridge.store import decision_tables
from tsbridge.store.change_log import WORDS_READ
from tsbridge.store.db import Database
from tsbridge.work.rosters import LiveRoster

pytestmark = pytest.mark.anyio

SIZE = 60 * 1024
PAGES = [
    "now",
    "cases",
    "cases?severity=1&queue=safety",
    "cases?status=all&queue=-",
    "cases/case_000001",
    "cases/case_000003",
    "search?q=4711",
]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_small_whole_and_say_how_old_they_are(filled: Database, path: str) -> None:
    async with visiting(filled, "viewer") as visitor:
        answer = await visitor.client.get(f"/console/{path}", follow_redirects=True)
        assert answer.status_code == 200
        assert len(answer.content) < SIZE
        assert answer.text.rstrip().endswith("</html>")
        assert "Figures as of" in answer.text
        assert 'lang="en"' in answer.text


async def test_now_shows_what_is_open_and_what_is_overdue_the_longest_first(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        page = (await visitor.look("now")).text
        assert "Open cases: 3" in page
        overdue = page[page.index('id="overdue"') : page.index('id="nobody"')]
        assert [overdue.index(f"Ticket {ticket}") for ticket in (4713, 4712, 4711)] == sorted(
            overdue.index(f"Ticket {ticket}") for ticket in (4713, 4712, 4711)
        )
        assert "There is no roster" in page


async def test_now_counts_no_work_row_by_row(filled: Database) -> None:
    """A hundred thousand tickets may wait, and somebody has the page open all shift."""
    asked: list[str] = []

    def look(conn: Connection) -> None:
        event.listen(conn, "before_cursor_execute", lambda _conn, _cursor, statement, *_: asked.append(statement))
        now.look(conn, LiveRoster(), "live", NOW)

    filled.read_now(look)
    assert len(asked) > 5
    assert not [statement for statement in asked if "workload" in statement]


async def test_words_of_severe_cases_are_not_sent_until_asked_for_and_each_look_is_on_record(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("cases/case_000001")).text
        assert "the subject 1" not in page
        assert "onerror" not in page
        assert "the subject 3" in (await visitor.look("cases/case_000003")).text
        asked = await visitor.send("cases/case_000001/words")
        assert "the subject 1" in asked.text
        table = decision_tables.changes
        looks = filled.read_now(lambda conn: conn.execute(select(table.c.actor, table.c.subject).where(table.c.action == WORDS_READ)).all())
        assert [tuple(look) for look in looks] == [("viewer", "case_000001")]
        assert "the subject 1" not in (await visitor.look("now")).text


async def test_what_people_wrote_is_shown_and_never_part_of_the_page(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("cases/case_000003")).text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert NASTY not in page
        assert "<img" not in page
        assert "{{7*7}}" in page
        for path in (f"search?q={NASTY[:30]}", f"cases?queue={NASTY[:40]}"):
            assert "<script>alert" not in (await visitor.look(path)).text


ACTS: list[tuple[str, dict[str, str], str, dict[str, str]]] = [
    ("acknowledge", {}, "case.acknowledged", {"desk.way": "console"}),
    ("resolve", {"note": "done"}, "case.resolved", {"desk.note": "done"}),
    ("note", {"note": "a line\nand another"}, "case.noted", {"desk.note": "a line\nand another"}),
    ("assign", {"agent": "7"}, "case.assigned", {"case.assignee": "7"}),
]


@pytest.mark.parametrize(("act", "fields", "event", "facts"), ACTS)
async def test_a_supervisor_acts_on_a_case_and_comes_back_to_it(
    filled: Database, act: str, fields: dict[str, str], event: str, facts: dict[str, str]
) -> None:
    async with visiting(filled, "supervisor") as visitor:
        answer = await visitor.send(f"cases/case_000001/{act}", **fields)
        assert answer.headers["location"].startswith("/console/cases/case_000001?done=")
        (moment,) = visitor.judged.told
        assert (moment.interaction, moment.event, dict(moment.facts), moment.actor.id) == ("zendesk:4711", event, facts, "supervisor")
        assert 'role="status"' in (await visitor.client.get(answer.headers["location"])).text


async def test_a_supervisor_merges_cases(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        assert (await visitor.send("cases/case_000001/merge", case_id="case_000002")).headers["location"].endswith("?done=merged")
        assert visitor.judged.linked == [{Interaction("zendesk", "4711"), Interaction("zendesk", "4712")}]


@pytest.mark.parametrize("act", ["acknowledge", "resolve", "note", "assign", "merge", "split"])
async def test_a_viewer_may_not(filled: Database, act: str) -> None:
    async with visiting(filled, "viewer") as visitor:
        answer = await visitor.send(f"cases/case_000001/{act}", note="x", agent="ana", case_id="case_000002", interaction="zendesk:4711")
        assert answer.status_code == 403
        assert visitor.judged.told == []
        assert "/acknowledge" not in (await visitor.look("cases/case_000001")).text


async def test_an_act_that_makes_no_sense_is_answered_with_a_page(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        assert (await visitor.send("cases/case_000001/merge", case_id="case_000001")).status_code == 409
        assert (await visitor.send("cases/case_nobody/acknowledge")).status_code == 404
        assert (await visitor.send("cases/case_000001/note", note=" ")).status_code == 422
        assert (await visitor.send("cases/case_000001/split", interaction="mail:1")).status_code == 422


@pytest.mark.parametrize(
    ("pasted", "kind", "value"),
    [
        ("https://desk.zendesk.com/agent/tickets/4711", "ticket", "4711"),
        ("https://desk.zendesk.com/agent/tickets/4711/events?x=1", "ticket", "4711"),
        ("https://desk.zendesk.com/hc/en-us/requests/4711", "ticket", "4711"),
        ("#4711", "ticket", "4711"),
        ("ticket 4711", "ticket", "4711"),
        ("  4711 ", "ticket", "4711"),
        ("case_e385eb7c777847e680956467", "case", "case_e385eb7c777847e680956467"),
        ("https://bridge.test/console/cases/case_1a", "case", "case_1a"),
        ("ana@example.net", "person", "ana@example.net"),
        ("+1 (808) 555-0185", "person", "+18085550185"),
        ("9a57cce3e49118ed3349fd1472aacd6d", "call", "9a57cce3e49118ed3349fd1472aacd6d"),
    ],
)
def test_the_box_takes_whatever_is_pasted(pasted: str, kind: str, value: str) -> None:
    found = meant(pasted)[0]
    assert (found.kind, found.value) == (kind, value)


async def test_a_pasted_ticket_address_leads_straight_to_its_case(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        answer = await visitor.look("search", params={"q": "https://desk.zendesk.test/agent/tickets/4711"})
        assert answer.headers["location"] == "/console/cases/case_000001"
        person = await visitor.look("search", params={"q": "ana@example.net"})
        assert "Ticket 4711" in person.text
        assert "https://desk.zendesk.test/agent/tickets/99" in (await visitor.look("search", params={"q": "99"})).text


async def test_every_form_of_a_view_has_the_same_rows(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        question = "?severity=1"
        as_json = json.loads((await visitor.look("cases.json" + question)).content)["items"]
        as_csv = list(csv.DictReader(io.StringIO((await visitor.look("cases.csv" + question)).text)))
        book = openpyxl.load_workbook(io.BytesIO((await visitor.look("cases.xlsx" + question)).content))
        sheet = book.worksheets[0]
        assert [row["id"] for row in as_json] == [row["id"] for row in as_csv] == [sheet.cell(2, 1).value] == ["case_000001"]
        assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
        assert f"{sheet.cell(2, 8).value:%H:%M}" == "00:50"  # as the page shows it


@pytest.mark.parametrize(
    "path",
    [
        "cases?severity=x",
        "cases?status=gone",
        "cases?after=x",
        "cases?after=0001-01-01T00:00:00%2B14:00|case_000001",
        "cases/case_000001?after=x|y",
        "cases/case_000001?after=0001-01-01T00:00:00%2B14:00|0|y",
        "cases?queue=a%00b",
    ],
)
async def test_a_broken_address_is_answered_with_a_page(filled: Database, path: str) -> None:
    async with visiting(filled, "viewer") as visitor:
        answer = await visitor.look(path)
        assert answer.status_code == 422
        assert "That was not done" in answer.text


async def test_the_stream_tells_when_something_is_new_and_how_many_look(filled: Database) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    async with visiting(filled, "viewer", sleep=rest, ending=lambda: len(rests) >= 2) as visitor:
        answer = await visitor.look("live?of=now")
        told = [json.loads(line.removeprefix("data: ")) for line in answer.text.strip().split("\n\n")]
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert len(told) == 2
        page = (await visitor.look("now")).text
        assert f'data-mark="{told[0]["mark"]}"' in page
        assert told[0]["others"] == 0
        assert (await visitor.look("live?of=case:case_nobody")).status_code == 404
        assert (await visitor.look("live?of=something")).status_code == 404

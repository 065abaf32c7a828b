"""The week in the console: who has what, holes and who steps in; reports with the cases behind their figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.conftest import NOW, fill, visiting
from tests.databases import Sqlite
from tests.web.conftest import BOOK
from tests.web.test_roster import roster as document_of
from tsbridge.acts import rostering
from tsbridge.core.rules.document import read
from tsbridge.store import rosters, rulebooks
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def staffed(sqlite_files: Sqlite) -> Iterator[Database]:
    """The filled database with a roster."""
    with sqlite_files.fresh() as url, Database.open(url) as database:
        database.write_now(lambda conn: rulebooks.publish(conn, BOOK, read(BOOK).hash, "the first", NOW, "system"))
        database.write_now(fill)
        made = rostering.sound(document_of())
        database.write_now(lambda conn: rosters.publish(conn, document_of(), made.hash, "the first", NOW, "system"))
        yield database


async def test_the_week_shows_who_has_what_and_a_duty_is_taken_over_by_two_clicks(staffed: Database) -> None:
    async with visiting(staffed, "supervisor") as visitor:
        page = (await visitor.look("roster?week=2026-11-23")).text
        links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/console/roster/swap\?[^"]*)"', page)]
        assert links
        asked = (await visitor.client.get(links[0])).text
        fields = dict(re.findall(r'name="(kind|instead_of|rotation|from|to)" value="([^"]*)"', asked))
        taker = re.search(r'name="agent" value="([^"]*)"', asked)
        assert taker is not None
        assert taker[1] != fields["instead_of"]
        answer = await visitor.send("roster/overrides", agent=taker[1], **fields)
        assert answer.status_code == 303, answer.text
        after = (await visitor.client.get(answer.headers["location"])).text
        assert f"instead of {fields['instead_of']}" in after
        [made] = re.findall(r'action="(/console/roster/overrides/[^"]*/remove)"', after)
        gone = await visitor.send(made.removeprefix("/console/"))
        assert "instead of" not in (await visitor.client.get(gone.headers["location"])).text


async def test_a_viewer_sees_the_week_and_changes_nothing(staffed: Database) -> None:
    async with visiting(staffed, "viewer") as visitor:
        assert "/roster/swap" not in (await visitor.look("roster")).text
        assert (await visitor.send("roster/overrides", kind="off", agent="ana")).status_code == 403
        assert (await visitor.look("roster.csv?week=2026-11-23")).text.startswith("agent,source,name,from,to\r\n")
        assert (await visitor.look("roster?week=soon")).status_code == 422


async def test_an_override_that_makes_no_sense_is_refused_in_words(staffed: Database) -> None:
    async with visiting(staffed, "supervisor") as visitor:
        when = {"from": "2026-11-24T09:00", "to": "2026-11-24T08:00"}
        answer = await visitor.send("roster/overrides", kind="off", agent="ana", **when)
        assert answer.status_code == 422
        assert "Expected a time behind" in answer.text
        assert (await visitor.send("roster/overrides", kind="off", agent="nobody", **{**when, "to": "2026-11-24T18:00"})).status_code == 422


async def test_without_a_roster_the_page_says_so(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        assert "There is no roster" in (await visitor.look("roster")).text


async def test_every_number_of_a_report_leads_to_its_cases(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("reports/volumes?from=2026-11-20&to=2026-11-23&group_by=severity")).text
        links = re.findall(r'<a href="(/console/reports/volumes/cases\?[^"]*)">([\d,]+)</a>', page)
        assert links
        for link, number in links[:6]:
            assert f"<p>{number} case" in (await visitor.client.get(link.replace("&amp;", "&"))).text


async def test_a_report_is_the_same_in_every_form_and_again(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("reports/volumes?from=2026-11-20&to=2026-11-23")).text
        links: dict[str, Any] = dict(
            (form, link.replace("&amp;", "&")) for link, form in re.findall(r'<a href="([^"]*)">(json|csv|xlsx)</a>', page)
        )
        first = await visitor.client.get(links["json"])
        assert (await visitor.client.get(links["json"])).content == first.content
        totals = json.loads(first.content)["totals"]
        assert f">{next(iter(totals.values()))}</a>" in page
        assert (await visitor.client.get(links["csv"])).text.startswith("day,")
        assert (await visitor.client.get(links["xlsx"])).content[:2] == b"PK"
        image = re.search(r'<img class="chart" src="([^"]*)"', page)
        assert image is not None
        drawn = await visitor.client.get(image[1].replace("&amp;", "&"))
        assert drawn.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    [
        "reports/nothing",
        "reports/volumes?group_by=moon",
        "reports/volumes?from=x",
        "reports/volumes?as_of=2030-01-01T00:00:00Z",
        "reports/volumes?as_of=0001-01-01T00:00:00%2B14:00",
        "reports/pack?week=now",
        "reports/pack?week=2026-x47",
        "reports/pack?week=0001-W01",
        "reports/pack?week=9999-W52",
    ],
)
async def test_a_question_that_makes_no_sense_is_answered_with_a_page(filled: Database, path: str) -> None:
    async with visiting(filled, "viewer") as visitor:
        assert (await visitor.look(path)).status_code in (404, 422)


async def test_the_pack_of_a_week_is_one_page_that_leads_to_pages_of_the_console(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        assert "/console/reports/pack?week=2026-W46" in (await visitor.look("reports")).text
        pack = await visitor.look("reports/pack?week=2026-W46")
        assert pack.status_code == 200
        assert "/v1/" not in pack.text
        assert "unsafe-inline" not in pack.headers["content-security-policy"]


async def test_patterns_say_how_well_is_looked_and_are_looked_for_again(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        page = (await visitor.look("patterns")).text
        assert "Nobody has looked yet" in page
        assert "Nothing stands out" in page
        assert (await visitor.send("patterns/refresh")).headers["location"] == "/console/patterns?done=1"
        assert (await visitor.look("patterns?before=x")).status_code == 422

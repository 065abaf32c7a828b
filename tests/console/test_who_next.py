"""Who is next in the console: the engines that give work out and tell people, asked about what is and what might be."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.conftest import NOW, fill, visiting
from tests.databases import Sqlite
from tests.web.conftest import BOOK
from tests.work.team import roster
from tsbridge.core.rules.document import read
from tsbridge.roster.document import read as read_roster
from tsbridge.store import rosters, rulebooks
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio

SAFETY = {"zendesk_group_id": 61000000010, "assign": "least_loaded", "skills": ["safety"]}
GIVES: dict[str, Any] = {**BOOK, "queues": {**BOOK["queues"], "safety": SAFETY}}
TEAM = roster(
    {"ana": "00:00-24:00", "ben": "00:00-24:00", "cem": "00:00-24:00"},
    agents={
        "ana": {"skills": {"safety": 1}, "capacity": {"email": 4}},
        "ben": {"skills": {"safety": 2}, "capacity": {"email": 1}},
    },
    rotations={"lead": {"members": ["ana", "ben"], "every": "1w", "starts": "2026-11-16T09:00", "timezone": "UTC"}},
    cover=[{"queue": "safety", "severity": [1], "oncall": "lead", "then": ["cem"]}, {"oncall": "lead"}],
)


@pytest.fixture(scope="module")
def manned(sqlite_files: Sqlite) -> Iterator[Database]:
    """The filled database with a queue that gives work out, and people."""
    with sqlite_files.fresh() as url, Database.open(url) as database:
        database.write_now(lambda conn: rulebooks.publish(conn, GIVES, read(GIVES).hash, "the first", NOW, "system"))
        database.write_now(fill)
        database.write_now(lambda conn: rosters.publish(conn, TEAM, read_roster(TEAM).hash, "the first", NOW, "system"))
        yield database


def lit(page: str, heading: str) -> list[str]:
    """Whom a section of the page lights."""
    section = page.split(f'<h2 id="{heading}">')[1].split("</section>")[0]
    return re.findall(r'<div class="lit"[^>]*><strong>([^<]*) <', section)


async def test_it_says_who_gets_the_next_case_and_why_each_other_one_does_not(manned: Database) -> None:
    async with visiting(manned, "viewer") as visitor:
        page = (await visitor.look("roster/next?queue=safety")).text
        assert lit(page, "work") == ["Ana"]
        assert "does not have the skill safety" in page
        assert lit(page, "told") == ["Ana"]
        assert "Nothing waits" in page
        assert "cannot be reached" in page
        assert 'spellcheck="false" placeholder="Ticket, call, phone, e-mail, case (Ctrl K)">' in page, "the box is empty"
        table = list(csv.DictReader(io.StringIO((await visitor.look("roster/next.csv?queue=safety")).text)))
        assert [(row["agent"], row["chosen"]) for row in table] == [("ana", "true"), ("ben", "false"), ("cem", "false")]


async def test_what_if_somebody_were_away_is_answered_by_the_same_engines(manned: Database) -> None:
    async with visiting(manned, "viewer") as visitor:
        page = (await visitor.look("roster/next?queue=safety&away=ana")).text
        assert lit(page, "work") == ["Ben"]
        assert lit(page, "told") == ["Ben"]
        assert "supposed to be away" in page
        assert lit((await visitor.look("roster/next?queue=safety")).text, "work") == ["Ana"]


async def test_a_case_that_is_supposed_takes_the_places_that_it_would_take(manned: Database) -> None:
    async with visiting(manned, "viewer") as visitor:
        page = (await visitor.look("roster/next?queue=safety&severity=1&category=safety_incident&channel=email&away=ana")).text
        assert "Supposed is a case of severity 1 of safety_incident by email" in page
        assert "if nobody before can be reached" in page


async def test_a_queue_that_gives_nothing_out_says_so(manned: Database) -> None:
    async with visiting(manned, "viewer") as visitor:
        page = (await visitor.look("roster/next?queue=intake")).text
        assert "gives nothing out by itself" in page
        assert lit(page, "work") == []
        assert lit(page, "told") == ["Ana"]


async def test_without_a_roster_nobody_is_next(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("roster/next")).text
        assert page.count("there is no roster") == 2


@pytest.mark.parametrize(
    ("query", "status"), [("queue=nothing", 404), ("severity=9", 422), ("severity=x", 422), ("away=nobody-known", 200)]
)
async def test_what_makes_no_sense_is_answered_with_a_page(manned: Database, query: str, status: int) -> None:
    async with visiting(manned, "viewer") as visitor:
        assert (await visitor.look(f"roster/next?{query}")).status_code == status

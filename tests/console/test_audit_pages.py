"""The audit in the console: filters in the address, exact counts, why, and what if."""

from __future__ import annotations

import csv
import io
import re

import pytest

from tests.console.conftest import visiting
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio


async def test_the_address_holds_the_question_and_each_choice_says_how_many_there_would_be(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("audit")).text
        assert "<strong>3</strong> decisions" in page
        link = re.search(r'href="(/console/audit\?[^"]*severity=1[^"]*)">1&nbsp;<span class="small">(\d+)</span>', page)
        assert link is not None
        narrowed = (await visitor.client.get(link[1].replace("&amp;", "&"))).text
        assert f"<strong>{link[2]}</strong> decision" in narrowed
        assert "severity: 1 " in narrowed


async def test_every_filter_is_taken_and_a_broken_one_is_refused_with_a_page(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        good = "from=2026-11-21&to=2026-11-23T00:00&ticket=4711&rule=injury&queue=safety&tag=ts_injury&severity=1&kind=escalation&version=1"
        assert (await visitor.look(f"audit?{good}&changed=true&q=injury&count=rule")).status_code == 200
        for broken in ("severity=x", "from=yesterday", "kind=other", "changed=maybe", "before=-1"):
            assert (await visitor.look(f"audit?{broken}")).status_code == 422


async def test_every_form_of_the_audit_has_the_rows_of_its_address(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        rows = list(csv.DictReader(io.StringIO((await visitor.look("audit.csv?ticket=4711")).text)))
        assert [row["id"] for row in rows] == ["dec_000001"]
        assert rows[0]["rules"] == "injury"
        assert (await visitor.look("audit.json?ticket=4711")).json()["items"][0]["id"] == "dec_000001"
        assert (await visitor.look("audit.xlsx?ticket=4711")).content[:2] == b"PK"


async def test_a_decision_says_which_rules_it_was_and_leads_to_its_case(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("audit/dec_000001")).text
        assert "injury" in page
        assert "/console/cases/case_000001" in page
        assert "What if" not in page
        assert (await visitor.look("audit/dec_nobody")).status_code == 404


async def test_changes_are_for_supervisors_with_who_did_what(filled: Database) -> None:
    async with visiting(filled, "viewer") as viewer:
        assert (await viewer.look("audit/changes")).status_code == 403
        await viewer.send("cases/case_000002/words")
    async with visiting(filled, "supervisor") as visitor:
        page = (await visitor.look("audit/changes?action=case.words_read&subject=case_000002")).text
        assert "viewer" in page
        rows = list(csv.DictReader(io.StringIO((await visitor.look("audit/changes.csv?subject=case_000002")).text)))
        assert [(row["actor"], row["action"]) for row in rows] == [("viewer", "case.words_read")]

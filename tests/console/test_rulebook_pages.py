"""The rulebook in the console: read by everybody, edited by ops with findings at the line, tried, tested, published, restored."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection

from tests.console.conftest import NOW, Visitor, visiting
from tsbridge.core.moments import Interaction
from tsbridge.core.replay import Compared, Stand
from tsbridge.store import rulebooks, shadow
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio

RULE = """\
key: {key}
kind: escalation
title: Smoke
when:
  any:
    - {{field: text, operator: {operator}, value: [smoke]}}
then:
  - set_severity: 2
"""


async def add(visitor: Visitor, key: str, operator: str = "contains_any") -> str:
    """Add a rule to the draft; where that leads."""
    answer = await visitor.send("rulebook/draft/new", text=RULE.format(key=key, operator=operator))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/console/")


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]*)"', page)
    assert found is not None
    return found[1]


async def test_everybody_reads_rules_and_finds_them_by_words(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("rulebook")).text
        assert "4 rules" in page
        assert "set severity 1; add tags ts_injury" in page
        assert "1 rule" in (await visitor.look("rulebook?q=hurt somebody")).text
        assert "contains_any" in (await visitor.look("rulebook/rules/injury")).text
        assert (await visitor.look("rulebook/rules/nothing")).status_code == 404
        assert (await visitor.look("rulebook.csv?q=injury")).text.count("\r\n") == 2


@pytest.mark.parametrize(
    "path",
    [
        "rulebook?version=draft",
        "rulebook/draft",
        "rulebook/draft/new",
        "rulebook/tests",
        "rulebook/try",
        "rulebook/shadow",
        "rulebook/difference?to=draft",
    ],
)
async def test_the_draft_is_nobodys_below_ops(filled: Database, path: str) -> None:
    async with visiting(filled, "supervisor") as visitor:
        assert (await visitor.look(path)).status_code == 403
    async with visiting(filled, "ops") as visitor:
        assert (await visitor.look(path)).status_code == 200


async def test_findings_stand_at_the_line_they_are_about(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        place = await add(visitor, "wrong-operator", "contains_anyx")
        page = (await visitor.look(place)).text
        line = re.search(r'data-line="(\d+)">line \d+</a> <code>([^<]*)</code>: ([^<]*)', page)
        assert line is not None
        assert line[2] == "operator: contains_anyx"
        assert "no such operator" in line[3]
        text = page[page.index("<textarea") :].split("\n")[1:]
        assert line[2] in text[int(line[1]) - 1]
        assert "disabled" in (await visitor.look("rulebook/draft")).text
        await visitor.send("rulebook/draft/rules/wrong-operator/remove", seen=seen(page))


async def test_text_that_is_no_yaml_is_told_with_its_line_and_stays_in_the_form(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        for text in ("key: a\n  kind: [escalation", "- a list", "kind: escalation"):
            answer = await visitor.send("rulebook/draft/new", text=text)
            assert answer.status_code == 200
            assert "error" in answer.text
            assert text.split("\n")[0] in answer.text


async def test_checking_keeps_nothing(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        answer = await visitor.send("rulebook/draft/new/check", text=RULE.format(key="only-checked", operator="contains_any"))
        assert "the draft does not have it yet" in answer.text
        assert "only-checked" not in (await visitor.look("rulebook?version=draft")).text


async def test_what_somebody_else_changed_meanwhile_is_not_written_over(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        place = await add(visitor, "contested")
        old = seen((await visitor.look(place)).text)
        mine = RULE.format(key="contested", operator="contains_all")
        assert (await visitor.send(place.partition("?")[0], text=mine, seen=old)).status_code == 303
        late = await visitor.send(place.partition("?")[0], text=mine + "# mine\n", seen=old)
        assert "changed meanwhile" in late.text
        assert "# mine" in late.text
        await visitor.send("rulebook/draft/begin")


async def test_a_rule_is_tried_before_it_is_live(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        await add(visitor, "smoke")
        given = {"given": "source: zendesk\nchannel: email\ntext: there is smoke"}
        assert "smoke" in (await visitor.look("rulebook/try", params=given)).text.split("Rules that match")[1]
        live = (await visitor.look("rulebook/try", params={**given, "version": "live"})).text
        assert "smoke" not in live.split("Rules that match")[1]
        assert "not known" in (await visitor.look("rulebook/try", params={"given": "moon: full"})).text
        assert "all pass" in (await visitor.look("rulebook/tests")).text
        await visitor.send("rulebook/draft/begin")


async def test_publishing_shows_what_differs_in_words_and_a_version_is_restored(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        await add(visitor, "smoke")
        page = (await visitor.look("rulebook/draft")).text
        assert "A new escalation rule." in page
        assert "Does: set severity 2." in page
        assert (await visitor.send("rulebook/publish", note="smoke", seen="999")).status_code == 409
        done = await visitor.send("rulebook/publish", note="smoke", seen=seen(page))
        assert done.headers["location"] == "/console/rulebook?done=published"
        assert filled.read_now(rulebooks.live_version) == 2
        assert "A new escalation rule." in (await visitor.look("rulebook/difference?from=1&to=2")).text
        assert (await visitor.send("rulebook/versions/1/restore")).headers["location"] == "/console/rulebook?done=restored"
        assert filled.read_now(rulebooks.live_version) == 3
        assert "smoke" not in (await visitor.look("rulebook")).text
        assert "restored from version 1" in (await visitor.look("rulebook/versions")).text


async def test_the_draft_is_replayed_over_what_is_on_record_and_stopped(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        started = await visitor.send("rulebook/replay")
        place = started.headers["location"].removeprefix("/console/")
        assert "queued" in (await visitor.look(place)).text
        assert "queued" in (await visitor.look("rulebook/replay")).text
        id_ = place.rpartition("/")[2].partition("?")[0]
        assert (await visitor.look(f"moves.csv?id={id_}")).text.startswith("id,case_id")
        assert (await visitor.send(f"rulebook/replay/{id_}/cancel")).status_code == 303
        assert (await visitor.send(f"rulebook/replay/{id_}/cancel")).status_code == 409
        assert (await visitor.look("rulebook/replay/rep_nothing")).status_code == 404


async def test_the_draft_is_a_shadow_beside_live_work_until_it_is_switched_off(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        assert "Shadow: off" in (await visitor.look("rulebook/shadow")).text
        started = await visitor.send("rulebook/shadow")
        assert started.headers["location"] == "/console/rulebook/shadow?done=started"
        subject = Interaction("zendesk", "4711")
        was = Stand("safety", 1, ("ts_injury",), ("sev1",))
        would = Stand("intake", 3, ("ts_smoke",))
        compared = Compared("dec_000001", "moment 1", NOW, subject, was, would, changed=True, mismatch=False)

        def compare(conn: Connection) -> bool:
            known = shadow.find(conn)
            assert known is not None
            return shadow.advance(conn, known, known.cursor + 1, [("case_000001", known.cursor + 1, compared)])

        assert filled.write_now(compare)
        page = (await visitor.look("rulebook/shadow")).text
        assert "otherwise: 1 of 1 decisions" in page
        assert "safety → intake" in page
        assert "the draft as it is now" in page
        for differs in ("ts_injury", "ts_smoke", "escalates by sev1"):
            assert differs in page
        assert (await visitor.look("rulebook/shadow.csv")).text.count("\r\n") == 2
        await add(visitor, "smoke")
        assert "another one than the draft is now" in (await visitor.look("rulebook/shadow")).text
        assert (await visitor.send("rulebook/shadow/stop")).headers["location"] == "/console/rulebook/shadow?done=stopped"
        assert "Shadow: off" in (await visitor.look("rulebook/shadow")).text
        await visitor.send("rulebook/draft/begin")

"""Of every tag, value and note on a ticket it can be said which rule, or step of a policy, and which decision asked for it."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.test_paused_rules import Both
from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import ours_from, wish_from
from tsbridge.store import decisions, links, views, wish_origins
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook


@pytest.fixture
def both(database: Database, clock: SettableClock) -> Both:
    return Both(database, clock)


def parts_of(both: Both, ticket: str) -> dict[str, dict[str, Any]]:
    def read(conn: Any) -> list[dict[str, Any]]:
        row = views.writeback_list(conn, 1, None, None, ticket, None)[0]
        return wish_origins.parts(conn, LiveRulebook(UTC), dict(row), wish_from(row["wish"]), ours_from(row["ours"]))

    return {one["part"]: one for one in both.desk.database.read_now(read)}


def decisions_of(both: Both, ticket: str) -> dict[str, str]:
    """Ids of the decisions in force of a ticket's case, the event by which each came."""

    def read(conn: Any) -> dict[str, str]:
        case = views.writeback_list(conn, 1, None, None, ticket, None)[0]["case_id"]
        found = decisions.in_force(conn, links.members(conn, case))
        return {one.id: "clock" if moment.startswith("clock:") else "ticket" for moment, one in found.items()}

    return both.desk.database.read_now(read)


def test_every_part_names_the_rule_or_step_and_the_decision_that_asked_for_it(both: Both) -> None:
    id_ = both.desk.ticket(tags=["calm"])
    both.tell("created", 0, id_, description="a bite", tags="calm")
    parts, came = parts_of(both, id_), decisions_of(both, id_)
    assert {part: one["rule"] for part, one in parts.items()} == {
        "absent:calm": "injury",
        "group_id": "to-safety",
        "note:rule:injury#1": "injury",
        "priority": "injury",
        "tag:escalated": "call/1",
        "tag:hurt": "injury",
        "tag:seen": "all",
        "tag:shared": "injury",
    }
    assert {one["status"] for one in parts.values()} == {"written"}
    assert {came[one["decision_id"]] for one in parts.values()} == {"ticket", "clock"}
    assert came[parts["tag:escalated"]["decision_id"]] == "clock"
    assert came[parts["tag:hurt"]["decision_id"]] == came[parts["group_id"]["decision_id"]] == "ticket"


def test_what_is_asked_for_again_names_the_newest_decision_that_asked(both: Both) -> None:
    id_ = both.desk.ticket()
    both.tell("created", 0, id_, description="a bite")
    first = parts_of(both, id_)
    both.tell("commented", 2, id_, description="a bite", text="another bite")
    then = parts_of(both, id_)
    assert then["tag:hurt"]["decision_id"] != first["tag:hurt"]["decision_id"]
    assert then["note:rule:injury#1"]["decision_id"] == first["note:rule:injury#1"]["decision_id"]


def test_a_part_that_zendesk_refused_is_named_with_who_asked_for_it(both: Both) -> None:
    both.desk.zendesk.world.store.groups[61000000010]["deleted"] = True
    id_ = both.desk.ticket()
    both.tell("created", 0, id_, description="a bite")
    parts = parts_of(both, id_)
    assert {part for part, one in parts.items() if one["status"] == "parked"} == {"group_id"}
    assert (parts["group_id"]["rule"], parts["group_id"]["reason"]) == ("to-safety", "not_accepted")
    assert {one["status"] for part, one in parts.items() if part != "group_id"} == {"written"}
    assert both.desk.status(id_) == ("parked", "part_refused")


def test_a_note_of_a_person_and_one_about_another_interaction_name_themselves_and_nobody_else(both: Both) -> None:
    id_ = both.desk.ticket()
    both.tell("created", 0, id_, description="a bite")

    def read(conn: Any) -> list[dict[str, Any]]:
        row = dict(views.writeback_list(conn, 1, None, None, id_, None)[0])
        notes = (("desk:0123456789abcdef#1", "called"), ("rule:injury#1@talkdesk:c1", "hurt"))
        return wish_origins.parts(conn, LiveRulebook(UTC), row, Wish(notes=notes), ours_from(row["ours"]))

    person, rule = both.desk.database.read_now(read)
    assert (person["part"], person["rule"], person["decision_id"]) == ("note:desk:0123456789abcdef#1", None, None)
    assert (rule["part"], rule["rule"]) == ("note:rule:injury#1@talkdesk:c1", "injury")

"""What a person changed on a ticket before we heard of it is not written over: it is heard first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.clocks import SettableClock
from tests.work.desk import asked, tags
from tests.work.test_hearing import Desk, reported
from tsbridge.core.helpdesk import Current, Ours, plan, unheard
from tsbridge.store.db import Database
from tsbridge.work.unheard import UNSURE_FOR


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Desk:
    made = Desk(database, clock)
    made.walk.publish(
        {
            "schema": 1,
            "queues": {"safety": {"zendesk_group_id": 61000000010}},
            "rules": [
                {
                    "key": "injury",
                    "kind": "escalation",
                    "on": ["ticket", "call"],
                    "when": {"field": "text.requester", "operator": "contains", "value": "bitten"},
                    "then": [{"set_priority": "urgent"}, {"add_tags": ["ts_injury"]}],
                },
                {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
            ],
        }
    )
    return made


def works(desk: Desk) -> None:
    """What is rung for is heard, and what is wished is written, until nothing is left."""
    for _ in range(4):
        asyncio.run(desk.writing.until_quiet(timedelta(seconds=20)))
        desk.walk.work()
        desk.clock.advance(20)


def test_a_persons_change_whose_ring_was_lost_is_not_written_over(desk: Desk) -> None:
    ticket = reported(desk)
    desk.walk.work()
    desk.writing.edit(ticket, priority="low", group_id=61000000011)
    works(desk)
    seen = desk.writing.seen(ticket)
    assert (seen["priority"], seen["group_id"], seen["tags"]) == ("low", 61000000011, ["ts_injury"])
    assert desk.writing.status(ticket) == ("confirmed", None)


def test_what_a_rule_of_zendesks_set_meanwhile_is_written_over_once_it_is_heard(desk: Desk) -> None:
    ticket = reported(desk)
    desk.walk.work()
    desk.world.change(int(ticket), {"group_id": 61000000011}, {"id": -1, "role": "admin"}, via="rule")
    works(desk)
    assert desk.writing.seen(ticket)["group_id"] == 61000000010
    assert desk.writing.status(ticket) == ("confirmed", None)


def test_a_tag_taken_off_behind_the_requesters_newest_words_stays_off(desk: Desk) -> None:
    ticket = reported(desk)
    desk.settle(ticket)
    desk.clock.advance(60)
    desk.writing.zendesk.world.change(
        int(ticket), {"comment": {"body": "hello?"}}, desk.world.user(desk.writing.seen(ticket)["requester_id"])
    )
    desk.ring(ticket)
    desk.walk.work()
    desk.writing.edit(ticket, tags=["mine"])
    works(desk)
    assert desk.writing.tags(ticket) == {"mine"}


def test_only_what_reads_otherwise_than_heard_is_unheard() -> None:
    wish = tags("ts_a", "ts_b", priority=asked("urgent"), group_id=asked("10"))
    now = Current("1", "open", frozenset({"vip"}), {"priority": "low", "group_id": "7"})

    def found(ours: Ours, **known: Any) -> frozenset[str]:
        return unheard(plan(now, wish, ours), now, ours, known)

    assert found(Ours()) == frozenset()
    assert found(Ours(), **{"ticket.priority": "low", "ticket.group_id": None, "tags": ("ts_a", "vip")}) == {"group_id", "tag:ts_a"}
    assert found(Ours(values={"group_id": asked("7", "0")}), **{"ticket.group_id": None}) == frozenset()


def audits_are_away(desk: Desk, away: bool) -> None:
    def refuse(request: httpx.Request) -> None:
        if away and request.url.path.endswith("/audits.json"):
            raise httpx.ConnectError("no route")

    desk.writing.wire.before = refuse


def test_on_a_first_impression_tags_are_written_and_values_wait_for_the_audits(desk: Desk) -> None:
    ticket = reported(desk)
    audits_are_away(desk, True)
    desk.walk.work()
    asyncio.run(desk.writing.until_quiet(timedelta(seconds=2)))
    assert (desk.writing.tags(ticket), desk.writing.seen(ticket)["group_id"]) == ({"ts_injury"}, None)
    assert desk.writing.status(ticket) == ("waiting", "unheard")
    audits_are_away(desk, False)
    works(desk)
    seen = desk.writing.seen(ticket)
    assert (seen["priority"], seen["group_id"]) == ("urgent", 61000000010)
    assert desk.writing.status(ticket) == ("confirmed", None)


def test_an_agents_words_on_a_first_impression_cost_nobodys_priority(desk: Desk) -> None:
    person = desk.world.add_user("Ben", "ben@example.com")
    made = desk.world.create({"subject": "Hello", "comment": {"body": "a question"}, "requester_id": person["id"]}, person, via="mail")
    ticket = str(made["id"])
    desk.writing.edit(ticket, priority="low", group_id=61000000011)
    audits_are_away(desk, True)
    desk.ring(ticket)
    desk.walk.work()
    asyncio.run(desk.writing.until_quiet(timedelta(seconds=2)))
    assert desk.writing.tags(ticket) == {"ts_injury"}  # whose words these are is not known yet
    audits_are_away(desk, False)
    works(desk)
    seen = desk.writing.seen(ticket)
    assert (seen["tags"], seen["priority"], seen["group_id"]) == ([], "low", 61000000011)


def test_when_audits_stay_away_for_long_a_value_is_written_on_the_first_impression(desk: Desk) -> None:
    ticket = reported(desk)
    audits_are_away(desk, True)
    desk.walk.work()
    asyncio.run(desk.writing.until_quiet(UNSURE_FOR + timedelta(minutes=1)))
    assert desk.writing.seen(ticket)["group_id"] == 61000000010


def test_as_long_as_zendesk_is_being_read_a_value_waits_for_its_turn(desk: Desk) -> None:
    ticket = reported(desk)
    audits_are_away(desk, True)
    desk.walk.work()
    audits_are_away(desk, False)
    desk.clock.advance(2 * UNSURE_FOR)  # nobody was refused lately: there were too few reads for everybody
    asyncio.run(desk.writing.until_quiet(timedelta(minutes=1)))
    assert (desk.writing.tags(ticket), desk.writing.seen(ticket)["group_id"]) == ({"ts_injury"}, None)
    assert desk.writing.status(ticket) == ("waiting", "unheard")
    works(desk)
    assert desk.writing.seen(ticket)["group_id"] == 61000000010

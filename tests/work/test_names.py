"""What a rulebook names at Zendesk is held against what Zendesk has, for people who wait: soon, counted, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tsbridge.store import budget
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.work.names import Names
from tsbridge.work.reads import ReadBudget

pytestmark = pytest.mark.anyio

TIER, SAFETY = 360001234, 61000000010
NOWHERE = 999


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> WritingDesk:
    desk = WritingDesk(database, clock)
    store = desk.zendesk.world.store
    store.fields[TIER]["type"] = "tagger"
    store.fields[TIER]["custom_field_options"] = [{"id": 1, "name": "One", "value": "tier_1"}]
    return desk


def names(desk: WritingDesk, per_minute: int = 60) -> Names:
    return Names(ZendeskClient(desk.http, desk.credentials), ReadBudget(desk.database, desk.clock, per_minute))


def book(*then: Mapping[str, Any], group: int | None = SAFETY, steps: Sequence[Any] = ()) -> dict[str, Any]:
    document: dict[str, Any] = {
        "schema": 1,
        "queues": {"safety": {"zendesk_group_id": group} if group is not None else {}},
        "rules": [
            *([{"key": "does", "kind": "escalation", "when": {}, "then": list(then)}] if then else []),
            {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
        ],
    }
    return {**document, "policies": {"sev1": {"steps": list(steps)}}} if steps else document


async def told(desk: WritingDesk, document: Any) -> list[tuple[str, str, str | None]]:
    return [(one.code, one.path, one.rule) for one in await names(desk).findings(document)]


async def test_a_rulebook_whose_names_are_all_there_is_told_nothing(desk: WritingDesk) -> None:
    agent = desk.zendesk.world.add_user("Ana", "ana@example.com", role="agent")["id"]
    does = ({"set_custom_field": {"id": TIER, "value": "tier_1"}}, {"assign": agent}, {"add_tags": ["ts_a"]})
    assert await told(desk, book(*does)) == []


async def test_groups_that_are_not_there_or_deleted_are_named(desk: WritingDesk) -> None:
    at = "/queues/safety/zendesk_group_id"
    assert await told(desk, book(group=NOWHERE)) == [("zendesk_group", at, None)]
    desk.zendesk.world.store.groups[SAFETY]["deleted"] = True
    assert await told(desk, book()) == [("zendesk_group", at, None)]


async def test_fields_and_options_that_are_not_there_are_named_in_rules_and_steps(desk: WritingDesk) -> None:
    def sets(id_: int, value: Any) -> dict[str, Any]:
        return {"set_custom_field": {"id": id_, "value": value}}

    document = book(
        sets(TIER, "tier_9"), sets(NOWHERE, "x"), steps=[{"after": "5m", "actions": [{"notify": "oncall"}, sets(TIER, "tier_8")]}]
    )
    assert await told(desk, document) == [
        ("zendesk_option", "/rules/0/then/0/set_custom_field", "does"),
        ("zendesk_field", "/rules/0/then/1/set_custom_field", "does"),
        ("zendesk_option", "/policies/sev1/steps/0/actions/1/set_custom_field", None),
    ]
    desk.zendesk.world.store.fields[TIER]["active"] = False
    assert await told(desk, book(sets(TIER, "tier_1"))) == [("zendesk_field", "/rules/0/then/0/set_custom_field", "does")]


async def test_who_is_no_agent_is_named(desk: WritingDesk) -> None:
    world = desk.zendesk.world
    customer, gone = world.add_user("Eve", "eve@example.com"), world.add_user("Old", "old@example.com", role="agent")
    gone["suspended"] = True
    at = "/rules/0/then/0/assign"
    for who in (customer["id"], gone["id"], NOWHERE):
        assert await told(desk, book({"assign": who})) == [("zendesk_agent", at, "does")]
        assert await names(desk).is_agent(str(who)) is False
    assert await names(desk).is_agent(str(world.admin["id"])) is True


async def test_agents_of_the_roster_who_can_be_assigned_nothing_are_named(desk: WritingDesk) -> None:
    world = desk.zendesk.world
    agent, customer = world.add_user("Ana", "ana@example.com", role="agent"), world.add_user("Eve", "eve@example.com")
    users = {"ana": str(agent["id"]), "ben": None, "cleo": str(NOWHERE), "eve": str(customer["id"])}
    found = await names(desk).of_roster(users)
    assert [(one.severity, one.path) for one in found] == [("warning", f"/agents/{key}/zendesk_user_id") for key in ("cleo", "eve")]
    assert await names(desk).of_roster({"ben": None}) == ()
    assert await Names(None, None).of_roster(users) == ()


async def test_a_tag_that_is_spelled_nearly_like_one_in_use_is_hinted_at(desk: WritingDesk) -> None:
    desk.ticket(tags=["refund_request", "tier_1"])
    document = book({"add_tags": ["refund-request", "refund_requests", "tier_2", "refund_request", "vip"]})
    found = await names(desk).findings(document)
    assert [(one.severity, one.code) for one in found] == [("info", "zendesk_tag")] * 2
    assert all("refund_request" in one.message for one in found)


async def test_what_could_not_be_asked_is_said_and_nothing_is_guessed(desk: WritingDesk) -> None:
    document = book(group=NOWHERE)
    desk.wire.unreachable = True
    assert await told(desk, document) == [("zendesk_not_asked", "", None)]
    assert await names(desk).is_agent("7") is None
    assert await Names(None, None).findings(document) == ()
    assert await told(desk, {"schema": 7}) == [], "its faults come first"
    assert await told(desk, book(group=None)) == [], "nothing is named"


async def test_looks_are_counted_among_what_people_ask_for_and_wait_for_no_budget(desk: WritingDesk) -> None:
    few = names(desk, per_minute=2)
    document = book({"assign": NOWHERE})
    assert [one.code for one in await few.findings(book(group=NOWHERE))] == ["zendesk_group"]
    before = len(desk.wire.asked)
    assert [one.code for one in await few.findings(document)] == ["zendesk_not_asked"]
    assert len(desk.wire.asked) == before, "nobody was asked"
    counted = dict((await desk.database.read(budget.reads)).counted)
    assert counted["people"] >= before


class Silent:
    """A Zendesk that never answers."""

    async def every(self, path: str, name: str) -> list[Mapping[str, Any]]:
        await asyncio.Event().wait()
        return []

    async def users(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        await asyncio.Event().wait()
        return []

    async def popular_tags(self) -> list[str]:
        return []


async def test_nobody_waits_for_a_zendesk_that_does_not_answer() -> None:
    asked = Names(Silent(), None, within_s=0.01)
    assert [one.code for one in await asked.findings(book(group=NOWHERE))] == ["zendesk_not_asked"]
    assert await asked.is_agent("7") is None

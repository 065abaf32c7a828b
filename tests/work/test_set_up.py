"""Sentences about the recommended set-up: the account's own two triggers ring, in whole seconds, and its audits tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.day import BOOK, SAFETY, Day, Way
from tests.work.walk import call
from tsbridge.simulator.zendesk.deliveries import event_body
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.link_tables import interactions

pytestmark = pytest.mark.anyio

EVERYTHING_COMES = Way("all arrives", lost=0, twice=0)


class Desk:
    """An account on the two triggers, its people, and the one bridge that listens and writes."""

    def __init__(self, databases: Callable[[], Database], clock: SettableClock) -> None:
        self.clock = clock
        self.day = Day(databases, clock, 1, EVERYTHING_COMES)
        self.world = self.day.world
        (self.bridge,) = self.day.bridges
        self.agent = self.day.agents[0]

    def person(self, name: str = "Ana", **more: Any) -> dict[str, Any]:
        return self.world.add_user(name, f"{name.lower()}@example.com", **more)

    def opened(self, person: Mapping[str, Any], says: str = "where is my sitter?", by: Mapping[str, Any] | None = None) -> str:
        props = {"subject": "Help", "comment": {"body": says}, "requester_id": person["id"]}
        return str(self.world.create(props, by or person, via="mail")["id"])

    def edit(self, ticket: str, by: Mapping[str, Any] | None = None, **props: Any) -> None:
        self.world.change(int(ticket), props, by or self.agent, via="web")

    async def hears(self, seconds: float = 60) -> None:
        """Whatever rang arrives within the time, and is worked on."""
        self.day.deliver()
        self.clock.advance(seconds)
        await self.bridge.hear()

    async def writes(self) -> None:
        await self.day.writing.until_quiet(timedelta(seconds=20))

    async def merged(self, lost: Mapping[str, Any], left: Mapping[str, Any]) -> None:
        """Somebody merges two users, which the webhook beside the triggers tells."""
        asked = {"user": {"id": left["id"]}}
        await self.day.writing.zendesk.call("PUT", f"/api/v2/users/{lost['id']}/merge", {}, asked, {"authorization": "Bearer token"})
        for one in self.world.happened:
            if one.about == "user":
                self.bridge.is_sent(event_body(one, self.day.rng))

    def rings_are_lost(self) -> None:
        self.world.asked = []

    def away(self, away: bool) -> None:
        self.day.writing.wire.unreachable = away

    def seen(self, ticket: str) -> list[dict[str, Any]]:
        """What each decision in force about the ticket saw, the oldest first."""
        in_force = (decisions.c.interaction == ticket, decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False))
        query = select(decisions.c.seen).where(*in_force, decisions.c.event != "clock").order_by(decisions.c.at, decisions.c.number)
        return [row["given"] for row in self.bridge.database.read_now(lambda conn: conn.execute(query).scalars().all())]

    def cases(self) -> set[frozenset[str]]:
        rows = self.bridge.database.read_now(lambda conn: conn.execute(select(interactions.c.case_id, interactions.c.id)).all())
        return {frozenset(row.id for row in rows if row.case_id == case_id) for case_id in {row.case_id for row in rows}}


@pytest.fixture
async def desk(make_database: Callable[[], Database], clock: SettableClock) -> Desk:
    made = Desk(make_database, clock)
    await made.day.set_up()
    return made


def with_rule(when: Mapping[str, Any]) -> dict[str, Any]:
    rule = {"key": "asked", "kind": "escalation", "when": when, "then": [{"add_tags": ["ts_asked"]}]}
    return {**BOOK, "rules": [rule, *BOOK["rules"]]}


@pytest.mark.parametrize("away", [False, True], ids=["by its audits", "by first impression"])
async def test_the_next_comment_does_not_show_what_we_wrote_as_changed_although_our_own_ring_was_lost(desk: Desk, away: bool) -> None:
    ana = desk.person()
    ticket = desk.opened(ana, "my dog was bitten")
    await desk.hears()
    await desk.writes()
    assert (desk.day.writing.seen(ticket)["group_id"], desk.day.writing.seen(ticket)["priority"]) == (SAFETY, "urgent")
    desk.rings_are_lost()
    desk.edit(ticket, ana, comment={"body": "are you there?", "public": True})
    desk.away(away)
    await desk.hears()
    newest = desk.seen(ticket)[-1]
    assert newest["ticket.group_id"] == str(SAFETY)
    assert newest["changed"] == (["tags"] if away else [])  # a rule of the team's own tagged what we wrote, and was not heard yet
    desk.away(False)
    await desk.hears()
    assert desk.seen(ticket)[-1]["changed"] == []


async def test_a_first_impression_is_nobodys_undoing_of_what_we_wrote(desk: Desk) -> None:
    ticket = desk.opened(desk.person(), "my dog was bitten")
    await desk.hears()
    desk.edit(ticket, comment={"body": "We look into it", "public": False})
    late, desk.world.asked = desk.world.asked, []  # its ring tells the ticket as it is before our write, which is heard first
    await desk.writes()
    await desk.hears()
    desk.world.asked += late
    ours = {"ts_hurt", "ts_sev1"}
    assert ours <= desk.day.writing.tags(ticket)
    desk.away(True)
    await desk.hears()
    desk.away(False)
    await desk.writes()
    assert ours <= desk.day.writing.tags(ticket)
    desk.edit(ticket, tags=["theirs"])  # while an agent's own list takes off what is not on it
    await desk.hears()
    await desk.writes()
    assert desk.day.writing.tags(ticket).isdisjoint(ours)


async def test_whom_only_a_first_impression_named_is_not_whom_the_ticket_is_about(desk: Desk) -> None:
    agent, ana = desk.person("Zoe", role="agent", phone="+14155550124"), desk.person(phone="+14155550123")
    ticket = desk.opened(agent, "taken down by phone", by=agent)
    desk.away(True)
    await desk.hears()
    desk.edit(ticket, agent, requester_id=ana["id"])
    desk.away(False)
    await desk.hears()
    desk.bridge.tell([call("call.missed", 1, "theirs", phone="+14155550124"), call("call.missed", 2, "hers", phone="+14155550123")])
    await desk.hears()
    assert desk.cases() == {frozenset({ticket, "hers"}), frozenset({"theirs"})}


async def test_rules_see_the_tags_of_the_requesters_user(desk: Desk) -> None:
    desk.bridge.publish(with_rule({"field": "requester.tags", "operator": "includes", "value": "gold"}))
    golden, plain = desk.opened(desk.person(tags=["gold"])), desk.opened(desk.person("Ben"))
    await desk.hears()
    await desk.writes()
    assert ("ts_asked" in desk.day.writing.tags(golden), "ts_asked" in desk.day.writing.tags(plain)) == (True, False)


async def test_rules_see_how_the_requester_rated_the_ticket_and_the_reason_they_gave(desk: Desk) -> None:
    rated = {"field": "ticket.satisfaction", "operator": "changed_to", "value": "bad"}
    said = {"field": "text.requester", "operator": "contains", "value": "too late"}
    desk.bridge.publish(with_rule({"all": [rated, said]}))
    ana = desk.person()
    bad, good = desk.opened(ana), desk.opened(desk.person("Ben"))
    for ticket, score in ((bad, "bad"), (good, "good")):
        desk.edit(ticket, status="solved")
        desk.world.change(int(ticket), {}, ana, via="web", rating={"score": score, "comment": "the sitter came too late"})
    await desk.hears()
    await desk.writes()
    assert ("ts_asked" in desk.day.writing.tags(bad), "ts_asked" in desk.day.writing.tags(good)) == (True, False)
    assert (desk.seen(bad)[-1]["ticket.satisfaction"], desk.seen(bad)[-1]["changed"]) == ("bad", ["ticket.satisfaction"])


async def test_users_that_were_merged_are_one_person(desk: Desk) -> None:
    caller, writer = desk.person("Caller", phone="+14155550123"), desk.person("Writer")
    first, second = desk.opened(caller), desk.opened(writer)
    await desk.hears()
    assert desk.cases() == {frozenset({first}), frozenset({second})}
    await desk.merged(caller, writer)
    await desk.hears()
    assert desk.cases() == {frozenset({first, second})}
    third = desk.opened(writer)
    await desk.hears()
    assert desk.cases() == {frozenset({first, second, third})}


async def test_a_ticket_that_was_merged_away_escalates_nothing_and_its_target_is_of_one_case_with_it(desk: Desk) -> None:
    source, target = desk.opened(desk.person(), "my dog was bitten"), desk.opened(desk.person("Ben"))
    await desk.hears()
    await desk.writes()
    desk.world.merge(int(target), [int(source)], desk.agent, None, None)
    await desk.hears()
    assert desk.cases() == {frozenset({source, target})}
    await desk.hears(600)
    late = select(escalations.c.status).where(escalations.c.policy == "sev1", escalations.c.step == 2)
    assert desk.bridge.database.read_now(lambda conn: conn.execute(late).scalars().all()) == ["stopped"]


async def test_rules_of_a_follow_up_see_the_ticket_it_follows_and_how_severe_that_was(desk: Desk) -> None:
    desk.bridge.publish(with_rule({"field": "case.followed_severity", "operator": "is", "value": 1}))
    severe = desk.opened(desk.person(), "my dog was bitten")
    await desk.hears()
    desk.edit(severe, status="closed")
    await desk.hears(40 * 24 * 3600)
    asked = {"subject": "Again", "comment": {"body": "any news?"}, "via_followup_source_id": severe}
    follow_up = str(desk.world.create(asked, desk.person("Cy"), via="web")["id"])
    await desk.hears()
    await desk.writes()
    assert desk.seen(follow_up)[-1]["ticket.follows"] == severe
    assert desk.cases() == {frozenset({severe, follow_up})}
    assert "ts_asked" in desk.day.writing.tags(follow_up)

"""Deliveries ring, audits tell: order within a second, people's edits, our own writes, and what counts while Zendesk is away."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tests.work.walk import Walk
from tsbridge.core.errors import TryLater
from tsbridge.core.inert import GAP
from tsbridge.core.moments import instant_text
from tsbridge.http import Http
from tsbridge.store import wanted_facts
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.decisions import load
from tsbridge.store.moment_tables import moments
from tsbridge.vendors.zendesk.client import AuditPage, ZendeskClient
from tsbridge.work.hearing import Hearing
from tsbridge.work.reads import ReadBudget

BOOK = {
    "schema": 1,
    "queues": {"safety": {"zendesk_group_id": 61000000010}, "intake": {"zendesk_group_id": 61000000001}},
    "rules": [
        {
            "key": "injury",
            "kind": "escalation",
            "on": ["ticket", "call"],
            "when": {"all": [{"field": "text.requester", "operator": "contains", "value": "bitten"}]},
            "then": [{"set_severity": 1}, {"add_tags": ["ts_injury"]}],
        },
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}


class Desk:
    """A walk that reads the audits of a simulated account, and its writer."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.clock = clock
        self.writing = WritingDesk(database, clock)
        self.world = self.writing.zendesk.world
        self.client = client = ZendeskClient(self.writing.http, self.writing.credentials)
        book = {**BOOK, "queues": {name: {} for name in BOOK["queues"]}}  # type: ignore[attr-defined]
        self.walk = Walk(database, clock, book, client, Hearing(database, clock, client, ReadBudget(database, clock)))
        self.rings = 0

    def ring(self, ticket: str, *, to_the_minute: bool = False) -> None:
        """A trigger fires: whole seconds or minutes, a snapshot, by nobody knows whom."""
        seen = self.world.ticket(int(ticket))
        self.rings += 1
        created, updated = (seen[name][:17] + "00Z" if to_the_minute else seen[name] for name in ("created_at", "updated_at"))
        body = {
            "tsbridge": "1",
            "type": "ticket.updated",
            "delivery": str(self.rings),
            "ticket": {
                "id": ticket,
                "subject": seen["subject"],
                "description": "my dog was bitten",
                "status": seen["status"],
                "tags": " ".join(seen["tags"]),
                "created_at": created,
                "updated_at": updated,
                "requester": {"id": str(seen["requester_id"])},
            },
        }
        self.walk.tell([("zendesk", body)])

    def settle(self, ticket: str) -> None:
        """Everything that rings is worked on and everything wished is written, with the ring of our own write."""
        self.walk.work()
        asyncio.run(self.writing.until_quiet())
        self.ring(ticket)
        self.walk.work()

    def events(self, ticket: str) -> list[tuple[str, Any]]:
        in_force = (decisions.c.interaction == ticket, decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False))
        query = select(decisions.c.event, decisions.c.severity).where(*in_force).order_by(decisions.c.at, decisions.c.number)
        return [tuple(row) for row in self.walk.database.read_now(lambda conn: conn.execute(query).all())]  # type: ignore[misc]

    def impressions(self) -> int:
        """How many first impressions are part of a story."""
        query = select(func.count()).where(moments.c.impression, moments.c.replaced_at.is_(None))
        return self.walk.database.read_now(lambda conn: conn.execute(query).scalar_one())


def reported(desk: Desk) -> str:
    person = desk.world.add_user("Ana", "ana@example.com")
    made = desk.world.create(
        {"subject": "Help", "comment": {"body": "my dog was bitten"}, "requester_id": person["id"], "status": "open"}, person, via="mail"
    )
    ticket = str(made["id"])
    desk.ring(ticket)
    return ticket


def test_a_new_ticket_is_created_however_it_rang(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.settle(ticket)
    assert desk.events(ticket) == [("ticket.created", 1)]
    assert desk.writing.tags(ticket) == {"ts_injury"}


def test_our_own_write_makes_no_decision_and_is_known(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.settle(ticket)
    for _ in range(3):
        desk.ring(ticket)
        desk.walk.work()
    assert desk.events(ticket) == [("ticket.created", 1)]
    assert desk.writing.status(ticket)[0] == "confirmed"


def test_a_note_of_ours_with_what_looks_like_html_is_ours_when_it_comes_back(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    injury, default = BOOK["rules"]  # type: ignore[misc]
    note = {"note": "Somebody was bitten: call <Ana> now, wait <15 min"}
    desk.walk.publish({**BOOK, "queues": {"intake": {}}, "rules": [{**injury, "then": [*injury["then"], note]}, default]})  # type: ignore[dict-item, index]
    ticket = reported(desk)
    desk.settle(ticket)
    assert [said.replace(GAP, "") for said in desk.writing.notes(ticket)] == [note["note"]]
    assert desk.events(ticket) == [("ticket.created", 1)]


def test_a_tag_that_an_agent_took_off_stays_off(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.settle(ticket)
    clock.advance(61)  # sooner, a list without our tag may be one that was read before we wrote
    desk.writing.edit(ticket, tags=[])
    desk.ring(ticket)
    desk.settle(ticket)
    desk.writing.edit(ticket, comment={"body": "the dog was bitten, says the macro", "public": True})
    desk.ring(ticket)
    desk.settle(ticket)
    assert desk.writing.tags(ticket) == set()


def test_open_and_solved_in_one_second_ends_solved(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.settle(ticket)
    clock.advance(60)
    desk.writing.edit(ticket, status="pending")
    desk.writing.edit(ticket, status="open")
    desk.writing.edit(ticket, status="solved")
    desk.ring(ticket)
    desk.walk.work()
    (case,) = desk.walk.outcome()["cases"]
    assert case[1] == "resolved"
    assert [event for event, _ in desk.events(ticket)] == ["ticket.created", "ticket.updated", "ticket.updated", "ticket.updated"]


def test_words_of_an_agents_macro_are_not_the_requesters(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    person = desk.world.add_user("Ben", "ben@example.com")
    made = desk.world.create({"subject": "Hello", "comment": {"body": "a question"}, "requester_id": person["id"]}, person, via="mail")
    ticket = str(made["id"])
    desk.writing.edit(ticket, comment={"body": "has anybody been bitten?", "public": True})
    desk.walk.tell([("zendesk", {"tsbridge": "1", "type": "ticket.updated", "ticket": {"id": ticket}})])
    desk.walk.work()
    assert [severity for _, severity in desk.events(ticket)] == [None, None]


def test_an_agents_words_that_the_audits_told_stay_theirs_when_a_ring_shows_them_again(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    person = desk.world.add_user("Ben", "ben@example.com")
    made = desk.world.create({"subject": "Hello", "comment": {"body": "a question"}, "requester_id": person["id"]}, person, via="mail")
    ticket, asked = str(made["id"]), "has anybody been bitten?"
    desk.writing.edit(ticket, comment={"body": asked, "public": True})
    desk.walk.tell([("zendesk", {"tsbridge": "1", "type": "ticket.updated", "ticket": {"id": ticket}})])
    desk.walk.work()
    desk.writing.wire.unreachable = True
    clock.advance(30)
    body = {"id": ticket, "latest_comment": asked, "updated_at": instant_text(clock.now()), "requester": {"id": str(person["id"])}}
    desk.walk.tell([("zendesk", {"tsbridge": "1", "type": "ticket.updated", "ticket": body, "actor": {"id": "41000000007"}})])
    desk.walk.work()
    assert [severity for _, severity in desk.events(ticket)] == [None, None, None]


def test_with_zendesk_away_the_first_impression_is_judged_and_corrected_afterwards(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.writing.wire.unreachable = True
    desk.walk.work()
    assert desk.events(ticket) == [("ticket.updated", 1)]
    assert desk.impressions() == 1
    desk.writing.wire.unreachable = False
    clock.advance(timedelta(minutes=1).total_seconds())
    desk.walk.work()
    assert desk.events(ticket) == [("ticket.created", 1)]
    assert desk.impressions() == 0


class Hangs(httpx.AsyncBaseTransport):
    """Never answers what is asked of one part of the API."""

    def __init__(self, inner: httpx.AsyncBaseTransport, part: str) -> None:
        self._inner = inner
        self._part = part

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._part in request.url.path:
            await asyncio.Event().wait()
        return await self._inner.handle_async_request(request)


@pytest.mark.parametrize(("part", "event"), [("/audits", "ticket.updated"), ("/users/", "ticket.created")])
def test_a_zendesk_that_never_answers_holds_no_judgement(database: Database, clock: SettableClock, part: str, event: str) -> None:
    desk = Desk(database, clock)
    http = Http("http://zendesk.test", sleep=desk.writing._sleep, transport=Hangs(desk.writing.wire, part))
    client = ZendeskClient(http, desk.writing.credentials)
    book = {**BOOK, "queues": {name: {} for name in BOOK["queues"]}}  # type: ignore[attr-defined]
    tagged = {"field": "requester.tags", "operator": "includes", "value": "gold"}
    book["rules"] = [{"key": "gold", "kind": "escalation", "when": tagged, "then": [{"add_tags": ["gold"]}]}, *BOOK["rules"]]  # type: ignore[misc]
    desk.walk = Walk(database, clock, book, client, Hearing(database, clock, client, ReadBudget(database, clock)))
    ticket = reported(desk)
    asyncio.run(asyncio.wait_for(desk.walk.ingest.round(), 60))
    assert desk.events(ticket) == [(event, 1)]


def test_contacts_are_counted_by_when_the_audits_say_tickets_were_opened_not_by_whole_minutes(
    database: Database, clock: SettableClock
) -> None:
    desk = Desk(database, clock)
    counted = {"all": [{"field": "requester.contacts_24h", "operator": "at_least", "value": 2}]}
    again = {"key": "again", "kind": "escalation", "when": counted, "then": [{"add_tags": ["ts_again"]}]}
    desk.walk.publish({**BOOK, "queues": {"intake": {}}, "rules": [again, BOOK["rules"][-1]]})  # type: ignore[index]
    person = desk.world.add_user("Ana", "ana@example.com")
    first, second = (_opened(desk, person, clock, seconds) for seconds in (20, 25))
    desk.writing.wire.unreachable = True
    for ticket in (first, second):
        desk.ring(ticket, to_the_minute=True)
    desk.walk.work()
    assert desk.walk.outcome()["wishes"] != []
    desk.writing.wire.unreachable = False
    for ticket in (first, second):
        clock.advance(60)
        desk.ring(ticket)
        asyncio.run(desk.walk.ingest.round())
    assert [(tags_of(desk, ticket)) for ticket in (first, second)] == [[], ["ts_again"]]


def _opened(desk: Desk, person: dict[str, Any], clock: SettableClock, after: float) -> str:
    clock.advance(after)
    made = desk.world.create({"subject": "Help", "comment": {"body": "hello"}, "requester_id": person["id"]}, person, via="mail")
    return str(made["id"])


def tags_of(desk: Desk, ticket: str) -> list[str]:
    """What is asked for on a ticket."""
    wish = next(json.loads(wish) for of, _, wish in desk.walk.outcome()["wishes"] if of == ticket)
    return [tag for tag, _ in wish["tags"]]


def test_an_old_snapshot_undoes_nothing(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    old = [("zendesk", {"tsbridge": "1", "type": "ticket.updated", "ticket": {"id": ticket, "tags": "", "status": "open"}})]
    desk.settle(ticket)
    desk.writing.wire.unreachable = True
    desk.walk.tell(old)
    desk.walk.work()
    desk.writing.wire.unreachable = False
    clock.advance(60)
    desk.settle(ticket)
    assert desk.writing.tags(ticket) == {"ts_injury"}


def test_a_decision_of_a_first_impression_still_shows_the_words_it_saw(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = reported(desk)
    desk.writing.wire.unreachable = True
    desk.walk.work()
    (first,) = database.read_now(lambda conn: conn.execute(select(decisions.c.id)).scalars().all())
    desk.writing.wire.unreachable = False
    clock.advance(60)
    desk.walk.work()
    assert desk.events(ticket) == [("ticket.created", 1)]
    seen = database.read_now(lambda conn: load(conn, first))
    assert seen is not None
    assert seen.seen is not None
    assert "bitten" in str(seen.seen.given["text"])


def test_a_ticket_that_is_gone_is_not_asked_for_again_and_again(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    desk.walk.tell([("zendesk", {"tsbridge": "1", "type": "ticket.updated", "ticket": {"id": "999999", "status": "open"}})])
    for _ in range(20):
        desk.walk.work()
        clock.advance(1_000)
    assert desk.events("999999") == [("ticket.updated", None)]
    assert desk.writing.wire.count("GET", "/tickets/999999/audits") == 1


def test_while_zendesk_says_wait_nothing_is_read(database: Database, clock: SettableClock) -> None:
    Desk(database, clock)
    asked: list[str] = []

    class Busy:
        async def audit_page(self, ticket: str, after: str | None = None) -> AuditPage:
            asked.append(ticket)
            raise TryLater("rate_limited", timedelta(seconds=90), waiting=True)

    hearing = Hearing(database, clock, Busy(), ReadBudget(database, clock))
    for _ in range(5):
        assert asyncio.run(hearing.read({"1": None})).moments == {}
        clock.advance(10)
    assert len(asked) == 1
    clock.advance(90)
    asyncio.run(hearing.read({"1": None}))
    assert len(asked) == 2


def test_a_follow_up_joins_the_case_of_the_ticket_it_follows_and_sees_its_severity(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    closed = reported(desk)
    desk.settle(closed)
    desk.writing.edit(closed, status="closed")
    desk.ring(closed)
    desk.settle(closed)
    clock.advance(timedelta(days=40).total_seconds())
    person = desk.world.add_user("Cy", "cy@example.com")  # somebody else writes for the same household
    asked = {"subject": "Again", "comment": {"body": "any news?"}, "requester_id": person["id"], "via_followup_source_id": closed}
    follow_up = str(desk.world.create(asked, person, via="web")["id"])
    desk.ring(follow_up)
    desk.settle(follow_up)
    newest = select(decisions.c.id, decisions.c.case_id).where(decisions.c.interaction == follow_up).order_by(decisions.c.number.desc())
    row = database.read_now(lambda conn: conn.execute(newest).first())
    assert row is not None
    first = database.read_now(
        lambda conn: conn.execute(select(decisions.c.case_id).where(decisions.c.interaction == closed)).scalars().first()
    )
    assert row.case_id == first
    seen = database.read_now(lambda conn: load(conn, row.id))
    assert seen is not None
    assert seen.seen is not None
    assert (seen.seen.given["ticket.follows"], seen.seen.given["case.followed_severity"]) == (closed, 1)


def test_of_another_accounts_deliveries_nothing_is_asked(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ours = reported(desk)
    theirs = desk.writing.ticket()
    body = {"tsbridge": "2", "type": "ticket.updated", "ticket": {"status": "open"}}
    desk.walk.tell(
        [("zendesk", {**body, "ticket_id": ours, "account": "Acme"}), ("zendesk", {**body, "ticket_id": theirs, "account": "Other"})]
    )
    for _ in range(3):
        desk.walk.work()
        clock.advance(60)
    assert desk.writing.wire.count("GET", f"/tickets/{ours}/audits") == 1
    assert desk.writing.wire.count("GET", f"/tickets/{theirs}/audits") == 0
    assert not desk.events(theirs)
    assert desk.walk.database.read_now(wanted_facts.next_due) is None


TIER = 360001234


def test_a_custom_field_is_what_it_was_at_each_update_and_never_what_it_became_later(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    name = f"ticket.custom.{TIER}"
    rules = [
        {
            "key": key,
            "kind": "escalation",
            "when": {"all": [{"field": name, "operator": operator, "value": "tier_3"}]},
            "then": [{"set_severity": 2}],
        }
        for key, operator in (("now", "is"), ("before", "changed_from"))
    ]
    desk.walk.publish({**BOOK, "queues": {"intake": {}}, "rules": [*rules, BOOK["rules"][1]]})  # type: ignore[index]
    person = desk.world.add_user("Eve", "eve@example.com")
    asked = {"subject": "Help", "comment": {"body": "where is my sitter?"}, "requester_id": person["id"]}
    ticket = str(desk.world.create(asked, person, via="mail")["id"])
    for value in ("tier_1", "tier_3"):  # before anything is heard, so that all that is looked up is what it became
        clock.advance(60)
        desk.writing.edit(ticket, custom_fields=[{"id": TIER, "value": value}])
    desk.ring(ticket)
    desk.walk.work()
    clock.advance(60)
    desk.writing.edit(ticket, custom_fields=[{"id": TIER, "value": None}])
    desk.ring(ticket)
    desk.walk.work()
    query = select(decisions.c.matched).where(decisions.c.superseded_by.is_(None)).order_by(decisions.c.at)
    matched = database.read_now(lambda conn: conn.execute(query).scalars().all())
    assert [[key for key, kind in rules if kind == "escalation"] for rules in matched] == [[], [], ["now"], ["before"]]


def test_rules_see_the_tags_of_the_requesters_user(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    valued = {"field": "requester.tags", "operator": "includes", "value": "gold"}
    rule = {"key": "gold", "kind": "escalation", "when": {"all": [valued]}, "then": [{"set_severity": 2}]}
    desk.walk.publish({**BOOK, "queues": {"intake": {}}, "rules": [rule, BOOK["rules"][1]]})  # type: ignore[index]
    person = desk.world.add_user("Dee", "dee@example.com")
    person["tags"] = ["gold"]
    asked = {"subject": "Help", "comment": {"body": "where is my sitter?"}, "requester_id": person["id"]}
    ticket = str(desk.world.create(asked, person, via="mail")["id"])
    desk.ring(ticket)
    desk.settle(ticket)
    assert desk.events(ticket) == [("ticket.created", 2)]


def changed(desk: Desk, times: int) -> str:
    """A ticket that was changed so often before anybody heard of it; at first it was somebody else's."""
    person, other = (desk.world.add_user(name, f"{name}@example.com") for name in ("ana", "ben"))
    props = {"subject": "Help", "comment": {"body": "my dog was bitten"}, "requester_id": person["id"], "status": "open"}
    ticket = str(desk.world.create(props, person, via="mail")["id"])
    for n in range(times - 1):
        desk.clock.advance(1)
        desk.writing.edit(ticket, priority=("low", "high")[n % 2], **({"requester_id": other["id"]} if n == times - 5 else {}))
    return ticket


def test_a_ticket_with_more_than_a_page_of_audits_is_heard_from_its_beginning(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = changed(desk, 130)
    desk.ring(ticket)
    desk.walk.work()
    assert desk.writing.wire.count("GET", "/audits") == 2
    assert desk.events(ticket) == [("ticket.created", 1), *[("ticket.updated", 1)] * 129]
    before = desk.walk.outcome()["decisions"]
    clock.advance(1)
    desk.writing.edit(ticket, status="solved")
    desk.ring(ticket)
    desk.walk.work()
    assert desk.writing.wire.count("GET", "/audits") == 3  # a page that meets what was heard is enough
    assert len(desk.walk.outcome()["decisions"]) == len(before) + 1


def test_of_a_ticket_with_more_than_a_thousand_audits_the_oldest_are_left_out_and_it_is_said(
    database: Database, clock: SettableClock
) -> None:
    desk = Desk(database, clock)
    ticket = changed(desk, 1_040)
    hearing = Hearing(database, clock, desk.client, ReadBudget(database, clock))
    heard = asyncio.run(hearing.read({ticket: None}, patience=60))
    assert len(heard.moments[ticket]) == 1_000
    assert heard.warnings[ticket] == ("history_cut",)
    ben = desk.world.user_by_email("ben@example.com")
    assert ben is not None
    assert {dict(m.facts).get("requester.id") for m in heard.moments[ticket]} == {None, str(ben["id"])}
    assert desk.writing.wire.count("GET", "/audits") == 10


def test_without_a_permit_for_its_older_pages_a_ticket_is_left_for_later(database: Database, clock: SettableClock) -> None:
    desk = Desk(database, clock)
    ticket = changed(desk, 130)
    hearing = Hearing(database, clock, desk.client, ReadBudget(database, clock, 2))  # one for rings
    heard = asyncio.run(hearing.read({ticket: None}))
    assert (heard.moments, heard.gone) == ({}, frozenset())

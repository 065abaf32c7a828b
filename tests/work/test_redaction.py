"""Words that are gone at Zendesk are gone here: from every table and every answer; and no decision changes by it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from tests.clocks import SettableClock
from tests.readable import opened
from tests.work.test_hearing import BOOK as PLAIN
from tests.work.test_hearing import Desk
from tests.work.walk import Walk, call
from tsbridge.core.moments import instant_text
from tsbridge.core.replay import Compared
from tsbridge.store import decisions as recorded
from tsbridge.store import history, proof
from tsbridge.store import inbox as deliveries
from tsbridge.store.all_tables import metadata
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import chain, changes, decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.moment_tables import moments
from tsbridge.store.notice_tables import notices
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.missed import gone
from tsbridge.vendors.zendesk.payload import EVENT
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.vendors.zendesk.setup import BESIDE
from tsbridge.work.hearing import Hearing
from tsbridge.work.reads import ReadBudget
from tsbridge.work.replay_jobs import Contest
from tsbridge.work.stream import Stream

CARD = "4111 1111 1111 1111"
NAME = "Zebulon Quartermain"
BOOK = {
    **PLAIN,
    "queues": {"safety": {}, "intake": {}},
    "policies": {
        "sev1": {
            "stops_when": {"any": [{"field": "case.acknowledged", "operator": "is", "value": True}]},
            "steps": [{"after": "3h", "actions": [{"notify": "oncall"}]}],
        }
    },
    "rules": [
        {
            "key": "card",
            "kind": "escalation",
            "when": {"all": [{"field": "text", "operator": "matches", "value": "4111 [0-9 ]+"}]},
            "then": [
                *({"set_severity": 1}, {"add_tags": ["ts_card"]}, {"note": "A card number in: {subject} {text}"}),
                *({"notify": "oncall"}, {"escalate": "sev1"}),
            ],
        },
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}


class Redacting(Desk):
    """A desk whose rules look for what will be redacted."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        super().__init__(database, clock)
        client = ZendeskClient(self.writing.http, self.writing.credentials)
        self.walk = Walk(database, clock, BOOK, client, Hearing(database, clock, client, ReadBudget(database, clock)))
        self.person = self.world.add_user("Ana Silva", "ana.silva@example.com")

    def report(self, *, read: bool = True, said: str = f"my card is {CARD}, {NAME} has it") -> str:
        """A ticket with the words in its comment, heard by its first impression and by its audits, and written to. Without `read` Zendesk
        cannot be asked yet."""
        made = self.world.create({"subject": "Help", "comment": {"body": said}, "requester_id": self.person["id"]}, self.person, via="mail")
        ticket = str(made["id"])
        self.writing.wire.unreachable = True
        self.walk.tell([("zendesk", self.body(ticket, said))])
        self.walk.work()
        if read:
            self.writing.wire.unreachable = False
            self.clock.advance(60)
            self.settle(ticket)
        return ticket

    def late_report(self) -> tuple[str, dict[str, Any]]:
        """A ticket with the words in its comment, and the delivery about it, which is still under way."""
        said = {"body": f"my card is {CARD}, {NAME} has it"}
        made = self.world.create({"subject": "Help", "comment": said, "requester_id": self.person["id"]}, self.person, via="mail")
        return str(made["id"]), self.body(str(made["id"]), said["body"])

    def body(self, ticket: str, description: str, comment: str | None = None) -> dict[str, Any]:
        seen = self.world.ticket(int(ticket))
        self.rings += 1
        told = {name: seen[name] for name in ("subject", "status", "created_at", "updated_at")}
        person = {"id": str(seen["requester_id"]), "name": "Ana Silva", "email": "ana.silva@example.com"}
        facts = {"id": ticket, **told, "description": description, "latest_comment": comment or description, "requester": person}
        return {"tsbridge": "1", "type": "ticket.updated", "delivery": f"d{self.rings}", "ticket": facts}

    def redact(self, ticket: str, *words: str) -> None:
        """An agent takes words out of the ticket's first comment, and the notes that quoted them; it rings."""
        self.clock.advance(60)
        agent = self.world.store.users[next(iter(self.world.store.users))]
        for comment in self.world.store.comments[int(ticket)]:
            for word in words:
                if word in comment["body"]:
                    self.world.redact(int(ticket), comment, word, agent)
        self.ring(ticket)
        self.walk.work()

    def ring(self, ticket: str) -> None:  # type: ignore[override]
        said = self.world.ticket(int(ticket))["description"], self.world.store.comments[int(ticket)][-1]["body"]
        self.walk.tell([("zendesk", self.body(ticket, *said))])

    def steps(self) -> list[Any]:
        """Steps of policies with when they are due, or what became of them."""
        query = select(escalations.c.policy, escalations.c.step, escalations.c.due_at, escalations.c.status)
        return list(self.walk.database.read_now(lambda conn: conn.execute(query).all()))

    def notices(self) -> list[Any]:
        """What rules asked to be told, by their ids, with whether that is over."""
        query = select(notices.c.id, notices.c.target, notices.c.over_at).order_by(notices.c.id)
        return list(self.walk.database.read_now(lambda conn: conn.execute(query).all()))

    def judge_whole(self, case: str) -> None:
        """The case is judged again from its start."""

        def again(conn: Connection) -> None:
            live = self.walk.conclusions.begin(conn)
            self.walk.conclusions.judge_case(conn, live, case, self.clock.now(), whole=True)

        self.walk.database.write_now(again)


def holding(database: Database, *words: str) -> list[str]:
    """Every column of every table in which one of the words stands, in whatever it keeps, packed or encrypted or not."""

    def look(conn: Connection) -> list[str]:
        found = []
        for table in metadata.sorted_tables:
            for row in conn.exec_driver_sql(f'SELECT * FROM "{table.name}"').mappings():  # noqa: S608  # names of the code's own tables
                for name, value in row.items():
                    kept = opened(conn, table.columns[name], value)
                    found += [f"{table.name}.{name}" for word in words if word.encode() in kept]
        return sorted(set(found))

    return database.read_now(look)


def in_force(database: Database) -> list[tuple[Any, ...]]:
    query = select(decisions.c.id, decisions.c.moment, decisions.c.severity).where(
        decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False)
    )
    return sorted(tuple(row) for row in database.read_now(lambda conn: conn.execute(query).all()))


def test_a_redacted_card_number_and_name_stand_in_no_table_any_more(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    assert {"moments.body", "inbox.body", "cases.state", "desired.wish", "intents.plan"} <= set(holding(database, CARD, NAME))
    desk.redact(ticket, CARD, NAME)
    assert holding(database, CARD, NAME) == []
    assert "moments.body" in holding(database, "Ana Silva")
    verdict = database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]


def test_words_that_went_before_the_audits_were_first_read_go_from_the_first_impression(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report(read=False)
    assert {"moments.body", "inbox.body"} <= set(holding(database, CARD, NAME))
    desk.redact(ticket, CARD, NAME)
    desk.writing.wire.unreachable = False
    desk.clock.advance(60)
    desk.settle(ticket)
    assert holding(database, CARD, NAME) == []
    verdict = database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]


@pytest.mark.parametrize(
    "words", [[CARD], [CARD, NAME], ["my card", "is 4111", "1111 1111 1111", NAME], [f"my card is {CARD}, {NAME} has it"]]
)
def test_what_a_first_impression_was_judged_by_stands_when_its_words_went_before_the_audits_were_read(
    database: Database, clock: SettableClock, words: list[str]
) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report(read=False)
    assert [severity for *_, severity in in_force(database)] == [1]
    desk.redact(ticket, *words)
    steps, asked = desk.steps(), desk.notices()
    assert (len(steps), len(asked)) == (1, 1)
    desk.writing.wire.unreachable = False
    desk.clock.advance(60)
    desk.settle(ticket)
    stood = in_force(database)
    assert [severity for *_, severity in stood] == [1]
    assert desk.writing.tags(ticket) == {"ts_card"}
    assert desk.steps() == steps
    assert desk.notices() == asked  # by another name, and not once more
    before = desk.walk.outcome()
    desk.judge_whole(before["cases"][0][0])
    clock.advance(60)
    desk.settle(ticket)  # read again, it is the same moment
    assert in_force(database) == stood
    assert desk.walk.outcome() == before
    assert holding(database, *words) == []
    verdict = database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]


def test_so_does_what_it_was_judged_by_when_a_comment_said_it(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report(read=False, said="where is my order?")
    desk.writing.wire.unreachable = False
    desk.settle(ticket)
    desk.writing.wire.unreachable = True
    for said in (f"{NAME} took it", f"it was {CARD}"):
        clock.advance(60)
        desk.writing.edit(ticket, comment={"body": said, "public": True})
        desk.walk.tell([("zendesk", desk.body(ticket, "where is my order?", said))])
        desk.walk.work()
    desk.redact(ticket, CARD)
    desk.writing.wire.unreachable = False
    clock.advance(60)
    desk.settle(ticket)
    assert [severity for *_, severity in in_force(database)].count(1) == 1
    assert desk.walk.outcome()["cases"][0][2] == 1
    assert holding(database, CARD) == []
    assert "moments.body" in holding(database, NAME)


def test_a_short_word_that_went_before_the_audits_were_first_read_goes_too(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report(read=False, said=f"my card is {CARD}, Zqx has it")
    desk.redact(ticket, "Zqx")
    desk.writing.wire.unreachable = False
    desk.clock.advance(60)
    desk.settle(ticket)
    assert holding(database, "Zqx") == []


def test_a_delivery_that_comes_when_the_audits_tell_without_the_words_keeps_none(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket, late = desk.late_report()
    desk.redact(ticket, CARD, NAME)
    desk.walk.tell([("zendesk", late)])
    desk.walk.work()
    assert holding(database, CARD, NAME) == []


def bodies(database: Database) -> list[Any]:
    return list(database.read_now(lambda conn: conn.execute(select(moments.c.body)).scalars().all()))


def test_what_was_typed_at_the_desk_loses_the_words_too_and_is_proven(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    case = desk.walk.outcome()["members"][0][0]
    asyncio.run(desk.walk.desk.note(case, "kim", f"they read out {CARD} to me"))
    desk.settle(ticket)
    desk.redact(ticket, CARD)
    assert holding(database, CARD) == []
    assert {"changes.after", "moments.body"} <= set(holding(database, "they read out"))
    verdict = database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]


def test_losing_words_revises_nothing_and_what_was_asked_for_stands(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    stood = in_force(database)
    assert [severity for *_, severity in stood] == [1]
    desk.redact(ticket, CARD)
    assert in_force(database) == stood
    for _ in range(3):  # read again, it is the same moment
        clock.advance(60)
        desk.settle(ticket)
    assert in_force(database) == stood
    assert desk.writing.tags(ticket) == {"ts_card"}
    texts = [text for body in bodies(database) if body["event"] == "ticket.created" for text in body["texts"]]
    assert [role for role, *_ in texts].count("description") == 1


def test_judged_again_from_the_start_it_comes_out_as_it_was(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    stood = in_force(database)
    desk.redact(ticket, CARD)
    before = desk.walk.outcome()
    (case,) = before["cases"]
    assert (case[2], case[7]) == (1, ["ts_card"])
    desk.judge_whole(case[0])
    assert in_force(database) == stood
    assert desk.walk.outcome() == before


def test_a_moment_that_comes_late_is_judged_and_what_saw_the_words_stands(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    desk.redact(ticket, CARD)
    stood = in_force(database)
    late = call("call.ended", 0, "c1", zendesk_ticket_id=ticket)
    late[1]["timestamp"] = "2026-11-22T08:30:00Z"
    desk.walk.tell([late])
    desk.walk.work()
    now = in_force(database)
    assert set(stood) <= set(now)
    assert len(now) == len(stood) + 1
    assert len(desk.walk.outcome()["cases"]) == 1


def test_later_words_are_matched_without_the_redacted_ones(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    desk.redact(ticket, CARD)
    clock.advance(60)
    desk.writing.edit(ticket, comment={"body": "thank you", "public": True})
    desk.ring(ticket)
    desk.walk.work()
    query = select(decisions.c.matched).order_by(decisions.c.number.desc()).limit(1)
    assert database.read_now(lambda conn: conn.execute(query).scalar_one()) == [["default", "routing"]]


def test_the_reasons_stand_without_the_words_and_say_since_when(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    ((id_, *_),) = in_force(database)
    desk.redact(ticket, CARD)
    found = database.read_now(lambda conn: recorded.load(conn, id_))
    assert found is not None
    assert found.held is not None
    (rule,) = [rule for rule in found.held.reasons["rules"] if rule["key"] == "card"]
    (leaf,) = rule["because"]
    assert (leaf["field"], leaf["outcome"], leaf["actual"], leaf["redacted_since"]) == ("text", True, None, found.held.since)
    (row,) = database.read_now(lambda conn: conn.execute(select(changes).where(changes.c.action == "words.redact")).mappings().all())
    assert id_ in row["after"]["decisions"]
    assert row["subject"] == database.read_now(lambda conn: conn.execute(select(cases.c.id)).scalar_one())


def test_what_was_delivered_is_known_to_have_come_and_holds_nothing(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    before = database.read_now(deliveries.counts)["zendesk"]
    desk.redact(ticket, CARD)
    after = database.read_now(deliveries.counts)["zendesk"]
    assert after.received == before.received + 1
    rows = database.read_now(lambda conn: conn.execute(select(inbox.c.body, inbox.c.redacted_at)).all())
    assert all(body == b"" and at is not None for body, at in rows)


def test_a_ticket_deleted_for_good_leaves_ids_and_what_was_decided(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    stood = in_force(database)
    desk.world.delete(int(ticket), desk.person)
    clock.advance(60)
    event = {"type": "zen:event-type:ticket.soft_deleted", "id": "1", "time": "2027-01-01T00:00:00Z", "detail": {"id": ticket}, "event": {}}
    desk.walk.tell([("zendesk", event)])
    desk.walk.work()
    assert holding(database, CARD) != []
    desk.walk.tell([("zendesk", {**event, "id": "2", "type": "zen:event-type:ticket.permanently_deleted"})])
    desk.walk.work()
    assert holding(database, CARD, NAME, "Ana Silva", "ana.silva@example.com") == []
    assert set(stood) <= set(in_force(database))
    verdict = database.read_now(proof.verify)
    assert verdict["ok"], verdict["broken"]


def test_what_the_second_webhook_tells_is_obeyed_without_a_trigger(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket, admin = desk.report(), desk.world.admin

    def told(since: int) -> list[tuple[str, dict[str, Any]]]:
        happened = [one for one in desk.world.happened[since:] if f"{EVENT}{one.about}.{one.kind}" in BESIDE]
        at = {"time": instant_text(clock.now()), "event": {}}
        return [("zendesk", {**at, "type": f"{EVENT}{one.about}.{one.kind}", "detail": {"id": str(one.ticket["id"])}}) for one in happened]

    clock.advance(60)
    since = len(desk.world.happened)
    desk.world.redact(int(ticket), desk.world.store.comments[int(ticket)][0], CARD, admin)
    desk.walk.tell(told(since))
    desk.walk.work()
    assert holding(database, CARD) == []
    assert holding(database, NAME) != []
    desk.world.delete(int(ticket), admin)
    since = len(desk.world.happened)
    asked = desk.writing.zendesk.call("DELETE", f"/api/v2/deleted_tickets/{ticket}", {}, None, {"authorization": "Bearer token"})
    assert asyncio.run(asked).status_code == 200
    desk.walk.tell(told(since))
    desk.walk.work()
    assert holding(database, NAME, "Ana Silva", "ana.silva@example.com") == []


def test_a_call_stays_with_its_ticket_that_was_deleted_for_good(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    desk.walk.tell([call("call.ended", 0, "c1", zendesk_ticket_id=ticket)])
    desk.walk.work()
    before = in_force(database)
    event = {
        "type": "zen:event-type:ticket.permanently_deleted",
        "id": "2",
        "time": "2027-01-01T00:00:00Z",
        "detail": {"id": ticket},
        "event": {},
    }
    desk.walk.tell([("zendesk", event)])
    desk.walk.work()
    assert len(desk.walk.outcome()["cases"]) == 1
    assert set(before) <= set(in_force(database))


def test_of_a_ticket_that_lost_nothing_everything_stays(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    was = bodies(database)
    for _ in range(2):
        clock.advance(60)
        desk.settle(ticket)
    assert all(body in bodies(database) for body in was)
    assert database.read_now(lambda conn: conn.execute(select(moments).where(moments.c.redacted_at.is_not(None))).all()) == []


def test_recorded_decisions_can_be_made_again_and_move_in_no_replay(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    desk.redact(ticket, CARD)

    def compared(conn: Connection) -> list[Compared]:
        live = desk.walk.rulebooks.live(conn)
        judge_of = {version: desk.walk.rulebooks.version(conn, version).judge for version in (1, 2)}
        (case,) = history.page(conn, "", 10, contacts=True)
        asked = Contest(live.judge, live.book.hash, {1: "", 2: live.book.hash}, True, judge_of.__getitem__, None, clock.now())
        return asked.compared(case)

    found = database.read_now(compared)
    assert len(found) == 1
    assert not any(one.telling for one in found)


def test_catching_up_finds_a_redaction_that_did_not_ring(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    agent = desk.world.store.users[next(iter(desk.world.store.users))]
    clock.advance(60)
    desk.world.redact(int(ticket), desk.world.store.comments[int(ticket)][0], CARD, agent)
    clock.advance(120)
    own, client = OwnUser(str(desk.world.bridge["id"])), ZendeskClient(desk.writing.http, desk.writing.credentials)
    reads, hear = ReadBudget(database, clock), desk.walk.ingest.hear
    asyncio.run(Stream(database, clock, client, lambda: own, "w1", reads, hear, lambda: None).round())
    desk.walk.work()
    assert holding(database, CARD) == []


def test_catching_up_finds_a_ticket_that_was_deleted_for_good(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    desk.world.delete(int(ticket), desk.person)
    left = {**desk.world.store.deleted[int(ticket)], "subject": "SCRUBBED", "description": "SCRUBBED", "status": "deleted"}
    desk.walk.tell([("zendesk", gone(left)[1])])
    desk.walk.work()
    assert holding(database, CARD, NAME, "ana.silva@example.com") == []


def test_what_is_kept_in_place_of_words_is_proven(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    desk.redact(ticket, CARD)
    held = decisions.c.held.is_not(None)
    for forged in ({"since": "2026-11-22T09:00:00.000000Z"}, None):
        row = database.read_now(lambda conn: conn.execute(select(decisions).where(held)).mappings().first())
        assert row is not None
        place = database.read_now(lambda conn, row=row: conn.execute(select(chain.c.seq).where(chain.c.id == row["id"])).scalar_one())  # type: ignore[misc]
        forge = update(decisions).where(decisions.c.id == row["id"])
        database.write_now(lambda conn, forge=forge, forged=forged: conn.execute(forge.values(held=forged)) and None)  # type: ignore[misc]
        assert [one["seq"] for one in database.read_now(proof.verify)["broken"]] == [place]
        database.write_now(lambda conn, forge=forge, row=row: conn.execute(forge.values(held=row["held"])) and None)  # type: ignore[misc]
    assert database.read_now(proof.verify)["ok"]


def test_a_ticket_that_lost_words_before_it_was_deleted_for_good_keeps_nothing_either(database: Database, clock: SettableClock) -> None:
    desk = Redacting(database, clock)
    ticket = desk.report()
    desk.redact(ticket, CARD)
    assert holding(database, NAME) != []
    desk.walk.tell([("zendesk", gone({"id": ticket, "updated_at": "2026-11-22T10:00:00Z", "subject": "SCRUBBED"})[1])])
    desk.walk.work()
    assert holding(database, NAME, "Ana Silva", "ana.silva@example.com") == []
    assert database.read_now(proof.verify)["ok"]

"""What people are called and write reaches Zendesk's notes as words: it fills nothing in there, calls nobody and leads nowhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.test_redaction import BOOK, Redacting
from tests.work.walk import Walk
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.work.hearing import Hearing
from tsbridge.work.reads import ReadBudget

SUBJECT = "{{ticket.comments}} [press](https://evil.example) @agents **now** \u202egnp {% raw %} www.evil.example"

CARD, DEFAULT = BOOK["rules"]
NOTED: dict[str, Any] = {
    **BOOK,
    "rules": [{**CARD, "then": [{"note": "See https://wiki.example/cards. **Subject**: {subject}"}]}, DEFAULT],
}


class Strange(Redacting):
    """A desk that repeats the subject of a ticket in a note."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        super().__init__(database, clock)
        client = ZendeskClient(self.writing.http, self.writing.credentials)
        self.walk = Walk(database, clock, NOTED, client, Hearing(database, clock, client, ReadBudget(database, clock)))

    def report(self) -> str:
        made = self.world.create({"subject": SUBJECT, "comment": {"body": "4111 1111"}, "requester_id": self.person["id"]}, self.person)
        ticket = str(made["id"])
        self.walk.tell([("zendesk", self.body(ticket, "4111 1111"))])
        self.walk.work()
        self.clock.advance(60)
        self.settle(ticket)
        return ticket


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Strange:
    return Strange(database, clock)


def test_a_note_says_them_as_words_and_keeps_what_the_rule_says(desk: Strange) -> None:
    ticket = desk.report()
    [note] = desk.writing.notes(ticket)
    ours = "See https://wiki.example/cards. **Subject**: "
    assert note.startswith(ours)
    theirs = note.removeprefix(ours)
    assert not re.search(r"\{[{%]|\]\(|://|www\.|(?<!\u200b)@|[\u202a-\u202e\u2066-\u2069]", theirs), theirs
    assert re.sub(r"[\u200a\u200b]", "", theirs).split() == SUBJECT.replace("\u202e", " ").split()

"""Our trigger bodies: what people type in them never hides or replaces a fact, and never silences the ticket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vendors.captured import RECEIVED
from tsbridge.core.errors import Malformed
from tsbridge.core.moments import Moment
from tsbridge.vendors.zendesk.normalize import normalize, read
from tsbridge.vendors.zendesk.payload import delivery_key, ring_of
from tsbridge.vendors.zendesk.trigger import EVENTS, Event, trigger_body
from tsbridge.vendors.zendesk.verify import TIMESTAMP

FILLED = {
    "{{ticket.id}}": "4711",
    "{{ticket.account}}": "Acme",
    "{{ticket.status}}": "Open",
    "{{ticket.priority}}": "High",
    "{{ticket.ticket_type}}": "-",
    "{{ticket.via}}": "Web Form",
    "{{ticket.tags}}": "vip bite",
    "{{ticket.created_at_with_timestamp}}": "2026-11-22T09:00:00Z",
    "{{ticket.updated_at_with_timestamp}}": "2026-11-22T09:16:00Z",
    "{{ticket.requester.id}}": "41",
    "{{current_user.id}}": "41",
    "{{ticket.title}}": "Sitter's dog bit mine",
    "{{ticket.latest_comment}}": "Stitches at the vet.",
    "{{ticket.requester.email}}": "ana@example.com",
}
RING = Moment("zendesk", "4711", "ticket.updated", RECEIVED, at_known=False)


def sent(event: Event = "updated", **others: str) -> bytes:
    """The body as Zendesk sends it: placeholders filled in as they are, nothing escaped."""
    text = json.dumps(trigger_body(event), indent=2)
    for placeholder, value in {**FILLED, **{f"{{{{ticket.{name}}}}}": value for name, value in others.items()}}.items():
        text = text.replace(placeholder, value)
    return text.encode()


def told(raw: bytes) -> Moment:
    (moment,) = read(raw, received_at=RECEIVED).moments
    return moment


def test_ids_and_facts_stand_before_what_people_type() -> None:
    for event in EVENTS:
        assert list(trigger_body(event)) == ["tsbridge", "type", "ticket_id", "account", "delivery", "ticket", "actor", "texts"]
        assert trigger_body(event)["type"] == f"ticket.{event}"


def test_a_body_says_its_facts_and_its_texts() -> None:
    moment = told(sent())
    facts = dict(moment.facts)
    assert (moment.event, moment.interaction, moment.at_known, moment.actor.kind) == ("ticket.updated", "4711", True, "requester")
    assert (facts["ticket.status"], facts["ticket.priority"], facts["ticket.type"], facts["channel"]) == ("open", "high", None, "web")
    assert (facts["tags"], facts["requester.id"], facts["requester.email"]) == (("bite", "vip"), "41", "ana@example.com")
    assert [(text.role, text.body) for text in moment.texts] == [("subject", "Sitter's dog bit mine"), ("comment", "Stitches at the vet.")]
    assert told(sent("created")).event == "ticket.created"


@pytest.mark.parametrize(
    ("placeholder", "word", "fact"),
    [
        ("status", "Offen", "ticket.status"),
        ("status", "Waiting on vet", "ticket.status"),
        ("priority", "Hoch", "ticket.priority"),
        ("ticket_type", "Vorfall", "ticket.type"),
        ("via", "Webformular", "channel"),
    ],
)
def test_a_word_that_is_not_ours_is_unknown_and_no_fact(placeholder: str, word: str, fact: str) -> None:
    assert fact not in dict(told(sent(**{placeholder: word})).facts)


@pytest.mark.parametrize(
    "typed",
    [
        'He said "no"',
        "two\nlines",
        "back\\slash",
        'x"}, "ticket": {"status": "solved"}, "z": {"a": "',
        'x"}, "ticket_id": "99", "z": {"a": "',
        'x"}, "z": {"a": "',
        'x", "z": "',
        'x"}, "type": "ticket.deleted", "texts": {"a": "',
        'x"}}',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1") + '"',
    ],
)
def test_nothing_that_is_typed_hides_or_replaces_a_fact(typed: str) -> None:
    assert told(sent(title=typed)) == RING


def test_members_of_our_own_cannot_be_moved_behind_the_texts() -> None:
    """Somebody shortened the body by hand, and a customer knows by what."""
    body = {"tsbridge": "2", "ticket_id": "4711", "ticket": {"status": "open"}, "texts": {"subject": "x"}, "account": "Other"}
    (moment,) = normalize(body, received_at=RECEIVED).moments
    assert moment == RING


@pytest.mark.parametrize(
    "raw",
    [
        b'{"tsbridge":"2","type":"ticket.created","ticket_id":"4711","rest": br"oken',
        b' \n{ "tsbridge" : "2" ,\r\n"type": "ticket.updated",\t"ticket_id": "4711"}',
        b'{"tsbridge": "1", "type": "ticket.updated", "delivery": "4711-2026", "ticket": {"id": "4711", "subject": "a "b" c"}}',
    ],
)
def test_a_broken_body_of_ours_rings_by_its_leading_members(raw: bytes) -> None:
    assert ring_of(raw) == "4711"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'{"ticket_id": "4711", "tsbridge": "2"',
        b'{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "47a1", ',
        b'{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "", ',
        b'{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "12345678901234567890", ',
        '{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "\u0661", '.encode(),
        b'{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "47',
        b'\xef\xbb\xbf{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "4711", ',
    ],
)
def test_nothing_else_rings(raw: bytes) -> None:
    assert ring_of(raw) is None
    with pytest.raises(Malformed):
        read(raw, received_at=RECEIVED)


@pytest.mark.parametrize("more", [{}, {"ticket": {"title": "x"}}, {"ticket": "x"}])
def test_a_body_of_another_design_that_names_a_ticket_rings_for_it(more: dict[str, Any]) -> None:
    body = {"ticket_id": 4711, "ticket_title": "Sitter's dog bit mine", "account": "a field of theirs", **more}
    found = normalize(body, received_at=RECEIVED)
    (moment,) = found.moments
    assert (moment.interaction, moment.at, moment.facts, found.account) == ("4711", RECEIVED, (), None)


def test_trigger_bodies_are_one_delivery_only_with_the_same_signed_time_and_bytes() -> None:
    body, broken = sent(), sent(title='"')
    keys = {
        delivery_key(data, raw, {TIMESTAMP: at})
        for at in ("2026-11-22T09:16:02Z", "2026-11-22T09:16:40Z")
        for data, raw in ((json.loads(body), body), (None, broken))
    }
    assert len(keys) == 4
    assert all(key.startswith("signed:") for key in keys)
    event = {"type": "zen:event-type:ticket.status_changed", "id": "e1"}
    assert delivery_key(event, b"1", {TIMESTAMP: "a"}) == delivery_key(event, b"2", {TIMESTAMP: "b"}) == "id:e1"


def test_whose_account_says_so() -> None:
    assert read(sent(), received_at=RECEIVED).account == "name:Acme"
    assert read(sent(account=""), received_at=RECEIVED).account is None
    assert read(sent().replace(b"Acme", b"{{ticket.account}}"), received_at=RECEIVED).account is None
    event = {"type": "zen:event-type:user.created", "id": "e1", "account_id": 12345}
    assert normalize(event, received_at=RECEIVED).account == "id:12345"

"""By what a person is found in what others said, and what is left of a moment of theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tsbridge.core.erasure import Erased, Traces, afterwards, erased, without
from tsbridge.core.moments import BARS, Actor, Change, Handle, Moment, Text

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
MAIL, PHONE, USER = Handle("email", "ana@example.com"), Handle("phone", "+14155550123"), Handle("zendesk_user", "41")
TRACES = Traces.of((MAIL, PHONE, USER), ("Ana Silva", "Ana"), ("4155550123",))
SAID = Moment(
    "zendesk",
    "4711",
    "ticket.created",
    AT,
    facts=(("requester.email", "ana@example.com"), ("requester.id", "41"), ("ticket.custom.7", "Elm Street"), ("ticket.status", "new")),
    changes=(Change("ticket.custom.7", None, "Elm Street"), Change("ticket.status", None, "new")),
    texts=(Text("description", "I am hurt"),),
    people=(MAIL, USER),
    actor=Actor("requester", "41", "ana@example.com"),
)


def hide(handle: Handle) -> Handle:
    return Handle(handle.kind, f"erased:{handle.kind}")


@pytest.mark.parametrize(
    "text",
    [
        "ana@example.com",
        "write to ANA@Example.com, please",
        "mailto:ana@example.com>",
        "+14155550123",
        "1 (415) 555-0123",
        "415.555.0123!",
        "call 4155550123 or",
        "+1 415\u00a0555\u00a00123",
        "Mrs Ana Silva",
        "ana  silva's dog",
    ],
)
def test_a_person_is_found_however_they_are_written(text: str) -> None:
    assert TRACES.are_in(text)
    left = TRACES.out_of(text)
    assert BARS in left
    assert not TRACES.are_in(left)


@pytest.mark.parametrize(
    "text", ["banana@example.com", "ana@example.company", "Ana", "Anastasia Silvano", "14155550124", "914155550123", "0123", "555-0123", ""]
)
def test_others_are_not_taken_for_them(text: str) -> None:
    assert not TRACES.are_in(text)
    assert TRACES.out_of(text) == text


def test_in_a_json_value_texts_lose_them_and_names_of_members_stay() -> None:
    told = {"ana@example.com": ["Ana Silva", 7, None, {"note": "ring 415 555 0123"}]}
    assert TRACES.out_of_json(told) == {"ana@example.com": [BARS, 7, None, {"note": f"ring {BARS}"}]}


def test_of_a_moment_of_theirs_ids_and_values_are_left_under_its_digest() -> None:
    left = erased(SAID, hide)
    assert left.digest == SAID.digest
    assert dict(left.facts) == {"requester.email": None, "requester.id": "41", "ticket.custom.7": None, "ticket.status": "new"}
    assert left.changes == (Change("ticket.custom.7", None, None), Change("ticket.status", None, "new"))
    assert (left.texts, left.actor) == ((), Actor("requester", "41", None))
    assert left.people == (Handle("email", "erased:email"), Handle("zendesk_user", "erased:zendesk_user"))
    assert erased(left, lambda one: one) == left


def test_in_somebody_elses_story_only_what_is_theirs_goes() -> None:
    texts = (Text("comment", "from Ana Silva", by="agent", author="7"), Text("comment", "leave me alone", by="requester", author="41"))
    other = replace(SAID, people=(Handle("email", "bo@example.com"),), texts=texts, actor=Actor("agent", "7", "kim@example.com"))
    left = without(other, TRACES, lambda one: hide(one) if one == MAIL else one)
    assert [text.body for text in left.texts] == [f"from {BARS}", BARS]
    assert (left.people, left.actor, left.digest) == (other.people, other.actor, other.digest)
    assert dict(left.facts) == {**dict(other.facts), "requester.email": None}


def test_what_comes_later_is_heard_without_what_was_said_before() -> None:
    known = Erased(AT, frozenset({"I am hurt"}))
    later = replace(
        SAID, at=AT + timedelta(hours=1), event="ticket.commented", texts=(Text("comment", "I am hurt"), Text("comment", "hello"))
    )
    left = afterwards(later, known, hide, known.words.__contains__)
    assert [text.body for text in left.texts] == ["hello"]
    assert dict(left.facts)["requester.email"] is None
    assert afterwards(SAID, known, hide, lambda _: False).texts == ()
    assert afterwards(replace(later, impression=True), known, hide, lambda _: False).texts == ()

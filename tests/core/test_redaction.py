"""What a moment says once words of it are gone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tsbridge.core.escalation import Armed
from tsbridge.core.moments import BARS, Change, Handle, Interaction, Moment, Text
from tsbridge.core.redaction import Words, as_said, forgotten, lost, lost_values, retold, told_by
from tsbridge.core.rules.judgement import Judgement, Match, Note, StepFired

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
SAID = Moment(
    "zendesk",
    "4711",
    "ticket.created",
    AT,
    facts=(("requester.name", "Ana"), ("tags", ("vip",)), ("ticket.custom.7", "4111"), ("ticket.status", "new")),
    changes=(Change("ticket.custom.7", None, "4111"),),
    texts=(Text("subject", "Card 4111"), Text("description", "it is 4111 1111, please", "requester", True)),
    people=(Handle("email", "ana@example.com"), Handle("zendesk_user", "41")),
    vendor_order="1.1",
)


def test_a_moment_that_lost_words_is_the_same_moment() -> None:
    now = retold(SAID, replace(SAID, texts=(Text("subject", "Card ▇▇▇▇"), SAID.texts[1])))
    assert now.digest == SAID.digest
    assert [text.body for text in now.texts] == ["Card ▇▇▇▇", "it is 4111 1111, please"]


def impression(*texts: Text) -> Moment:
    return replace(SAID, texts=texts, vendor_order="", impression=True)


def comment(body: str, order: str) -> Moment:
    return replace(SAID, event="ticket.commented", texts=(Text("comment", body, "requester", True),), vendor_order=order)


def test_bars_are_heard_as_the_first_impression_that_fits_around_them_said() -> None:
    first = impression(Text("description", "my dog bit me"), Text("comment", "my dog bit me"))
    then = impression(Text("description", "my dog bit me"), Text("comment", "it bled: much"))
    last = impression(Text("description", "▇▇ dog bit me"), Text("comment", "it was Ana's"))
    told = [replace(SAID, texts=(Text("description", "▇▇ dog ▇▇▇ me"),)), comment("it ▇▇▇ Ana's", "2"), comment("▇▇▇▇", "3")]
    said = [[text.body for text in moment.texts] for moment in as_said(told, [first, then, last])]
    assert said == [["my dog bit me"], ["it was Ana's"], ["it bled: much"]]


def test_what_no_first_impression_said_or_an_audit_says_keeps_its_bars() -> None:
    stood = [impression(Text("description", "my dog bit me"), Text("comment", "thanks")), comment("thanks", "1")]
    told = [comment("▇▇▇", "2"), comment("no bars", "3")]
    assert as_said(told, stood) == told
    # spaced otherwise than the audit says it: of its role there is no other
    assert as_said([comment("it ▇ me", "2")], [impression(Text("comment", "it  bit  me"))])[0].texts[0].body == "it  bit  me"


def test_told_again_as_it_stands_it_says_the_same() -> None:
    assert retold(SAID, replace(SAID)) == SAID
    once = retold(SAID, replace(SAID, texts=()))
    assert retold(once, replace(SAID, texts=())) == once
    assert [text.body for text in once.texts] == [BARS, BARS]


def test_only_free_values_are_words_status_and_tags_stay_as_first_told() -> None:
    other = replace(SAID, facts=(("tags", ()), ("ticket.custom.7", "▇▇▇▇"), ("ticket.status", "open")), changes=())
    now = retold(SAID, other)
    assert dict(now.facts) == {**dict(SAID.facts), "ticket.custom.7": "▇▇▇▇"}
    assert now.changes == (Change("ticket.custom.7", None, None),)
    assert ("ticket.custom.7", "4111") in lost_values(SAID, now)


@pytest.mark.parametrize(
    ("was", "now", "piece"),
    [
        ("it is 4111 1111, please", "it is ▇▇▇▇▇▇▇▇▇, please", "4111 1111"),
        ("it is 4111 1111, please", "it is ▇, please", "4111 1111"),
        ("4111 1111", "▇▇▇▇▇▇▇▇▇", "4111 1111"),
        ("it is 4111 1111, please", "it is , please", "4111 1111"),
        ("it is 4111 1111, please", "something else ▇▇▇▇", "it is 4111 1111, please"),
    ],
)
def test_the_pieces_that_are_gone_are_those_behind_the_bars(was: str, now: str, piece: str) -> None:
    one, other = (replace(SAID, texts=(Text("comment", body),)) for body in (was, now))
    assert piece in lost(one, retold(one, other)).pieces


def test_what_else_told_it_loses_it_and_a_first_impression_all_its_texts() -> None:
    words = Words((("it is 4111 1111, please", "it is ▇▇▇▇, please"),), ("4111 1111",))
    facts = replace(SAID, event="facts", texts=(Text("description", "it is 4111 1111, please"), Text("comment", "4111 1111?")))
    assert [text.body for text in told_by(facts, words, ()).texts] == ["it is ▇▇▇▇, please", f"{BARS}?"]
    assert told_by(replace(facts, impression=True), words, ()).texts == ()
    assert dict(told_by(SAID, words, {("ticket.custom.7", "4111")}).facts)["ticket.custom.7"] is None
    assert dict(told_by(SAID, words, {("ticket.custom.7", "4222")}).facts)["ticket.custom.7"] == "4111"


def test_of_a_forgotten_moment_ids_and_states_are_left() -> None:
    bare = forgotten(SAID)
    assert bare.digest == SAID.digest
    assert (bare.texts, bare.people) == ((), (Handle("zendesk_user", "41"),))
    assert dict(bare.facts) == {"requester.name": None, "tags": ("vip",), "ticket.custom.7": None, "ticket.status": "new"}


def test_a_judgement_is_kept_whole() -> None:
    full = Judgement(
        (Match("injury", "escalation"),),
        *(1, "safety", "urgent", "intake", "7"),
        custom_fields=(("9", ("a", "b")),),
        tags_added=("x",),
        tags_removed=("y",),
        escalated=("sev1",),
        steps=(StepFired("sev1", 0),),
        passed=(StepFired("sev1", 1),),
        untold=("note:a",),
        level=1,
        notes=(Note("a@b", "text"),),
        notifications=(("a", "oncall"),),
        overruled=({"tag": "z"},),
        stopped_by="injury",
        cut=("text",),
        for_case=("queue",),
        firing=("injury",),
        armed=(Armed("sev1", AT, 1, Interaction("zendesk", "4711")),),
        next_due=AT,
        turns_at=AT,
    )
    assert full.to_json().keys() == set(Judgement._fields)
    for one in (full, full._replace(turns_at=None), Judgement(next_due=AT, turns_at=AT), Judgement()):
        assert Judgement.from_json(json.loads(json.dumps(one.to_json()))) == one

"""Audits of a ticket become moments in Zendesk's own order; what we wrote is known and decides nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.seeds import examples
from tests.vendors.test_total import ODD, places, put
from tsbridge.core.moments import Change, Handle, from_json, to_json
from tsbridge.vendors.zendesk.read_audits import moments_of

AT = "2026-11-22T09:00:00Z"


def audit(id_: int, author: int, *events: dict[str, Any], at: str = AT, **more: Any) -> dict[str, Any]:
    return {"id": id_, "ticket_id": 4711, "created_at": at, "author_id": author, "via": {"channel": "web"}, "events": list(events), **more}


def create(name: str, value: Any) -> dict[str, Any]:
    return {"type": "Create", "field_name": name, "value": value}


def change(name: str, previous: Any, value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Change", "field_name": name, "previous_value": previous, "value": value, **more}


def comment(author: int, body: str, public: bool = True) -> dict[str, Any]:
    return {"type": "Comment", "author_id": author, "body": body, "public": public}


CREATED = audit(100, 41, create("requester_id", 41), create("status", "new"), create("subject", "Help"), comment(41, "my dog was bitten"))


def test_a_new_ticket_is_created_with_the_words_of_its_requester() -> None:
    (moment,) = moments_of("4711", [CREATED], {}.get)
    assert moment.event == "ticket.created"
    assert moment.actor.kind == "requester"
    assert ("ticket.status", "new") in moment.facts
    assert [(text.role, text.by) for text in moment.texts] == [("subject", None), ("description", "requester")]
    assert ("ticket.last_public_by", "requester") in moment.facts


def test_the_order_within_a_second_is_the_order_of_the_audits() -> None:
    audits = [CREATED, audit(103, 7, change("status", "open", "solved")), audit(102, 7, change("status", "new", "open"))]
    moments = moments_of("4711", audits, {}.get)
    assert [dict(m.facts)["ticket.status"] for m in sorted(moments, key=lambda m: m.order)] == ["new", "open", "solved"]


def test_a_follow_up_tells_and_names_the_ticket_it_follows() -> None:
    via = {"channel": "web", "source": {"from": {"ticket_id": 4688, "subject": "Help"}, "to": {}, "rel": "follow_up"}}
    (moment,) = moments_of("4711", [{**CREATED, "via": via}], {}.get)
    assert dict(moment.facts)["ticket.follows"] == "4688"
    assert Handle("ticket", "4688") in moment.names


def test_a_rating_is_told_with_what_stood_before_and_its_reason_is_the_requesters_words() -> None:
    rated = audit(102, 41, change("satisfaction_score", "offered", "bad"), change("satisfaction_comment", None, "he was bitten again"))
    moment = moments_of("4711", [CREATED, rated], {}.get)[1]
    assert (moment.event, moment.changes) == ("ticket.updated", (Change("ticket.satisfaction", "offered", "bad"),))
    assert dict(moment.facts)["ticket.satisfaction"] == "bad"
    assert [(text.role, text.body, text.by) for text in moment.texts] == [("comment", "he was bitten again", "requester")]


def test_a_rating_told_by_an_event_of_its_own_is_the_same_rating() -> None:
    rating = {"type": "SatisfactionRating", "score": "good_with_comment", "body": "thank you", "assignee_id": 7}
    moment = moments_of("4711", [CREATED, audit(102, 41, rating)], {}.get)[1]
    assert dict(moment.facts)["ticket.satisfaction"] == "good"
    assert [text.body for text in moment.texts] == ["thank you"]


def test_a_rating_in_words_nobody_knows_says_nothing() -> None:
    odd = audit(102, 41, change("satisfaction_score", "offered", "four stars"), change("status", "solved", "open"))
    moment = moments_of("4711", [CREATED, odd], {}.get)[1]
    assert dict(moment.facts) == {"ticket.status": "open"}


def test_what_an_agent_wrote_is_told_as_the_agents() -> None:
    moments = moments_of("4711", [CREATED, audit(101, 7, comment(7, "was anybody bitten?", public=False))], {}.get)
    assert moments[1].event == "ticket.commented"
    assert moments[1].texts[0].by == "agent"
    assert moments[1].texts[0].public is False


def test_what_was_said_by_phone_is_told_like_any_comment() -> None:
    said = comment(41, "Voicemail: somebody is hurt") | {"type": "VoiceComment", "data": {"call_id": 1}}
    moment = moments_of("4711", [CREATED, audit(101, 41, said)], {}.get)[1]
    assert moment.event == "ticket.commented"
    assert [(text.role, text.body, text.by) for text in moment.texts] == [("comment", "Voicemail: somebody is hurt", "requester")]


def test_our_own_update_is_known_by_its_marker_and_a_rules_part_in_it_is_heard() -> None:
    ours = {"tsbridge": "int_1", "notes": []}
    plan = {"add": ["ts_injury"], "remove": [], "values": {"group_id": "10"}}
    rule = {"via": {"channel": "rule", "source": {"from": {"id": 1, "title": "t"}, "rel": "trigger"}}}
    written = audit(
        101,
        99,
        change("tags", [], ["ts_injury"]),
        change("group_id", None, "10"),
        change("priority", None, "low", **rule),
        change("subject", "Help", "Refund", **rule),
        change("external_id", None, "talkdesk:acc:call-9", **rule),
        metadata={"custom": ours},
    )
    _, known, by_rule = moments_of("4711", [CREATED, written], {"int_1": plan}.get)
    assert (known.event, known.actor.kind) == ("written", "us")
    assert dict(known.facts) == {"tags": ("ts_injury",), "ticket.group_id": "10"}
    assert Change("ticket.priority", None, "low") in by_rule.changes
    assert [(text.role, text.body) for text in by_rule.texts] == [("subject", "Refund")]
    assert by_rule.names == (Handle("call", "call-9"),)
    assert by_rule.actor.kind == "system"


def test_others_under_our_user_are_not_us() -> None:
    moments = moments_of("4711", [CREATED, audit(101, 99, change("tags", ["a"], []), metadata={"custom": {"tsbridge": "int_2"}})], {}.get)
    assert moments[1].actor.kind == "agent"


def test_the_way_an_update_came_is_told_and_no_part_of_what_the_update_is() -> None:
    (mailed,) = moments_of("4711", [audit(10, 41, comment(41, "hello"), via={"channel": "email"})], {}.get, "41")
    (unknown,) = moments_of("4711", [audit(10, 41, comment(41, "hello"), via={"channel": "pigeon"})], {}.get, "41")
    assert (mailed.via, unknown.via) == ("email", "")
    assert (mailed, mailed.digest) == (unknown, unknown.digest)
    assert from_json(to_json(mailed), mailed.digest).via == "email"
    assert from_json(to_json(mailed)).digest == mailed.digest


def test_audits_read_again_are_the_same_moments() -> None:
    assert [m.digest for m in moments_of("4711", [CREATED], {}.get)] == [
        m.digest for m in moments_of("4711", [CREATED, CREATED][:1], {}.get)
    ]


WHOLE = audit(
    101,
    7,
    change("tags", ["a"], ["b"]),
    change("123", None, ["x"]),
    comment(7, "words"),
    via={"channel": "web", "source": {"from": {"ticket_id": 4712, "ticket_ids": [4712]}, "rel": "merge"}},
    metadata={"custom": {"tsbridge": "int_1"}},
)


@examples(100, 500)
@given(st.data())
def test_whatever_an_audit_holds_it_is_moments_or_nothing(data: st.DataObject) -> None:
    odd: Any = {**WHOLE, "events": {str(n): event for n, event in enumerate(WHOLE["events"])}}
    for _ in range(data.draw(st.integers(1, 3))):
        odd = put(odd, data.draw(st.sampled_from(places(odd))), data.draw(ODD))
    events = odd.get("events")
    broken = {**odd, "events": list(events.values()) if isinstance(events, dict) else events}
    plan = {"add": ["b"], "remove": [], "values": {}}
    for moment in moments_of("4711", [CREATED, broken], data.draw(st.sampled_from([{}, {"int_1": plan}])).get):
        assert moment.digest

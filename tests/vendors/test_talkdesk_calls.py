"""What a Talkdesk body says about how a call went and which way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tsbridge.core.errors import Malformed
from tsbridge.core.moments import Moment
from tsbridge.vendors.talkdesk import mapping
from tsbridge.vendors.talkdesk.missed import Heard, missed
from tsbridge.vendors.talkdesk.normalize import normalize
from tsbridge.vendors.talkdesk.schema import TRIGGERS, schema

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ENDED = {"tsbridge_event": "call.ended", "call_id": "c1", "hangup": "Handled"}


def facts(body: dict[str, Any]) -> dict[str, Any]:
    return dict(normalize(body, received_at=NOW).moments[0].facts)


@pytest.mark.parametrize("more", [{}, {"duration": "0", "agent_id": "a1"}, {"duration": "31"}, {"agent_email": "a@example.com"}])
def test_handled_alone_does_not_make_a_call_answered(more: dict[str, str]) -> None:
    assert "call.outcome" not in facts({**ENDED, **more})


@pytest.mark.parametrize(
    "more", [{"duration": "31", "agent_id": "a1"}, {"talk_time": 3, "agent_email": "a@example.com"}, {"hangup": "Hold"}]
)
def test_talk_with_an_agent_hold_or_transfer_does(more: dict[str, Any]) -> None:
    assert facts({**ENDED, **more})["call.outcome"] == "answered"


@pytest.mark.parametrize(
    ("body", "direction"),
    [
        ({"event": "outboundCallEnds"}, "outbound"),
        ({"event": "Inbound Call Starts"}, "inbound"),
        ({"tsbridge_event": "call.ended", "event": "outboundCallEnds"}, "outbound"),
        ({"event": "outboundCallEnds", "direction": "in"}, "inbound"),
        ({"event": "outboundCallEnds", "direction": "", "call_type": "{{call_type}}"}, "outbound"),
        ({"event": "call_finished", "direction": "sideways", "type": "call", "call_type": "OUT"}, "outbound"),
        ({"tsbridge_event": "call.missed", "type": "outbound_missed"}, "outbound"),
        ({"tsbridge_event": "call.missed"}, "inbound"),
        ({"auth": {}, "data": {"event": "outboundCallEnds"}, "meta": {}}, "outbound"),
        ({"tsbridge_event": "call.ended"}, None),
    ],
)
def test_the_direction_stands_in_the_events_name_where_the_body_has_none(body: dict[str, str], direction: str | None) -> None:
    assert facts({"call_id": "c1", **body}).get("call.direction") == direction


@pytest.mark.parametrize(
    "body",
    [
        {"tsbridge_event": "call.ended", "call_id": "c1", "timestamp": "2026-06-01 09:21:40"},
        {"event": "inboundCallEnds", "call_id": "c1", "end_at": "2026-06-01T09:21:40"},
        {"auth": {}, "data": {"event": "call_finished", "call_id": "c1", "timestamp": "2026-06-01 09:21:40"}, "meta": {}},
    ],
)
def test_times_without_a_zone_are_in_the_zone_of_the_account_and_told_as_such(body: dict[str, Any]) -> None:
    found = normalize(body, received_at=NOW, zone=ZoneInfo("Europe/Lisbon"))
    assert found.moments[0].at == datetime(2026, 6, 1, 8, 21, 40, tzinfo=UTC)
    assert [warning.partition(":")[0] for warning in found.warnings] == ["zoneless"]


@pytest.mark.parametrize(
    ("named", "code", "where"),
    [
        ({}, "missing_event", "/tsbridge_event"),
        ({"tsbridge_event": "", "event": ""}, "missing_event", "/tsbridge_event"),
        ({"tsbridge_event": "{{event}}", "event": "null"}, "missing_event", "/tsbridge_event"),
        ({"data": {"kind": "call.ended"}}, "missing_event", "/tsbridge_event"),
        ({"tsbridge_event": "call.endet"}, "unknown_event", "/tsbridge_event"),
        ({"tsbridge_event": "call_ended"}, "unknown_event", "/tsbridge_event"),
        ({"tsbridge_event": "call.endet", "event": "inboundCallEnds"}, "unknown_event", "/tsbridge_event"),
        ({"tsbridge_event": ["call.ended"]}, "unknown_event", "/tsbridge_event"),
        ({"tsbridge_event": 7}, "unknown_event", "/tsbridge_event"),
        ({"event": "inboundCallEnded"}, "unknown_event", "/event"),
        ({"auth": {}, "data": {"tsbridge_event": "call.endet"}, "meta": {}}, "unknown_event", "/tsbridge_event"),
    ],
)
def test_an_event_that_is_missing_or_mistyped_is_unreadable(named: dict[str, Any], code: str, where: str) -> None:
    with pytest.raises(Malformed) as refused:
        normalize({"call_id": "c1", **named}, received_at=NOW)
    assert (refused.value.code, refused.value.pointer) == (code, where)


@pytest.mark.parametrize("named", ["agentLogIn", "Agent Log Out", "contactCreated", "contact.updated", "call.csat_received"])
def test_events_of_talkdesks_that_are_about_no_case_are_ignored(named: str) -> None:
    for body in ({"event": named}, {"tsbridge_event": named}, {"event": named, "call_id": "c1"}):
        assert normalize(body, received_at=NOW).ignored == "not_about_a_case"


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("typed", ["inbound", "outbound"])
def test_every_schema_we_hand_out_has_a_direction_to_type_and_a_body_by_it_is_read(trigger: str, typed: str) -> None:
    properties = schema(trigger)["properties"]
    assert all(what["type"] == "string" for what in properties.values())
    left_alone = {name: what["default"] for name, what in properties.items()} | {"call_id": "c1", "interaction_id": "c1"}
    assert facts(left_alone).get("call.direction") == ("inbound" if left_alone["direction"] else None)
    assert facts({**left_alone, "direction": typed})["call.direction"] == typed


NOTHING = Heard()


def row_told(row: dict[str, Any], heard: Heard = NOTHING) -> dict[str, dict[str, Any]]:
    return {body["tsbridge_event"]: body for _, body in missed(row, heard)}


NEW_ROW: dict[str, Any] = {
    "call_id": "x1", "type": "inbound", "start_at": "2026-06-01T09:14:03Z", "end_at": "2026-06-01T09:21:40Z",
    "contact_phone_number": "+351910000123", "wait_time": 17, "talk_time": 300, "hold_time": 36, "ring_groups": "billing+vip",
    "is_transfer": True,
}  # fmt: skip
OLD_ROW: dict[str, Any] = {
    "interaction_id": "x1", "call_type": "inbound", "start_time": "2026-06-01 09:14:03", "end_time": "2026-06-01 09:21:40",
    "customer_phone_number": "+351910000123", "waiting_time": "0.0001968", "talk_time": "0.0034722", "holding_time": "0.00041667",
    "tags": "billing+vip", "transfer?": "true",
}  # fmt: skip


@pytest.mark.parametrize(
    "durations",
    [
        {},
        {"talk_time": 0.0034722222, "waiting_time": 0.000196759, "holding_time": "4.1667e-04"},
        {"talk_time": "00:05:00", "waiting_time": "00:00:17", "holding_time": "00:00:36"},
        {"talk_time": "0d 0h 5m 0s", "waiting_time": "0d 0h 0m 17s", "holding_time": "0d 0h 0m 36s"},
        {"talk_time": "300", "waiting_time": "17.0", "holding_time": 36},
    ],
)
def test_a_row_of_before_may_2026_tells_what_the_same_row_of_today_tells(durations: dict[str, Any]) -> None:
    def moments(row: dict[str, Any]) -> list[Moment]:
        return [normalize(body, received_at=NOW).moments[0] for body in row_told(row).values()]

    found = moments({**OLD_ROW, **durations})
    assert found == moments(NEW_ROW)
    assert dict(found[-1].facts)["call.talk_seconds"] == 300


@pytest.mark.parametrize(("written", "seconds"), [("0.5", 0.5), ("0", 0), ("1", 1), (0.0034722, 300), ("0.00001", 1), ("0.9", 0.9)])
def test_a_part_of_a_second_is_a_part_of_a_day_only_where_the_call_was_that_long(written: Any, seconds: float) -> None:
    assert row_told({**NEW_ROW, "wait_time": written})["call.ended"]["waiting_time"] == seconds


def test_what_a_row_tells_goes_under_the_name_that_the_story_has_already() -> None:
    heard = Heard(frozenset({"call.started"}), frozenset(), frozenset({"i1"}))
    (moment,) = normalize(row_told(NEW_ROW, heard)["call.answered"], received_at=NOW).moments
    assert (moment.interaction, [name.value for name in moment.names]) == ("i1", ["i1", "x1"])
    (both,) = normalize(
        row_told({**NEW_ROW, "interaction_id": "i1"}, Heard(interactions=frozenset({"x1"})))["call.ended"], received_at=NOW
    ).moments
    assert (both.interaction, [name.value for name in both.names]) == ("x1", ["i1", "x1"])
    (alone,) = normalize(row_told(NEW_ROW)["call.answered"], received_at=NOW).moments
    assert (alone.interaction, [name.value for name in alone.names]) == ("x1", ["x1"])


HANDLED: dict[str, Any] = {
    "call_id": "c1",
    "hangup": "Handled",
    "total_duration": "64",
    "duration": "31",
    "timestamp": "2026-06-01T09:21:40Z",
}
FLOW: dict[str, Any] = {
    "name": "flow",
    "when": {"/kind": "over"},
    "event": "call.ended",
    "fields": {"call_id": "/call/id", "hangup": "/call/cause", "duration": "/call/s", "agent_id": "/agent"},
}


@pytest.mark.parametrize(
    "body",
    [
        {"tsbridge_event": "call.ended", **HANDLED},
        {**{name: what["default"] for name, what in schema("call.ended")["properties"].items()}, **HANDLED},
        {"event": "inboundCallEnds", **HANDLED, "agent_id": "", "agent_email": "null"},
        {"event": "call_finished", **HANDLED, "hangup": "handled", "agent_id": "a1", "duration": "0"},
        {"auth": {}, "data": {"event": "call_finished", **HANDLED}, "meta": {"agent_external_id": "7"}},
        {"kind": "over", "call": {"id": "c1", "cause": "Handled", "s": 31}},
        *(body for body in row_told({**NEW_ROW, "talk_time": 0, "hold_time": 0, "is_transfer": False, "hangup": "handled"}).values()),
        *(body for body in row_told({**NEW_ROW, "talk_time": None, "is_transfer": None, "hangup": "Handled"}).values()),
        *(body for body in row_told({**NEW_ROW, "type": "voicemail", "talk_time": 31, "hangup": "handled"}).values()),
    ],
)
def test_handled_answers_nothing_by_whichever_way_it_is_told(body: dict[str, Any]) -> None:
    (moment,) = normalize(body, received_at=NOW, mappings=mapping.read([FLOW])).moments
    assert moment.event in ("call.started", "call.ended")
    assert dict(moment.facts).get("call.outcome") is None


@pytest.mark.parametrize("kind", ["missed", "abandoned", "short_abandoned", "outbound_missed"])
def test_a_row_of_an_unanswered_call_tells_no_answer_whatever_else_it_says(kind: str) -> None:
    told = row_told({**NEW_ROW, "type": kind, "hangup": "handled"})
    assert [facts(body).get("call.outcome") for body in told.values()] == [None, kind.removeprefix("outbound_")]


@pytest.mark.parametrize(
    ("written", "ticket"),
    [
        ("4711", "4711"),
        (4711, "4711"),
        ("#4711", "4711"),
        ("zendesk:4711", "4711"),
        ("004711", "4711"),
        ("9" * 19, "9" * 19),
        ("9" * 20, None),
        ("9" * 5_000, None),
        ("4711abc", None),
        ("4711 4712", None),
        ("\u0664\u0667", None),
        ("-4711", None),
        (4711.0, None),
        ("talkdesk:acme:4711", None),
        ("{{ticket}}", None),
        ("0", None),
    ],
)
@pytest.mark.parametrize("at", ["zendesk_ticket_id", "external_id", "ticket_id"])
def test_a_call_names_a_ticket_by_plain_digits_only(at: str, written: Any, ticket: str | None) -> None:
    for body in ({**ENDED, at: written}, {"auth": {}, "data": {**ENDED, at: written}, "meta": {}}):
        names = normalize(body, received_at=NOW).moments[0].names
        assert [name.value for name in names if name.kind == "ticket"] == ([ticket] if ticket else [])

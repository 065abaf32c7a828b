"""What a Talkdesk body says about how a call went and which way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tsbridge.vendors.errors import Malformed
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

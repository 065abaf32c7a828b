"""Any body can be read once somebody says where things stand in it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.vendors.captured import RECEIVED
from tsbridge.core.errors import Malformed
from tsbridge.core.moments import Handle
from tsbridge.vendors.talkdesk import mapping
from tsbridge.vendors.talkdesk.normalize import normalize

FLOW = {
    "name": "our studio flow",
    "when": {"/kind": "CallFinished", "/v": 2},
    "event": "call.ended",
    "fields": {
        "call_id": "/call/a~1b",
        "contact_phone_number": "/parties/0/number",
        "contact_external_id": "/parties/0/zendesk",
        "duration": "/call/talk",
        "tags": "/groups",
        "zendesk_ticket_id": "/case",
    },
}
BODY: dict[str, Any] = {
    "kind": "CallFinished",
    "v": 2,
    "call": {"a/b": "c-77", "talk": "12.5"},
    "parties": [{"number": "+14155552671", "zendesk": "41"}],
    "groups": ["claims", "safety"],
}


def moment(body: Any, *mappings: dict[str, Any]) -> Any:
    try:
        found = normalize(body, received_at=RECEIVED, mappings=mapping.read(list(mappings)))
    except Malformed as refused:
        return refused.code
    return found.moments[0] if found.moments else found.ignored


def test_a_body_is_read_where_the_mapping_says() -> None:
    told = moment(BODY, FLOW)
    assert (told.event, told.interaction) == ("call.ended", "c-77")
    facts = dict(told.facts)
    assert (facts["call.talk_seconds"], facts["call.ring_group"], facts["requester.id"]) == (12.5, ("claims", "safety"), "41")
    assert Handle("phone", "+14155552671") in told.people


def test_the_event_can_stand_in_the_body() -> None:
    words = {"from": "/kind", "words": {"CallFinished": "call.ended", "CallLost": "call.missed"}}
    flow = {**FLOW, "when": {"/v": 2}, "event": words}
    assert moment({**BODY, "kind": "CallLost"}, flow).event == "call.missed"
    assert moment({**BODY, "kind": "Other"}, flow) == "missing_event"


@pytest.mark.parametrize("change", [{"v": "2"}, {"v": True}, {"v": None}, {"kind": "callfinished"}])
def test_a_body_that_is_not_meant_is_read_as_it_would_be_without(change: dict[str, Any]) -> None:
    assert moment({**BODY, **change}, FLOW) == "missing_event"


def test_the_first_that_fits_is_used_and_stock_bodies_need_none() -> None:
    assert moment(BODY, {**FLOW, "event": "call.missed"}, FLOW).event == "call.missed"
    assert moment({"tsbridge_event": "call.answered", "call_id": "9"}, FLOW).event == "call.answered"


def test_a_body_without_the_call_is_unreadable_not_guessed() -> None:
    assert moment({**BODY, "call": {}}, FLOW) == "missing_call_id"


def test_a_mapping_mends_a_mistyped_event() -> None:
    typed = {"tsbridge_event": "call.endet", "call_id": "c-77"}
    mend = {"name": "a slip", "when": {"/tsbridge_event": "call.endet"}, "event": "call.ended", "fields": {"call_id": "/call_id"}}
    assert moment(typed) == "unknown_event"
    assert moment(typed, mend).event == "call.ended"


def test_a_mapping_says_in_which_zone_its_times_are_and_goes_before_the_setting() -> None:
    flow = {**FLOW, "fields": {**FLOW["fields"], "timestamp": "/at"}}  # type: ignore[dict-item]
    body = {**BODY, "at": "2026-06-01 09:14:03"}
    read = {}
    for name, more in (("setting", {}), ("mapping", {"timezone": "Asia/Tokyo"})):
        shapes = mapping.read([{**flow, **more}])
        found = normalize(body, received_at=RECEIVED, zone=ZoneInfo("America/Los_Angeles"), mappings=shapes)
        read[name] = (found.moments[0].at.isoformat(), found.warnings)
    assert read["setting"] == ("2026-06-01T16:14:03+00:00", ("zoneless:timestamp",))
    assert read["mapping"] == ("2026-06-01T00:14:03+00:00", ())

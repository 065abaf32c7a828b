"""Which times of a vendor's are believed, and what counts instead; channels that we have no word for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tsbridge.core.moments import Moment
from tsbridge.core.rules import vocabulary
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.talkdesk.normalize import normalize as talkdesk
from tsbridge.vendors.zendesk.channels import CHANNELS, channel_of, unknown_channel
from tsbridge.vendors.zendesk.normalize import normalize as zendesk
from tsbridge.vendors.zendesk.read_audits import believed, channel_warnings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def trigger(said: Any) -> Normalized:
    return zendesk({"tsbridge": "2", "type": "ticket.updated", "ticket_id": "4711", "ticket": {"updated_at": said}}, received_at=NOW)


def event(said: Any) -> Normalized:
    return zendesk({"type": "zen:event-type:ticket.status_changed", "time": said, "detail": {"id": "4711"}, "event": {}}, received_at=NOW)


def message(said: Any) -> Normalized:
    body = {"type": "zen:event-type:messaging_ticket.message_added", "time": said, "detail": {"id": "4711"}, "event": {"actor": {}}}
    return zendesk(body, received_at=NOW)


def call(said: Any) -> Normalized:
    return talkdesk({"tsbridge_event": "call.ended", "call_id": "c1", "timestamp": said}, received_at=NOW)


TIMES = [
    ("2026-11-22T12:05:00Z", True, None),
    ("2026-11-22T12:05:01Z", False, "time_ahead"),
    ("2099-01-01T00:00:00Z", False, "time_ahead"),
    ("2005-01-01T00:00:00Z", True, None),
    ("2004-12-31T23:59:59Z", False, "time_too_old"),
    ("22. November, zwölf Uhr", False, "time_unreadable"),
    ("", False, None),
    (None, False, None),
]


@pytest.mark.parametrize("vendor", [trigger, event, message, call])
@pytest.mark.parametrize(("said", "known", "warning"), TIMES)
def test_a_time_is_believed_within_reason_and_else_the_receipt_counts(vendor: Any, said: Any, known: bool, warning: str | None) -> None:
    found = vendor(said)
    (moment,) = found.moments
    assert moment.at_known is known
    assert (moment.at == NOW) is not known
    assert found.warnings == (() if warning is None else (warning,))


@pytest.mark.parametrize("kind", ["ticket.created", "ticket.updated"])
def test_a_trigger_body_whose_only_time_cannot_be_read_says_so(kind: str) -> None:
    ticket = {"id": "4711", "created_at": "", "updated_at": ""}
    for name in ("created_at", "updated_at"):
        found = zendesk({"tsbridge": "1", "type": kind, "ticket": {**ticket, name: "gestern"}}, received_at=NOW)
        assert found.warnings == ("time_unreadable",)


def audits(*said: datetime) -> list[Moment]:
    return [Moment("zendesk", "4711", "ticket.updated", at, vendor_order=f"{place:020d}.1") for place, at in enumerate(said)]


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


LATER = datetime(2099, 1, 1, tzinfo=UTC)


def test_an_audit_of_the_future_counts_when_it_was_first_read_and_so_for_good() -> None:
    told = audits(minutes(-30), LATER)
    first, kept, warnings = believed(told, NOW, {})
    assert [m.at for m in first] == [minutes(-30), NOW]
    assert warnings == ["time_ahead"]
    for later in (minutes(7), LATER + timedelta(days=1)):  # read again, also when its time has come
        again, same, nothing = believed(told, later, kept)
        assert ([m.digest for m in again], same, nothing) == ([m.digest for m in first], kept, [])


def test_an_audit_that_is_not_believed_keeps_its_place_between_its_neighbours() -> None:
    told = audits(minutes(-30), LATER, datetime(1999, 1, 1, tzinfo=UTC), minutes(-20), LATER)
    found, _, warnings = believed(told, NOW, {})
    assert [m.at for m in found] == [minutes(-30), minutes(-20), minutes(-20), minutes(-20), NOW]
    assert sorted(found, key=lambda m: m.order) == found
    assert [m.at_known for m in found] == [True, False, False, True, False]
    assert warnings == ["time_ahead", "time_too_old", "time_ahead"]


def test_what_we_wrote_and_what_a_rule_did_in_one_audit_stay_together() -> None:
    ours, rest = (Moment("zendesk", "4711", "ticket.updated", LATER, vendor_order=f"{7:020d}.{n}") for n in (0, 1))
    found, kept, warnings = believed([ours, rest], NOW, {})
    assert [m.at for m in found] == [NOW, NOW]
    assert len(kept) == len(warnings) == 1


def test_audits_of_a_usual_life_stay_as_they_are() -> None:
    told = audits(minutes(-30), minutes(-20), minutes(4))
    assert believed(told, NOW, {}) == (told, {}, [])


TITLES = {
    "Web Form": "web",
    "Mail": "email",
    "Web service (API)": "api",
    "Phone call (incoming)": "voice",
    "CTI phone call (outbound)": "voice",
    "Facebook Private Message": "social",
    "X (formerly Twitter) DM": "social",
    "Help Center post": "web",
    "Trigger, automation": "api",
    "Apple Messages for Business": "messaging",
    "native_messaging": "messaging",
    "sunshine_conversations_facebook_messenger": "social",
    "twilio_sms": "sms",
    "chat_transcript": "chat",
    4: "email",
}


def test_via_words_and_titles_have_one_of_our_channels() -> None:
    assert {title: channel_of(title) for title in TITLES} == TITLES
    assert set(CHANNELS.values()) == set(vocabulary.CHANNELS)
    assert all(unknown_channel(title) == () for title in TITLES)


def test_a_channel_without_a_word_of_ours_is_told_and_none_is_not() -> None:
    assert unknown_channel("Formulaire Web") == ("channel:formulaire_web",)
    assert unknown_channel("smoke_signal") == ("channel:smoke_signal",)
    for nothing in (None, "", "{{ticket.via}}", "-", [], {"a": 1}, True):
        assert unknown_channel(nothing) == ()


def test_every_way_of_hearing_a_ticket_tells_an_unknown_channel() -> None:
    body = {"tsbridge": "2", "type": "ticket.created", "ticket_id": "4711", "ticket": {"channel": "smoke signal"}}
    assert zendesk(body, received_at=NOW).warnings == ("channel:smoke_signal",)
    detail = {"id": "4711", "via": {"channel": "smoke_signal"}}
    subscribed = {"type": "zen:event-type:ticket.created", "time": "2026-11-22T12:00:00Z", "detail": detail, "event": {}}
    assert zendesk(subscribed, received_at=NOW).warnings == ("channel:smoke_signal",)
    audit = {"id": 1, "via": {"channel": "smoke_signal"}, "events": [{"type": "Create", "field_name": "status", "value": "new"}]}
    assert channel_warnings([{"id": 0, "via": {"channel": "odd"}, "events": []}, audit]) == ("channel:smoke_signal",)


def test_what_merely_looks_like_a_placeholder_is_text_and_what_is_one_is_told() -> None:
    texts = {"subject": "N/A", "latest_comment": "{{name}} bit me", "description": "none", "requester_name": "Null"}
    body = {"tsbridge": "2", "type": "ticket.updated", "ticket_id": "4711", "ticket": {"tags": "vip {{x}}", "group_id": "{{y}}"}}
    found = zendesk({**body, "texts": texts}, received_at=NOW)
    (moment,) = found.moments
    assert [text.body for text in moment.texts] == ["N/A", "none", "{{name}} bit me"]
    assert dict(moment.facts)["requester.name"] == "Null"
    assert dict(moment.facts)["tags"] == ("vip",)
    assert found.warnings == ("placeholder:group_id", "placeholder:tags")

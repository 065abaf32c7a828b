"""Background facts of a ticket: what its deliveries do not tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tsbridge.core.moments import Handle
from tsbridge.vendors.zendesk.background_facts import facts_of

TICKET: dict[str, Any] = {"id": 4711, "created_at": "2026-11-22T09:00:00Z", "requester_id": 41, "subject": "Help"}
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def told(ticket: dict[str, Any], user: dict[str, Any] | None) -> dict[str, Any]:
    moment = facts_of({**TICKET, **ticket}, user, "US", NOW)
    assert moment is not None
    return dict(moment.facts)


def test_the_requesters_tags_are_told_as_the_user_has_them() -> None:
    assert told({}, {"id": 41, "tags": ["VIP", "beta"]})["requester.tags"] == ("beta", "vip")
    assert told({}, {"id": 41, "tags": []})["requester.tags"] == ()
    assert "requester.tags" not in told({}, None)


def test_a_follow_up_names_the_ticket_it_follows() -> None:
    via = {"channel": "web", "source": {"from": {"ticket_id": 4688}, "rel": "follow_up"}}
    moment = facts_of({**TICKET, "via": via}, None, "US", NOW)
    assert moment is not None
    assert dict(moment.facts)["ticket.follows"] == "4688"
    assert moment.names == (Handle("ticket", "4688"),)


def test_facts_of_a_ticket_with_a_creation_that_cannot_be_stand_at_the_time_they_were_told() -> None:
    for said in ("2099-01-01T00:00:00Z", "1999-12-31T00:00:00Z"):
        moment = facts_of({**TICKET, "created_at": said}, None, "US", NOW)
        assert moment is not None
        assert (moment.at, moment.at_known) == (NOW, False)

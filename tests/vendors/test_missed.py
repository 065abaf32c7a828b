"""Which of a ticket's audits no delivery told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.clocks import START
from tsbridge.vendors.zendesk.missed import Heard, missed

TICKET = {"id": 4711, "requester_id": 41}
LONG_AGO = START - timedelta(days=1)


def audit(id_: int, author: int = 7, **more: Any) -> dict[str, Any]:
    change = {"type": "Change", "field_name": "status", "previous_value": "open", "value": "solved"}
    return {"id": id_, "created_at": "2026-11-22T09:00:00Z", "author_id": author, "events": [change], **more}


def keys(*audits: dict[str, Any], heard: list[Heard]) -> list[str]:
    return [key for key, _ in missed(TICKET, audits, heard, LONG_AGO)]


def test_an_audit_of_the_same_second_as_one_that_was_read_is_missed_all_the_same() -> None:
    assert keys(audit(101), audit(102), heard=[Heard(START, False, "101")]) == ["audit:102"]


def test_our_own_update_is_missed_like_any_until_its_audit_was_read() -> None:
    ours = audit(101, author=99, metadata={"custom": {"tsbridge": "int_1"}})
    assert keys(ours, heard=[Heard(START - timedelta(minutes=1), False, "100")]) == ["audit:101"]
    assert keys(ours, heard=[Heard(START, False, "101")]) == []


def test_where_no_audit_was_read_a_delivery_of_the_same_second_accounts_for_it() -> None:
    assert keys(audit(101), heard=[Heard(START + timedelta(seconds=1), False)]) == []
    assert keys(audit(101), heard=[Heard(START + timedelta(seconds=2), False)]) == ["audit:101"]

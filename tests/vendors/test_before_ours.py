"""What a ticket read before our update, as its audit tells it: audits tell custom fields as texts, tickets as what they are."""

from __future__ import annotations

from typing import Any

import pytest

from tsbridge.core.helpdesk import Edit, overwritten
from tsbridge.core.moments import Value
from tsbridge.vendors.zendesk.tickets import before_of, current_of

FIELD = 360001234
NAME = f"custom:{FIELD}"


def owed(read: Any, told: Any, ours: Value) -> Edit:
    """What is given back when the ticket read `read`, our update set `ours`, and its audit tells `told` as what stood before."""
    current = current_of({"id": 1, "status": "open", "tags": [], "custom_fields": [{"id": FIELD, "value": read}]})
    event = {"type": "Change", "field_name": str(FIELD), "value": "x", "previous_value": told}
    edit = Edit(values=((NAME, ours),))
    return overwritten(current, edit, before_of(current, edit, [event]))


@pytest.mark.parametrize(
    ("read", "told", "ours"),
    [
        (None, "", "tier_3"),
        (None, None, "tier_3"),
        ("", None, "a word"),
        ("tier_1", "tier_1", "tier_3"),
        (False, "0", True),
        (False, "", True),
        (False, None, True),
        (False, "false", True),
        (True, "1", False),
        (["late", "wet"], "wet late", "cold"),
        (["late", "wet"], ["wet", "late"], "cold"),
        ([], "", "cold"),
        (None, [], "cold"),
        (None, None, True),
        (None, "", True),
        (None, "0", True),
        (None, "", ("cold",)),
    ],
)
def test_what_stood_there_when_we_read_is_nobodys_edit_however_the_audit_tells_it(read: Any, told: Any, ours: Value) -> None:
    assert owed(read, told, ours) == Edit()


@pytest.mark.parametrize(
    ("read", "told", "ours", "given_back"),
    [
        (None, "tier_1", "tier_3", "tier_1"),
        ("tier_1", "", "tier_3", None),
        (True, "0", True, False),
        (["late"], "late wet", "cold", ("late", "wet")),
        (["late"], "", "cold", None),
        (None, "late wet", ("cold",), ("late", "wet")),
        (None, "1", False, True),
    ],
)
def test_what_somebody_set_in_between_is_given_back_as_the_ticket_holds_it(read: Any, told: Any, ours: Value, given_back: Value) -> None:
    assert owed(read, told, ours) == Edit(values=((NAME, given_back),))

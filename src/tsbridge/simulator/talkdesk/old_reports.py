"""Rows of the calls report as they were before May 2026: other names, durations as fractions of a day, times without a zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SECONDS_A_DAY: Final = 86_400
NAMES: Final = {
    "call_id": "interaction_id",
    "type": "call_type",
    "start_at": "start_time",
    "end_at": "end_time",
    "contact_phone_number": "customer_phone_number",
    "talkdesk_phone_number": "talkdesk_phone_number",
    "wait_time": "waiting_time",
    "talk_time": "talk_time",
    "hold_time": "holding_time",
    "ring_groups": "tags",
    "user_name": "agent_name",
    "is_transfer": "transfer?",
    "is_in_business_hours": "in_business_hours?",
    "disposition_code": "disposition_code",
    "notes": "description",
}
"""Columns that there were already; what stands nowhere here came later. The interaction's own id is not among them."""


def old(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of today as it would have been."""
    return {before: _old_value(name, row.get(name)) for name, before in NAMES.items()}


def _old_value(name: str, value: Any) -> Any:
    if name.endswith("_time"):
        return f"{value / SECONDS_A_DAY:.7f}"
    if name.endswith("_at") and value is not None:
        return value.replace("T", " ").removesuffix("Z")
    return str(value).lower() if isinstance(value, bool) else value
